// engine/control/control_server.h — the local control socket: a JSON line in, a JSON line back.
//
// PURPOSE   `sluice status`, `queues`, `reload`, `sendmail` and the rest speak to the running
// engine
//           here. A request is {"command": "...", ...}; the response {"ok": true, ...} or
//           {"ok": false, "error": "..."}. Requests of one connection are answered in order.
// SECURITY  The socket file has mode 0600 (its owner and root); handlers see the peer's uid.
// LIMITS    kRequestMax octets a request, kConnectionsMax connections, kIdleMax without a request.
// THREADS   Confined to the loop it was opened on.

#ifndef SLUICE_ENGINE_CONTROL_CONTROL_SERVER_H_
#define SLUICE_ENGINE_CONTROL_CONTROL_SERVER_H_

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "engine/base/error.h"
#include "engine/base/slab.h"
#include "engine/base/time.h"
#include "engine/base/timer_queue.h"
#include "engine/io/uv_net.h"

namespace sluice::engine {

struct ControlRequest {
  std::string command;
  std::string json;  // the whole request, an object
  std::optional<uid_t> uid;
};

// Answers with a JSON object, now or later, once. May outlive the connection.
using ControlDone = std::function<void(std::string response)>;
using ControlHandler = std::function<void(const ControlRequest&, ControlDone)>;

// The value of `key` where it is text; else empty.
std::string RequestText(const ControlRequest& request, const char* key);

// {"ok": false, "error": what}
std::string ControlError(const std::string& what);

class ControlServer {
 public:
  // A message of the largest size, base64, and its envelope.
  static constexpr size_t kRequestMax = size_t(80) << 20;
  static constexpr size_t kConnectionsMax = 64;
  static constexpr Duration kIdleMax{60'000'000};

  // All outlive the server. Errors name the socket file.
  static Result<std::unique_ptr<ControlServer>> Open(io::UvNet& net, TimerQueue& timers,
                                                     const Clock& clock, const std::string& path);
  ~ControlServer();
  ControlServer(const ControlServer&) = delete;
  ControlServer& operator=(const ControlServer&) = delete;

  // Registers `handler` for `command`.
  void On(const std::string& command, ControlHandler handler);

 private:
  class Session;

  ControlServer(io::UvNet& net, TimerQueue& timers, const Clock& clock);
  io::StreamEvents* Accept(io::Stream* stream);
  void Dispatch(Session& session, sluice::Handle<Session> handle, std::string line);

  io::UvNet& net_;
  TimerQueue& timers_;
  const Clock& clock_;
  std::map<std::string, ControlHandler> handlers_;
  std::unique_ptr<Slab<Session>> sessions_;
  std::unique_ptr<io::Listener> listener_;
};

}  // namespace sluice::engine

#endif  // SLUICE_ENGINE_CONTROL_CONTROL_SERVER_H_
