#include "engine/io/uv_stream.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "engine/base/check.h"
#include "engine/io/sockaddr.h"
#include "engine/io/uv_net_impl.h"

namespace sluice::io {
namespace {

// Slices handed to the kernel in one call.
constexpr size_t kSlicesPerCall = 64;
// Enough for a full chain.
constexpr size_t kPiecesPerWrite = (kWriteBytesMax + kTlsOwnBytesMax) / BlockPool::kBlockBytes + 4;

size_t TotalOf(std::span<const std::string_view> slices) {
  size_t total = 0;
  for (const std::string_view slice : slices) total += slice.size();
  return total;
}

uv_buf_t BufOf(std::string_view bytes) {
  // libuv's type has no const, but a write only reads.
  return uv_buf_init(const_cast<char*>(bytes.data()), unsigned(bytes.size()));
}

}  // namespace

UvStream::UvStream(UvNetImpl& net, Kind kind, bool accepted)
    : net_(net), kind_(kind), accepted_(accepted), chain_(net.blocks()) {
  const int status = kind == Kind::kTcp ? uv_tcp_init(net.loop(), &socket_.tcp)
                                        : uv_pipe_init(net.loop(), &socket_.pipe, 0);
  CHECK(status == 0);
  socket_.handle.data = this;
}

// ---- opening

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

// ---- reading

bool UvStream::MustNotRead() const {
  return state_ == State::kOpen && (tls_held_ || (paused_ && !handshaking()));
}

void UvStream::StartReading() {
  if (reading_ || eof_ || state_ == State::kConnecting || state_ == State::kClosing) return;
  if (MustNotRead()) return;
  const int status = uv_read_start(
      &socket_.stream, OnAlloc,
      [](uv_stream_t* stream, ssize_t n, const uv_buf_t*) { Of(stream->data)->OnInput(n); });
  if (status != 0) return FinishSystem(status);
  reading_ = true;
}

void UvStream::StopReading() {
  uv_read_stop(&socket_.stream);
  reading_ = false;
}

// A pause costs nothing unless something does arrive: only then are reads refused, without taking
// the octets from the kernel, and stopped.
void UvStream::OnAlloc(uv_handle_t* handle, size_t, uv_buf_t* buffer) {
  const UvStream* self = Of(handle->data);
  const std::span<char> scratch = self->net_.read_scratch();
  *buffer = uv_buf_init(scratch.data(), self->MustNotRead() ? 0 : unsigned(scratch.size()));
}

void UvStream::OnInput(ssize_t n) {
  if (n == 0) return;  // nothing there after all
  if (n == UV_ENOBUFS && MustNotRead()) return StopReading();
  if (n == UV_EOF) return OnPeerEnd();
  if (n < 0) {
    StopReading();
    if (state_ != State::kOpen) return CloseHandle();
    return handshaking() ? FinishTls(uv_strerror(int(n))) : FinishSystem(int(n));
  }
  const std::string_view bytes(net_.read_scratch().data(), size_t(n));
  if (state_ == State::kOpen) {
    if (tls_ != nullptr) return FeedTls(bytes);
    return events_->OnRead(bytes);
  }
  discarded_ += bytes.size();
  if (discarded_ > kDiscardBytesMax) Abort();
}

void UvStream::OnPeerEnd() {
  StopReading();
  eof_ = true;
  if (state_ == State::kLingering) return CloseHandle();
  if (state_ != State::kOpen) return;  // still flushing
  if (handshaking()) return FinishTls("the peer closed the connection");
  if (write_error_ != 0) return FinishSystem(write_error_);
  events_->OnEof();
}

void UvStream::PauseReading() {
  paused_ = true;
  // Reading on was only for the peer's last words.
  if (write_error_ != 0 && state_ == State::kOpen) FinishSystem(write_error_);
}

void UvStream::ResumeReading() {
  paused_ = false;
  if (state_ != State::kOpen) return;
  if (tls_held_) return Defer();
  StartReading();
}

void UvStream::Defer() {
  if (deferred_) return;
  deferred_ = true;
  net_.Defer(this);
}

void UvStream::RunDeferred() {
  deferred_ = false;
  if (state_ == State::kConnecting) return OnConnect(0);
  if (state_ != State::kOpen || !tls_held_ || (paused_ && !handshaking())) return;
  tls_held_ = false;
  const std::string held = std::exchange(held_, {});
  FeedTls(held);
  StartReading();
}

// ---- writing

size_t UvStream::Write(std::span<const std::string_view> slices) {
  if (state_ == State::kConnecting || handshaking()) {
    want_room_ = true;
    return 0;
  }
  const size_t total = TotalOf(slices);
  // What is written to a dead stream goes nowhere; OnClosed is on its way.
  if (state_ != State::kOpen || write_error_ != 0) return total;
  size_t taken = 0;
  if (tls_ != nullptr) {
    taken = WriteTls(slices);
  } else {
    if (chain_.empty()) taken = TryWrite(slices);
    if (taken < total && write_error_ == 0) {
      const size_t room = kWriteBytesMax - std::min(kWriteBytesMax, chain_.size());
      AppendAfter(slices, taken, room);
      taken += std::min(total - taken, room);
      StartWrite();
    }
  }
  if (state_ != State::kOpen || write_error_ != 0) return total;
  want_room_ = taken < total;
  return taken;
}

// What the kernel takes right now.
size_t UvStream::TryWrite(std::span<const std::string_view> slices) {
  CHECK(chain_.empty());
  size_t taken = 0;
  while (!slices.empty()) {
    std::array<uv_buf_t, kSlicesPerCall> buffers;
    unsigned count = 0;
    size_t wanted = 0;
    while (!slices.empty() && count < kSlicesPerCall) {
      if (!slices.front().empty()) {
        buffers[count++] = BufOf(slices.front());
        wanted += slices.front().size();
      }
      slices = slices.subspan(1);
    }
    if (wanted == 0) break;
    const int sent = uv_try_write(&socket_.stream, buffers.data(), count);
    if (sent == UV_EAGAIN) break;
    if (sent < 0) {
      OnWriteFailed(sent);
      break;
    }
    taken += size_t(sent);
    if (size_t(sent) < wanted) break;
  }
  return taken;
}

void UvStream::AppendAfter(std::span<const std::string_view> slices, size_t skip, size_t room) {
  for (std::string_view slice : slices) {
    const size_t skipped = std::min(skip, slice.size());
    skip -= skipped;
    slice.remove_prefix(skipped);
    slice = slice.substr(0, room);
    room -= slice.size();
    chain_.Append(slice);
  }
}

void UvStream::StartWrite() {
  if (write_in_flight_ > 0 || chain_.empty()) return;
  std::array<uv_buf_t, kPiecesPerWrite> buffers;
  unsigned count = 0;
  chain_.ForEachPiece(buffers.size(), [&](char* bytes, size_t n) {
    buffers[count++] = uv_buf_init(bytes, unsigned(n));
    write_in_flight_ += n;
  });
  const int status = uv_write(
      &write_, &socket_.stream, buffers.data(), count,
      [](uv_write_t* request, int result) { Of(request->handle->data)->OnWritten(result); });
  if (status == 0) return;
  write_in_flight_ = 0;
  OnWriteFailed(status);
}

void UvStream::OnWritten(int status) {
  const size_t sent = std::exchange(write_in_flight_, 0);
  if (state_ == State::kClosing) return;
  if (status != 0) return OnWriteFailed(status);
  chain_.Consume(sent);
  StartWrite();
  if (state_ == State::kFlushing && chain_.empty()) return AfterFlush();
  if (state_ != State::kOpen || handshaking() || chain_.size() > kWriteBytesLow) return;
  if (std::exchange(want_room_, false)) events_->OnWritable();
}

// Half of the connection is dead. The peer's last words may still wait to be read: "421 too busy"
// is worth more to the session than "broken pipe".
void UvStream::OnWriteFailed(int status) {
  CHECK(write_in_flight_ == 0);
  chain_.Clear();
  write_error_ = status;
  if (state_ != State::kOpen) return CloseHandle();
  if (handshaking()) return FinishTls(uv_strerror(status));
  if (eof_ || paused_) FinishSystem(status);
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

void UvStream::Finish(CloseReason reason, std::string detail) {
  if (state_ == State::kClosing) return;
  info_ = {reason, std::move(detail)};
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
