// engine/control/control_server.h — the local control socket: a JSON line in, a JSON line back.
//
// PURPOSE   `sluice status`, `queues`, `reload`, `sendmail` and the rest speak to the running
//           engine here. A request is {"command": "...", ...}; the response {"ok": true, ...} or
//           {"ok": false, "error": "..."}. Requests of one connection are answered in order.
// SECURITY  The control socket has mode 0600 (its owner and root); handlers see the peer's uid. The
//           one for local senders is a server of its own with its own handlers, open to every user:
//           what was not registered there cannot be reached there.
//           Requests over kParsedHere are parsed by a worker: the largest would stop the loop.
// LIMITS    SocketRules; kIdleMax for a request to be whole. On the open socket each user has few
//           connections and still fewer that are read at once, so that nobody can take all the
//           room; those over the latter wait their turn unread, and are answered 452 after
//           kIdleMax.
// THREADS   Confined to the loop it was opened on.

#ifndef SLUICE_ENGINE_CONTROL_CONTROL_SERVER_H_
#define SLUICE_ENGINE_CONTROL_CONTROL_SERVER_H_

#include <sys/types.h>

#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "engine/base/error.h"
#include "engine/base/slab.h"
#include "engine/base/time.h"
#include "engine/base/timer_queue.h"
#include "engine/base/workers.h"
#include "engine/control/control_request.h"
#include "engine/io/uv_net.h"

namespace sluice::engine {

struct SocketRules {
  std::string path;
  mode_t mode = 0600;
  size_t request_max = size_t(80) << 20;  // a message of the largest size, base64, its envelope
  size_t connections_max = 64;
  size_t connections_per_uid = 64;
  // Connections that are read, or whose request is worked on.
  size_t at_once = 64;
  size_t at_once_per_uid = 64;
  bool one_request = false;  // closed after the answer

  // A place where every user may hand in messages of up to `message_max` octets.
  static SocketRules ForEverybody(const std::string& path, uint64_t message_max);
};

class ControlServer {
 public:
  static constexpr Duration kIdleMax{60'000'000};
  static constexpr size_t kParsedHere = size_t(64) << 10;

  // All outlive the server. Errors name the socket file.
  static Result<std::unique_ptr<ControlServer>> Open(io::UvNet& net, TimerQueue& timers,
                                                     const Clock& clock, Workers& worker,
                                                     SocketRules rules);
  ~ControlServer();
  ControlServer(const ControlServer&) = delete;
  ControlServer& operator=(const ControlServer&) = delete;

  // Registers `handler` for `command`.
  void On(const std::string& command, ControlHandler handler);

 private:
  class Session;

  ControlServer(io::UvNet& net, TimerQueue& timers, const Clock& clock, Workers& worker,
                SocketRules rules);
  io::StreamEvents* Accept(io::Stream* stream);
  // Connections that are read now.
  struct Turns {
    size_t all = 0;
    std::map<std::optional<uid_t>, size_t> by_uid;
  };
  Turns TurnsTaken() const;
  bool HasRoom(Turns& turns, std::optional<uid_t> uid) const;
  // A connection is gone, or has given up its turn: whose is the next?
  void NextTurns();
  void Dispatch(sluice::Handle<Session> handle, std::string line);
  void Serve(sluice::Handle<Session> handle, std::shared_ptr<nlohmann::json> json);

  io::UvNet& net_;
  TimerQueue& timers_;
  const Clock& clock_;
  Workers& worker_;
  const SocketRules rules_;
  std::map<std::string, ControlHandler> handlers_;
  std::unique_ptr<Slab<Session>> sessions_;
  std::list<sluice::Handle<Session>> waiting_;  // for their turn, in order of arrival
  std::unique_ptr<io::Listener> listener_;
};

}  // namespace sluice::engine

#endif  // SLUICE_ENGINE_CONTROL_CONTROL_SERVER_H_
