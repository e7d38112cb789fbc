// engine/io/socket_watcher.h — "tell me when this socket can be read or written", for libraries
// that bring their own sockets (c-ares).
//
// THREADS   Confined to the loop that offers it.
// LIFETIME  Unwatch a socket before it is closed.

#ifndef SLUICE_ENGINE_IO_SOCKET_WATCHER_H_
#define SLUICE_ENGINE_IO_SOCKET_WATCHER_H_

#include <functional>

namespace sluice::io {

class SocketWatcher {
 public:
  virtual ~SocketWatcher() = default;

  // An error on the socket counts as both: whoever then reads or writes it learns what happened.
  using ReadyFn = std::function<void(bool readable, bool writable)>;

  // Replaces an earlier watch of the same socket. Watching for neither is Unwatch. Both may be
  // called from within a ReadyFn, that of the same socket included.
  virtual void Watch(int fd, bool want_read, bool want_write, ReadyFn ready) = 0;
  virtual void Unwatch(int fd) = 0;
};

}  // namespace sluice::io

#endif  // SLUICE_ENGINE_IO_SOCKET_WATCHER_H_
