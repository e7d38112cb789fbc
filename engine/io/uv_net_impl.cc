#include "engine/io/uv_net_impl.h"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "engine/base/check.h"
#include "engine/io/sockaddr.h"
#include "engine/io/tls_client_context.h"
#include "engine/io/tls_context.h"
#include "engine/io/uv_listener.h"

namespace sluice::io {
namespace {

// The shared cipher text is pushed at 64 KiB; a record and its overhead may come on top.
constexpr size_t kCipherOutReserve = size_t(96) << 10;

}  // namespace

UvNetImpl::UvNetImpl(uv_loop_t* loop, const Clock& clock, TimerQueue& timers)
    : loop_(loop),
      clock_(clock),
      timers_(timers),
      read_scratch_(new char[kReadBytes]),
      plain_scratch_(new char[kReadBytes]),
      record_scratch_(new char[kTlsRecordBytes]),
      close_timer_(timers, [this] { OnCloseTimer(); }) {
  cipher_out_.reserve(kCipherOutReserve);
}

UvNetImpl::~UvNetImpl() {
  CHECK(streams_.empty());
  CHECK(deferred_.empty());
}

UvStream* UvNetImpl::NewStream(UvStream::Kind kind, bool accepted) {
  auto* stream = new UvStream(*this, kind, accepted);  // deletes itself, see uv_stream.h
  stream->listed_ = streams_.insert(streams_.end(), stream);
  return stream;
}

Stream* UvNetImpl::Connect(const ConnectParams& params, StreamEvents* events) {
  CHECK(events != nullptr);
  UvStream* stream = NewStream(UvStream::Kind::kTcp, false);
  stream->ConnectTcp(params, events);
  return stream;
}

Stream* UvNetImpl::ConnectUnix(const std::string& path, StreamEvents* events) {
  CHECK(events != nullptr);
  UvStream* stream = NewStream(UvStream::Kind::kUnix, false);
  stream->ConnectUnix(path, events);
  return stream;
}

void UvNetImpl::Accept(int fd, const Endpoint& peer, UvStream::Kind kind, const AcceptFn& accept) {
  UvStream* stream = NewStream(kind, true);
  if (!stream->Open(fd)) return;
  stream->peer_ = peer;
  stream->Start(accept(stream));
}

void UvNetImpl::Adopt(int fd, const AcceptFn& accept) {
  sockaddr_storage address{};
  socklen_t size = sizeof(address);
  if (getpeername(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
    close(fd);  // the peer has gone already
    return;
  }
  const bool is_unix = address.ss_family == AF_UNIX;
  Accept(fd, FromSockaddr(address), is_unix ? UvStream::Kind::kUnix : UvStream::Kind::kTcp, accept);
}

Result<std::unique_ptr<Listener>> UvNetImpl::StartAccepting(int fd, UvStream::Kind kind,
                                                            AcceptFn accept, std::string path) {
  return AcceptSocket::Start(
      *this, fd,
      [this, kind, accept = std::move(accept)](int accepted, const Endpoint& peer) {
        Accept(accepted, peer, kind, accept);
      },
      std::move(path));
}

Result<std::unique_ptr<Listener>> UvNetImpl::Listen(const Endpoint& at, AcceptFn accept) {
  const Result<int> fd = BindTcp(at);
  if (!fd) return std::unexpected(fd.error());
  return StartAccepting(*fd, UvStream::Kind::kTcp, std::move(accept), {});
}

Result<std::unique_ptr<Listener>> UvNetImpl::ListenFd(const Endpoint& at, FdFn accept) {
  const Result<int> fd = BindTcp(at);
  if (!fd) return std::unexpected(fd.error());
  return AcceptSocket::Start(
      *this, *fd, [accept = std::move(accept)](int accepted, const Endpoint&) { accept(accepted); },
      {});
}

Result<std::unique_ptr<Listener>> UvNetImpl::AdoptSocket(int fd, AcceptFn accept) {
  int listens = 0;
  socklen_t size = sizeof(listens);
  int domain = 0;
  socklen_t domain_size = sizeof(domain);
  if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) != 0 || listens == 0 ||
      getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &domain_size) != 0) {
    close(fd);
    return Fail(ErrorCode::kInvalid, "the socket handed over does not listen");
  }
  const auto kind = domain == AF_UNIX ? UvStream::Kind::kUnix : UvStream::Kind::kTcp;
  return StartAccepting(fd, kind, std::move(accept), {});
}

Result<std::unique_ptr<Listener>> UvNetImpl::ListenUnix(const std::string& path, mode_t mode,
                                                        AcceptFn accept) {
  const Result<int> fd = BindUnix(path, mode);
  if (!fd) return std::unexpected(fd.error());
  return StartAccepting(*fd, UvStream::Kind::kUnix, std::move(accept), path);
}

std::optional<uid_t> UvNetImpl::PeerUid(Stream* stream) {
  return static_cast<UvStream*>(stream)->PeerUid();
}

Result<std::shared_ptr<TlsServerContext>> UvNetImpl::MakeTlsServer(const std::string& cert_file,
                                                                   const std::string& key_file) {
  return TlsServerContext::Make(cert_file, key_file);
}

Result<TlsServerMade> UvNetImpl::MakeTlsServerOf(const TlsServerSettings& settings) {
  return TlsServerContext::Make(settings);
}

std::shared_ptr<TlsClientContext> UvNetImpl::MakeTlsClient() {
  return *TlsClientContext::Make({});  // no file is named that could fail
}

Result<std::shared_ptr<TlsClientContext>> UvNetImpl::MakeVerifyingTlsClient(
    const TlsClientSettings& settings) {
  return TlsClientContext::Make(settings);
}

void UvNetImpl::RunDeferred() {
  if (deferred_.empty()) return;
  CHECK(running_.empty());
  std::swap(running_, deferred_);
  // None of them is freed before this ends: that happens in libuv's close callbacks only.
  for (UvStream* stream : running_) stream->RunDeferred();
  running_.clear();
}

void UvNetImpl::Undefer(UvStream* stream) { std::erase(deferred_, stream); }

void UvNetImpl::BoundClose(UvStream* stream) {
  const Instant at = clock_.Now() + kCloseBound;
  stream->closing_at_ = closing_.insert(closing_.end(), {at, stream});
  stream->closing_listed_ = true;
  if (close_timer_.when() == kNever) close_timer_.Set(at);
}

void UvNetImpl::UnboundClose(UvStream* stream) {
  closing_.erase(stream->closing_at_);
  stream->closing_listed_ = false;
}

void UvNetImpl::OnCloseTimer() {
  const Instant now = clock_.Now();
  while (!closing_.empty() && closing_.front().first <= now) {
    UvStream* stream = closing_.front().second;
    closing_.pop_front();
    stream->OnCloseBound();
  }
  close_timer_.Set(closing_.empty() ? kNever : closing_.front().first);
}

void UvNetImpl::CloseAll() {
  CHECK(listeners_ == 0);  // listeners go before the loop
  for (UvStream* stream : streams_) stream->CloseSilently();
  close_timer_.Cancel();
}

}  // namespace sluice::io
