// engine/io/uv_net.h — the real network: what it offers beyond Net, without libuv's types.
//
// PURPOSE   Unix sockets with the peer's user id, sockets made elsewhere, and accepted sockets that
//           move to the loop with the fewest.
// CLOSING   After OnEof, Close reports kPeerClosed, else kLocal. Whatever goes wrong between
//           StartTls and OnTlsReady is kTlsFailed. A failed write still lets unread input through
//           (the peer's last words), then closes. An accepted stream that we close is drained for
//           a moment, so that the last reply is not lost to a reset.
// THREADS   Confined to its loop. A TlsServerContext and a TlsClientContext may be shared by the
//           loops of several threads; share the server's, so that a session ticket from one shard
//           is good on every other.
// PAUSING   A paused stream notices neither end nor reset of the peer until it resumes or writes.
// LIFETIME  Listeners go before the loop. Streams that still live when the loop is destroyed are
//           reset without another event.

#ifndef SLUICE_ENGINE_IO_UV_NET_H_
#define SLUICE_ENGINE_IO_UV_NET_H_

#include <sys/types.h>

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "engine/base/error.h"
#include "engine/base/ip_address.h"
#include "engine/io/net.h"

namespace sluice::io {

// Does anybody listen there? Our own sockets share their port (SO_REUSEPORT), so a second engine of
// the same user could bind it too and take half of the connections: ask before binding.
Status CheckPortFree(const Endpoint& at);

class UvNet : public Net {
 public:
  using FdFn = std::function<void(int fd)>;

  // Accepts on `at` like Listen, but hands over the bare socket (non-blocking, close-on-exec,
  // TCP_NODELAY); who gets it owns it and gives it to Adopt of any loop, on that loop's thread.
  virtual Result<std::unique_ptr<Listener>> ListenFd(const Endpoint& at, FdFn accept) = 0;
  // Makes a stream of a connected socket and calls `accept` at once, within this call. Takes the
  // socket in any case.
  virtual void Adopt(int fd, const AcceptFn& accept) = 0;
  // Accepts on a socket that already listens. Takes the socket in any case.
  virtual Result<std::unique_ptr<Listener>> AdoptSocket(int fd, AcceptFn accept) = 0;

  // Replaces a socket file that nobody answers on; the file goes with the Listener.
  virtual Result<std::unique_ptr<Listener>> ListenUnix(const std::string& path, mode_t mode,
                                                       AcceptFn accept) = 0;
  virtual Stream* ConnectUnix(const std::string& path, StreamEvents* events) = 0;
  // Who is at the other end of a unix socket; none for other streams.
  virtual std::optional<uid_t> PeerUid(Stream* stream) = 0;

  // Streams not yet gone, connecting and closing ones included.
  virtual size_t stream_count() const = 0;
};

}  // namespace sluice::io

#endif  // SLUICE_ENGINE_IO_UV_NET_H_
