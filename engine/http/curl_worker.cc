#include "engine/http/curl_worker.h"

#include <curl/curl.h>

#include <algorithm>
#include <deque>
#include <list>
#include <utility>
#include <vector>

#include "engine/base/check.h"
#include "engine/base/ring.h"

namespace sluice::engine {
namespace {

constexpr int kPollMs = 100;
// Connections kept for another request to the same host: reports go to few.
constexpr long kIdleConnections = 8;
// Addresses are kept for longer than any request takes: curl must never look a name up itself.
constexpr long kAddressesKeptSeconds = 600;

template <auto kFree>
struct FreeWith {
  template <typename T>
  void operator()(T* object) const {
    kFree(object);
  }
};
using EasyPtr = std::unique_ptr<CURL, FreeWith<curl_easy_cleanup>>;
using ListPtr = std::unique_ptr<curl_slist, FreeWith<curl_slist_free_all>>;

template <typename T>
void Set(CURL* easy, CURLoption option, T value) {
  CHECK(curl_easy_setopt(easy, option, value) == CURLE_OK);
}

// "+host:443:192.0.2.1,[2001:db8::1]". The plus lets curl forget it: without, its cache would keep
// every host that was ever asked. What the cache has of the host is replaced in any case.
std::string ResolveLine(const HttpRequest& request, const std::vector<IpAddress>& addresses) {
  std::string line = "+" + request.host + ":" + std::to_string(request.port) + ":";
  for (size_t i = 0; i < addresses.size(); ++i) {
    if (i > 0) line += ",";
    const std::string text = addresses[i].ToString();
    line += addresses[i].is_v4() ? text : "[" + text + "]";
  }
  return line;
}

// One request under way.
struct Running {
  HttpCall call;
  HttpResponse response;
  std::string url;
  ListPtr resolve;
  ListPtr headers;
  EasyPtr easy;
  char words[CURL_ERROR_SIZE] = {};
  bool too_long = false;

  void Prepare(const std::string& ca_file);
  void Finish(CURLcode code);
};

size_t OnBody(char* octets, size_t size, size_t count, void* of) {
  auto* running = static_cast<Running*>(of);
  std::string& body = running->response.body;
  if (body.size() + size * count > running->call.request.body_max) {
    running->too_long = true;
    return CURL_WRITEFUNC_ERROR;
  }
  body.append(octets, size * count);
  return size * count;
}

void Running::Prepare(const std::string& ca_file) {
  const HttpRequest& request = call.request;
  easy.reset(curl_easy_init());
  CHECK(easy != nullptr);
  CURL* curl = easy.get();
  url = "https://" + request.host + ":" + std::to_string(request.port) + request.path;
  resolve.reset(curl_slist_append(nullptr, ResolveLine(request, call.addresses).c_str()));
  const auto timeout = std::chrono::duration_cast<std::chrono::milliseconds>(request.timeout);
  Set(curl, CURLOPT_URL, url.c_str());
  Set(curl, CURLOPT_RESOLVE, resolve.get());
  Set(curl, CURLOPT_DNS_CACHE_TIMEOUT, kAddressesKeptSeconds);
  Set(curl, CURLOPT_PROTOCOLS_STR, "https");
  Set(curl, CURLOPT_FOLLOWLOCATION, 0L);
  Set(curl, CURLOPT_PROXY, "");
  Set(curl, CURLOPT_NOSIGNAL, 1L);
  Set(curl, CURLOPT_HTTP_VERSION, long(CURL_HTTP_VERSION_1_1));
  Set(curl, CURLOPT_SSLVERSION, long(CURL_SSLVERSION_TLSv1_2));
  Set(curl, CURLOPT_SSL_VERIFYPEER, 1L);
  Set(curl, CURLOPT_SSL_VERIFYHOST, 2L);
  if (!ca_file.empty()) {
    Set(curl, CURLOPT_CAINFO, ca_file.c_str());
    Set(curl, CURLOPT_CAPATH, static_cast<char*>(nullptr));
  }
  Set(curl, CURLOPT_TIMEOUT_MS, long(timeout.count()));
  Set(curl, CURLOPT_USERAGENT, "Sluice");
  Set(curl, CURLOPT_ERRORBUFFER, words);
  Set(curl, CURLOPT_WRITEFUNCTION, OnBody);
  Set(curl, CURLOPT_WRITEDATA, this);
  Set(curl, CURLOPT_PRIVATE, this);
  if (request.body.empty()) return;
  headers.reset(curl_slist_append(nullptr, ("Content-Type: " + request.content_type).c_str()));
  Set(curl, CURLOPT_POST, 1L);
  Set(curl, CURLOPT_POSTFIELDS, request.body.data());
  Set(curl, CURLOPT_POSTFIELDSIZE_LARGE, curl_off_t(request.body.size()));
  Set(curl, CURLOPT_HTTPHEADER, headers.get());
}

void Running::Finish(CURLcode code) {
  if (code != CURLE_OK) {
    response = {};
    response.error =
        too_long ? "the answer is longer than " + std::to_string(call.request.body_max) + " octets"
        : words[0] != '\0' ? words
                           : curl_easy_strerror(code);
    response.certificate = code == CURLE_PEER_FAILED_VERIFICATION;
    return;
  }
  long status = 0;
  const char* type = nullptr;
  (void)curl_easy_getinfo(easy.get(), CURLINFO_RESPONSE_CODE, &status);
  (void)curl_easy_getinfo(easy.get(), CURLINFO_CONTENT_TYPE, &type);
  response.status = int(status);
  if (type != nullptr) response.content_type = type;
}

class CurlWorkerImpl final : public CurlWorker {
 public:
  explicit CurlWorkerImpl(std::string ca_file)
      : ca_file_(std::move(ca_file)), ring_(kWaitingMax), multi_(curl_multi_init()) {
    CHECK(multi_ != nullptr);
    CHECK(curl_multi_setopt(multi_, CURLMOPT_MAXCONNECTS, kIdleConnections) == CURLM_OK);
  }
  ~CurlWorkerImpl() override {
    for (const auto& running : running_)
      (void)curl_multi_remove_handle(multi_, running->easy.get());
    running_.clear();
    (void)curl_multi_cleanup(multi_);
  }

  bool Begin(HttpCall&& call) override {
    const PushResult result = ring_.Push(std::move(call));
    if (result == PushResult::kWakeUp) (void)curl_multi_wakeup(multi_);
    return result != PushResult::kFull;
  }

  bool Step() override {
    bool any = Take();
    any |= Deliver();
    int still = 0;
    CHECK(curl_multi_perform(multi_, &still) == CURLM_OK);
    int left = 0;
    while (const CURLMsg* message = curl_multi_info_read(multi_, &left)) {
      if (message->msg != CURLMSG_DONE) continue;
      OnDone(message->easy_handle, message->data.result);
      any = true;
    }
    return any;
  }

  void Wait() override { (void)curl_multi_poll(multi_, nullptr, 0, kPollMs, nullptr); }

 private:
  // Takes calls from the ring while there is room.
  bool Take() {
    if (waiting_.empty()) {
      arrived_.clear();
      ring_.Drain(arrived_);
      for (HttpCall& call : arrived_) waiting_.push_back(std::move(call));
      arrived_.clear();
    }
    bool any = false;
    while (!waiting_.empty() && running_.size() < kRunningMax) {
      auto running = std::make_unique<Running>();
      running->call = std::move(waiting_.front());
      waiting_.pop_front();
      running->Prepare(ca_file_);
      CHECK(curl_multi_add_handle(multi_, running->easy.get()) == CURLM_OK);
      running_.push_back(std::move(running));
      any = true;
    }
    return any;
  }

  void OnDone(CURL* easy, CURLcode code) {
    const auto found = std::ranges::find_if(
        running_, [easy](const auto& running) { return running->easy.get() == easy; });
    CHECK(found != running_.end());
    (*found)->Finish(code);
    CHECK(curl_multi_remove_handle(multi_, easy) == CURLM_OK);
    (*found)->easy.reset();
    finished_.push_back(std::move(*found));
    running_.erase(found);
    (void)Deliver();
  }

  // What a shard does not take now is offered again.
  bool Deliver() {
    const size_t before = finished_.size();
    std::erase_if(finished_, [](const std::unique_ptr<Running>& done) {
      return done->call.deliver(done->response);
    });
    return finished_.size() != before;
  }

  const std::string ca_file_;
  Ring<HttpCall> ring_;
  CURLM* const multi_;
  std::vector<HttpCall> arrived_;
  std::deque<HttpCall> waiting_;
  std::list<std::unique_ptr<Running>> running_;
  std::vector<std::unique_ptr<Running>> finished_;
};

}  // namespace

std::unique_ptr<CurlWorker> CurlWorker::Make(const std::string& ca_file) {
  CHECK(curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK);
  return std::make_unique<CurlWorkerImpl>(ca_file);
}

}  // namespace sluice::engine
