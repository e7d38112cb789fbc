// engine/http/http_fetch.h — the seam to web servers: a request out, a response back.
//
// PURPOSE   HttpFetch is what the engine uses: one on every shard, a name in, addresses from our
//           own resolver (resolved_fetch.h). HttpTransport is what moves octets: libcurl on one
//           thread (curl_worker.h), or a test.
// RULES     https only, certificates checked strictly, no redirects followed, bodies and times
//           bounded.

#ifndef SLUICE_ENGINE_HTTP_HTTP_FETCH_H_
#define SLUICE_ENGINE_HTTP_HTTP_FETCH_H_

#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "engine/base/ip_address.h"
#include "engine/base/time.h"

namespace sluice::engine {

struct HttpRequest {
  std::string host;  // a host name, lower case
  uint16_t port = 443;
  std::string path;            // with the leading slash
  std::string body{};          // not empty: POST
  std::string content_type{};  // of the body
  size_t body_max = 0;         // octets of the response's body; more is an error
  Duration timeout{};          // for all of it
};

struct HttpResponse {
  int status = 0;     // 0: there was none
  std::string error;  // why: "certificate ...", "timed out", "no address"
  std::string content_type;
  std::string body;
  bool certificate = false;  // the fault is that the server's does not verify
};

// Confined to its shard. The response comes from the loop, never inside Fetch.
class HttpFetch {
 public:
  virtual ~HttpFetch() = default;
  virtual void Fetch(HttpRequest request, std::function<void(const HttpResponse&)> done) = 0;
};

struct HttpCall {
  HttpRequest request;
  std::vector<IpAddress> addresses;  // tried in this order; no other is asked for
  // Runs on the transport's thread. False: not now, offer it again.
  std::move_only_function<bool(HttpResponse&)> deliver;
};

class HttpTransport {
 public:
  virtual ~HttpTransport() = default;
  // From any thread. False: too much waits already.
  virtual bool Begin(HttpCall&& call) = 0;
};

}  // namespace sluice::engine

#endif  // SLUICE_ENGINE_HTTP_HTTP_FETCH_H_
