// engine/http/resolved_fetch.h — the HttpFetch of a shard: addresses by its own router, then the
// transport that all shards share.
//
// PURPOSE   A name that a stranger's DNS leads to loopback or a private address is not connected
//           to, unless dns.allow_special says so: the router filters for us as it does for mail
//           hosts.
// LIFETIME  A response that comes after its end finds nobody.
// THREADS   Confined to its shard.

#ifndef SLUICE_ENGINE_HTTP_RESOLVED_FETCH_H_
#define SLUICE_ENGINE_HTTP_RESOLVED_FETCH_H_

#include <functional>
#include <memory>

#include "dns/route.h"
#include "engine/http/http_fetch.h"
#include "engine/shard/mailbox.h"

namespace sluice::engine {

class ResolvedFetch final : public HttpFetch {
 public:
  // All outlive this; `mailbox` is the shard's.
  ResolvedFetch(dns::MxRouter& router, HttpTransport& transport, Mailbox& mailbox);

  void Fetch(HttpRequest request, std::function<void(const HttpResponse&)> done) override;

 private:
  using DoneFn = std::function<void(const HttpResponse&)>;
  void Begin(HttpRequest request, const dns::HostAddresses& found, DoneFn done);
  void Later(HttpResponse response, DoneFn done);

  dns::MxRouter& router_;
  HttpTransport& transport_;
  Mailbox& mailbox_;
  std::shared_ptr<ResolvedFetch*> self_;
};

}  // namespace sluice::engine

#endif  // SLUICE_ENGINE_HTTP_RESOLVED_FETCH_H_
