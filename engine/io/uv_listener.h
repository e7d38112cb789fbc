// engine/io/uv_listener.h — a listening socket: accepts in batches and hands over bare sockets.
//
// PURPOSE   Under every kind of Listener of UvNet. Polled rather than uv_listen'ed, because that is
//           the way to a socket which is not yet tied to this loop.
// LIFETIME  Lives until libuv's close callback; the Listener that owns it only tells it to stop.
// LIMITS    kAcceptsPerTurn per turn, so that a flood of connections leaves room for those there
//           are. Out of file descriptors: waits kAcceptPause and tries again; clients wait in the
//           kernel's backlog.

#ifndef SLUICE_ENGINE_IO_UV_LISTENER_H_
#define SLUICE_ENGINE_IO_UV_LISTENER_H_

#include <sys/types.h>
#include <uv.h>

#include <functional>
#include <memory>
#include <string>

#include "engine/base/error.h"
#include "engine/base/ip_address.h"
#include "engine/base/timer_queue.h"
#include "engine/io/net.h"

namespace sluice::io {

class UvNetImpl;

inline constexpr int kAcceptsPerTurn = 64;
inline constexpr Duration kAcceptPause = std::chrono::milliseconds(100);

using AcceptedFn = std::function<void(int fd, const Endpoint& peer)>;

// Makes a bound, listening socket; the error names the address and, where it can, the remedy.
Result<int> BindTcp(const Endpoint& at);
Result<int> BindUnix(const std::string& path, mode_t mode);

class AcceptSocket {
 public:
  // Takes the socket in any case. `path` is removed when the Listener goes; empty: nothing is.
  static Result<std::unique_ptr<Listener>> Start(UvNetImpl& net, int fd, AcceptedFn accepted,
                                                 std::string path);
  AcceptSocket(const AcceptSocket&) = delete;
  AcceptSocket& operator=(const AcceptSocket&) = delete;

  void Stop();
  const Endpoint& bound() const { return bound_; }

 private:
  AcceptSocket(UvNetImpl& net, int fd, AcceptedFn accepted, std::string path);
  int Poll();
  void AcceptSome();

  UvNetImpl& net_;
  const int fd_;
  const AcceptedFn accepted_;
  const std::string path_;
  Endpoint bound_;
  uv_poll_t poll_;
  Timer resume_;
  bool stopped_ = false;
};

}  // namespace sluice::io

#endif  // SLUICE_ENGINE_IO_UV_LISTENER_H_
