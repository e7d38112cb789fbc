// engine/http/curl_worker.h — the real HttpTransport: libcurl's multi interface on one thread.
//
// PURPOSE   Carries requests of all shards. curl resolves nothing: the addresses come with the call
//           (CURLOPT_RESOLVE). No proxy, no redirects, no cookies, https only, names and chains
//           checked.
// LIMITS    kWaitingMax calls in line, kRunningMax at a time, and what each request says.
// THREADS   Begin from any thread; Step and Wait on the one that engine.cc makes for it.
// TESTS     tests/http/curl_worker_test.cc

#ifndef SLUICE_ENGINE_HTTP_CURL_WORKER_H_
#define SLUICE_ENGINE_HTTP_CURL_WORKER_H_

#include <memory>
#include <string>

#include "engine/base/error.h"
#include "engine/http/http_fetch.h"

namespace sluice::engine {

class CurlWorker : public HttpTransport {
 public:
  static constexpr size_t kWaitingMax = 1'024;
  static constexpr size_t kRunningMax = 64;

  // `ca_file`: PEM, empty for the system's store.
  static std::unique_ptr<CurlWorker> Make(const std::string& ca_file);

  // True when there was something to do.
  virtual bool Step() = 0;
  // Until a socket, a call or a tenth of a second.
  virtual void Wait() = 0;
};

}  // namespace sluice::engine

#endif  // SLUICE_ENGINE_HTTP_CURL_WORKER_H_
