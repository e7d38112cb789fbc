// engine/io/uv_stream_life.cc — how a UvStream comes to be and how it ends.

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "engine/base/check.h"
#include "engine/io/sockaddr.h"
#include "engine/io/uv_net_impl.h"
#include "engine/io/uv_stream.h"

namespace sluice::io {

UvStream::UvStream(UvNetImpl& net, Kind kind, bool accepted)
    : net_(net), kind_(kind), accepted_(accepted), chain_(net.blocks()) {
  const int status = kind == Kind::kTcp ? uv_tcp_init(net.loop(), &socket_.tcp)
                                        : uv_pipe_init(net.loop(), &socket_.pipe, 0);
  CHECK(status == 0);
  socket_.handle.data = this;
}

int UvStream::OpenSocket(const ConnectParams& params) {
  sockaddr_storage address;
  ToSockaddr(params.to, address);
  const int s = socket(address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (s < 0) return -errno;
  const int on = 1;
  setsockopt(s, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  if (!params.from) return s;
  // Without it the kernel would reserve a port for this address alone, of which there are few.
  setsockopt(s, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on));
  const socklen_t size = ToSockaddr({*params.from, 0}, address);
  if (bind(s, reinterpret_cast<sockaddr*>(&address), size) == 0) return s;
  const int error = errno;
  close(s);
  return -error;
}

void UvStream::ConnectTcp(const ConnectParams& params, StreamEvents* events) {
  events_ = events;
  peer_ = params.to;
  const int s = OpenSocket(params);
  if (s < 0) return FinishSystem(s);
  if (const int status = uv_tcp_open(&socket_.tcp, s); status != 0) {
    close(s);
    return FinishSystem(status);
  }
  sockaddr_storage address;
  ToSockaddr(params.to, address);
  const int status = uv_tcp_connect(
      &connect_, &socket_.tcp, reinterpret_cast<const sockaddr*>(&address),
      [](uv_connect_t* request, int result) { Of(request->handle->data)->OnConnect(result); });
  if (status != 0) FinishSystem(status);
}

void UvStream::ConnectUnix(const std::string& path, StreamEvents* events) {
  events_ = events;
  sockaddr_un address;
  if (!ToSockaddrUnix(path, address)) return Finish(CloseReason::kError, path + ": path too long");
  const int s = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (s < 0) return FinishSystem(-errno);
  if (connect(s, reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0) {
    const int error = errno;
    close(s);
    // EAGAIN: the listener's backlog is full.
    return Finish(error == EAGAIN ? CloseReason::kRefused : ReasonOf(-error),
                  path + ": " + uv_strerror(-error));
  }
  if (Open(s)) {
    state_ = State::kConnecting;
    Defer();
  }
}

bool UvStream::Open(int fd) {
  const int status =
      kind_ == Kind::kTcp ? uv_tcp_open(&socket_.tcp, fd) : uv_pipe_open(&socket_.pipe, fd);
  if (status != 0) {
    close(fd);
    FinishSystem(status);
    return false;
  }
  state_ = State::kOpen;
  return true;
}

void UvStream::Start(StreamEvents* events) {
  events_ = events;
  if (events_ == nullptr) return Abort();
  StartReading();
}

void UvStream::OnConnect(int status) {
  if (state_ != State::kConnecting) return;  // closed meanwhile
  if (status != 0) return FinishSystem(status);
  state_ = State::kOpen;
  events_->OnConnected();
  StartReading();
  if (state_ == State::kOpen && std::exchange(want_room_, false)) events_->OnWritable();
}

int UvStream::fd() const {
  uv_os_fd_t fd = -1;
  return uv_fileno(&socket_.handle, &fd) == 0 ? fd : -1;
}

Endpoint UvStream::local() const {
  sockaddr_storage address;
  socklen_t size = sizeof(address);
  if (getsockname(fd(), reinterpret_cast<sockaddr*>(&address), &size) != 0) return {};
  return FromSockaddr(address);
}

std::optional<uid_t> UvStream::PeerUid() const {
  if (kind_ != Kind::kUnix) return std::nullopt;
  ucred who;
  socklen_t size = sizeof(who);
  if (getsockopt(fd(), SOL_SOCKET, SO_PEERCRED, &who, &size) != 0) return std::nullopt;
  return who.uid;
}

// ---- closing

void UvStream::Close() {
  if (state_ != State::kConnecting && state_ != State::kOpen) return;
  info_ = {eof_ ? CloseReason::kPeerClosed : CloseReason::kLocal, {}};
  if (state_ == State::kConnecting || write_error_ != 0) return CloseHandle();
  state_ = State::kFlushing;
  if (tls_ready_) {
    tls_->Shutdown();
    PushTls();
    if (state_ != State::kFlushing) return;
  }
  // A socket closed with unread input is reset, and a reset may overtake our last reply. So a
  // server reads on, and throws away, until its client is done too; a client has no such words.
  if (accepted_) {
    StartReading();
  } else {
    StopReading();
  }
  if (chain_.empty() && state_ == State::kFlushing) AfterFlush();
  if (state_ != State::kClosing) net_.BoundClose(this);
}

void UvStream::AfterFlush() {
  CHECK(state_ == State::kFlushing);
  if (!accepted_ || eof_ || shutdown(fd(), SHUT_WR) != 0) return CloseHandle();
  state_ = State::kLingering;
}

void UvStream::OnCloseBound() {
  closing_listed_ = false;
  if (state_ == State::kFlushing) {
    info_.detail = "not everything could be sent before the close";
    return Abort();
  }
  CloseHandle();
}

void UvStream::Abort() {
  if (state_ == State::kClosing) return;
  if (state_ == State::kConnecting || state_ == State::kOpen) info_ = {};
  const linger reset = {.l_onoff = 1, .l_linger = 0};
  setsockopt(fd(), SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
  CloseHandle();
}

void UvStream::CloseSilently() {
  events_ = nullptr;
  Abort();
}

void UvStream::Finish(CloseReason reason, std::string detail, TlsFault fault) {
  if (state_ == State::kClosing) return;
  info_ = {reason, std::move(detail), fault};
  CloseHandle();
}

void UvStream::FinishSystem(int status) { Finish(ReasonOf(status), uv_strerror(status)); }

void UvStream::CloseHandle() {
  CHECK(state_ != State::kClosing);
  state_ = State::kClosing;
  if (deferred_) net_.Undefer(this);
  if (closing_listed_) net_.UnboundClose(this);
  uv_close(&socket_.handle, [](uv_handle_t* handle) { Of(handle->data)->OnHandleClosed(); });
}

void UvStream::OnHandleClosed() {
  net_.Forget(this);
  if (events_ != nullptr) events_->OnClosed(info_);
  delete this;
}

}  // namespace sluice::io
