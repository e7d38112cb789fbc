#include "engine/http/resolved_fetch.h"

#include <utility>

namespace sluice::engine {
namespace {

// Addresses of one host that are tried within the request's time.
constexpr size_t kAddressesTried = 8;

}  // namespace

ResolvedFetch::ResolvedFetch(dns::MxRouter& router, HttpTransport& transport, Mailbox& mailbox)
    : router_(router),
      transport_(transport),
      mailbox_(mailbox),
      self_(std::make_shared<ResolvedFetch*>(this)) {}

void ResolvedFetch::Fetch(HttpRequest request, DoneFn done) {
  const std::string host = request.host;
  router_.Addresses(host, [weak = std::weak_ptr(self_), request = std::move(request),
                           done = std::move(done)](const dns::HostAddresses& found) mutable {
    if (const auto alive = weak.lock()) (*alive)->Begin(std::move(request), found, std::move(done));
  });
}

void ResolvedFetch::Begin(HttpRequest request, const dns::HostAddresses& found, DoneFn done) {
  if (found.addresses.empty())
    return Later({.error = found.detail, .content_type = {}, .body = {}}, std::move(done));
  HttpCall call{std::move(request), found.addresses, {}};
  if (call.addresses.size() > kAddressesTried) call.addresses.resize(kAddressesTried);
  // The task is made once: a full mailbox leaves it untouched for the next offer.
  call.deliver = [&mailbox = mailbox_, weak = std::weak_ptr(self_), done,
                  task = Task()](HttpResponse& response) mutable {
    if (!task)
      task = [weak, done = std::move(done), response = std::move(response)] {
        if (!weak.expired()) done(response);
      };
    return mailbox.Post(task);
  };
  if (!transport_.Begin(std::move(call)))
    Later({.error = "too many web requests wait", .content_type = {}, .body = {}}, std::move(done));
}

void ResolvedFetch::Later(HttpResponse response, DoneFn done) {
  Task task = [weak = std::weak_ptr(self_), done, response] {
    if (!weak.expired()) done(response);
  };
  if (!mailbox_.Post(task)) done(response);
}

}  // namespace sluice::engine
