#include "engine/io/uv_listener.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "engine/base/check.h"
#include "engine/io/sockaddr.h"
#include "engine/io/uv_net_impl.h"

namespace sluice::io {
namespace {

class UvListener final : public Listener {
 public:
  explicit UvListener(AcceptSocket* socket) : socket_(socket) {}
  ~UvListener() override { socket_->Stop(); }
  Endpoint bound() const override { return socket_->bound(); }

 private:
  AcceptSocket* const socket_;
};

std::unexpected<Error> CannotListen(const std::string& where, int error, const char* if_denied) {
  std::string text = "cannot listen on " + where + ": " + std::strerror(error);
  if (error == EADDRINUSE) text += " (another program listens there)";
  if (error == EACCES || error == EPERM) text += if_denied;
  if (error == EADDRNOTAVAIL) text += " (no interface of this machine has that address)";
  return Fail(error == EADDRINUSE ? ErrorCode::kBusy : ErrorCode::kIo, std::move(text));
}

std::unexpected<Error> CannotListen(const Endpoint& at, int error) {
  return CannotListen(at.ToString(), error,
                      ": a port below 1024 needs CAP_NET_BIND_SERVICE: start it by its systemd "
                      "unit, which gives that, or run `setcap cap_net_bind_service=+ep` on the "
                      "program, or take a port from 1024 on");
}

std::unexpected<Error> CannotListen(const std::string& path, int error) {
  return CannotListen(path, error,
                      ": the user that runs this must be able to write the folder of the socket");
}

void SetFlag(int fd, int level, int option) {
  const int on = 1;
  setsockopt(fd, level, option, &on, sizeof(on));
}

// Out of the way goes only a socket that nobody answers on.
Status RemoveStaleSocket(const std::string& path, const sockaddr_un& address) {
  struct stat found;
  if (lstat(path.c_str(), &found) != 0) return {};  // bind() says what is wrong, if anything is
  if (!S_ISSOCK(found.st_mode)) {
    return Fail(ErrorCode::kInvalid,
                "cannot listen on " + path + ": something that is no socket has this name");
  }
  const int probe = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (probe < 0) return CannotListen(path, errno);
  const int status = connect(probe, reinterpret_cast<const sockaddr*>(&address), sizeof(address));
  const int error = errno;
  close(probe);
  if (status == 0 || error == EAGAIN) return CannotListen(path, EADDRINUSE);
  if (unlink(path.c_str()) != 0 && errno != ENOENT) return CannotListen(path, errno);
  return {};
}

}  // namespace

Result<int> BindTcp(const Endpoint& at) {
  sockaddr_storage address;
  const socklen_t size = ToSockaddr(at, address);
  const int fd = socket(address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return CannotListen(at, errno);
  SetFlag(fd, SOL_SOCKET, SO_REUSEADDR);
  SetFlag(fd, SOL_SOCKET, SO_REUSEPORT);
  SetFlag(fd, IPPROTO_TCP, TCP_NODELAY);  // accepted sockets inherit it
  if (address.ss_family == AF_INET6) SetFlag(fd, IPPROTO_IPV6, IPV6_V6ONLY);
  if (bind(fd, reinterpret_cast<sockaddr*>(&address), size) == 0 && listen(fd, SOMAXCONN) == 0)
    return fd;
  const int error = errno;
  close(fd);
  return CannotListen(at, error);
}

Status CheckPortFree(const Endpoint& at) {
  sockaddr_storage address;
  const socklen_t size = ToSockaddr(at, address);
  const int fd = socket(address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return CannotListen(at, errno);
  SetFlag(fd, SOL_SOCKET, SO_REUSEADDR);
  if (address.ss_family == AF_INET6) SetFlag(fd, IPPROTO_IPV6, IPV6_V6ONLY);
  const int status = bind(fd, reinterpret_cast<sockaddr*>(&address), size);
  const int error = errno;
  close(fd);
  if (status != 0) return CannotListen(at, error);
  return {};
}

Result<int> BindUnix(const std::string& path, mode_t mode) {
  sockaddr_un address;
  if (!ToSockaddrUnix(path, address))
    return Fail(ErrorCode::kInvalid, "cannot listen on " + path + ": the path is too long");
  if (Status status = RemoveStaleSocket(path, address); !status)
    return std::unexpected(status.error());
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return CannotListen(path, errno);
  // Before the bind, so that nobody slips in; again after it, as the umask has had its say.
  const bool done = fchmod(fd, mode) == 0 &&
                    bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0 &&
                    chmod(path.c_str(), mode) == 0 && listen(fd, SOMAXCONN) == 0;
  if (done) return fd;
  const int error = errno;
  close(fd);
  return CannotListen(path, error);
}

AcceptSocket::AcceptSocket(UvNetImpl& net, int fd, AcceptedFn accepted, std::string path)
    : net_(net),
      fd_(fd),
      accepted_(std::move(accepted)),
      path_(std::move(path)),
      resume_(net.timers(), [this] { CHECK(Poll() == 0); }) {
  sockaddr_storage address;
  socklen_t size = sizeof(address);
  if (getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) == 0)
    bound_ = FromSockaddr(address);
}

Result<std::unique_ptr<Listener>> AcceptSocket::Start(UvNetImpl& net, int fd, AcceptedFn accepted,
                                                      std::string path) {
  CHECK(accepted != nullptr);
  std::unique_ptr<AcceptSocket> self(
      new AcceptSocket(net, fd, std::move(accepted), std::move(path)));
  // Refuses what is no socket, or is polled already.
  const int status = uv_poll_init(net.loop(), &self->poll_, fd);
  if (status != 0) {
    close(fd);
    return Fail(ErrorCode::kIo,
                "cannot watch a listening socket: " + std::string(uv_strerror(status)));
  }
  AcceptSocket* const socket = self.release();  // from here on libuv's close callback deletes it
  socket->poll_.data = socket;
  net.CountListener(1);
  CHECK(socket->Poll() == 0);
  return std::make_unique<UvListener>(socket);
}

int AcceptSocket::Poll() {
  return uv_poll_start(&poll_, UV_READABLE, [](uv_poll_t* poll, int, int) {
    static_cast<AcceptSocket*>(poll->data)->AcceptSome();
  });
}

void AcceptSocket::Stop() {
  CHECK(!stopped_);
  stopped_ = true;
  resume_.Cancel();
  net_.CountListener(-1);
  uv_close(reinterpret_cast<uv_handle_t*>(&poll_),
           [](uv_handle_t* handle) { delete static_cast<AcceptSocket*>(handle->data); });
  close(fd_);
  if (!path_.empty()) unlink(path_.c_str());
}

void AcceptSocket::AcceptSome() {
  for (int i = 0; i < kAcceptsPerTurn && !stopped_; ++i) {
    sockaddr_storage address{};
    socklen_t size = sizeof(address);
    const int fd =
        accept4(fd_, reinterpret_cast<sockaddr*>(&address), &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) {
      accepted_(fd, FromSockaddr(address));
      continue;
    }
    switch (errno) {
      case EAGAIN:
        return;
      case EMFILE:
      case ENFILE:
      case ENOBUFS:
      case ENOMEM:
        uv_poll_stop(&poll_);
        resume_.Set(net_.clock().Now() + kAcceptPause);
        return;
      default:  // this one connection is dead already
        break;
    }
  }
}

}  // namespace sluice::io
