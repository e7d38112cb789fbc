// engine/io/uv_stream_tls.cc — the half of UvStream that knows TLS: feeding the machine, holding
// back what a paused session must not see yet, cutting plain text into records.

#include <algorithm>
#include <cstring>
#include <utility>

#include "engine/base/check.h"
#include "engine/io/uv_net_impl.h"
#include "engine/io/uv_stream.h"

namespace sluice::io {
namespace {

// Cipher text is handed to the kernel when this much of it is ready, so that a large Write costs
// few calls and its records are still warm.
constexpr size_t kPushBytes = size_t(64) << 10;

}  // namespace

void UvStream::StartTlsServer(std::shared_ptr<TlsServerContext> context,
                              std::string_view already_read) {
  if (state_ != State::kOpen) return;
  CHECK(context != nullptr);
  BeginTls(std::make_unique<TlsMachine>(std::move(context), net_.cipher_out()));
  if (already_read.empty() || state_ != State::kOpen) return;
  held_ = already_read;
  tls_held_ = true;
  Defer();
}

void UvStream::StartTlsClient(const TlsClientParams& params) {
  if (state_ != State::kOpen) return;
  CHECK(params.context != nullptr);
  BeginTls(std::make_unique<TlsMachine>(params, net_.cipher_out()));
  if (state_ != State::kOpen) return;
  const TlsMachine::Step step = tls_->Handshake();
  PushTls();
  if (step == TlsMachine::Step::kFailed) FinishTls(tls_->error());
}

void UvStream::BeginTls(std::unique_ptr<TlsMachine> tls) {
  CHECK(tls_ == nullptr);
  tls_ = std::move(tls);
  if (eof_) return FinishTls("the peer closed the connection");
  if (write_error_ != 0) return FinishTls(uv_strerror(write_error_));
  StartReading();  // a handshake needs input, paused or not
}

void UvStream::FeedTls(std::string_view cipher) {
  tls_->Feed(cipher);
  if (handshaking() && !StepHandshake()) return;
  if (paused_) {
    HoldTls();
  } else {
    DeliverTls();
  }
}

// True when the handshake is complete and the stream is still of use.
bool UvStream::StepHandshake() {
  const TlsMachine::Step step = tls_->Handshake();
  PushTls();
  if (state_ != State::kOpen || step == TlsMachine::Step::kMore) return false;
  if (step != TlsMachine::Step::kDone) {
    FinishTls(step == TlsMachine::Step::kEof ? "the peer ended it" : tls_->error());
    return false;
  }
  tls_ready_ = true;
  events_->OnTlsReady(tls_->Info());
  if (state_ == State::kOpen && std::exchange(want_room_, false)) events_->OnWritable();
  return state_ == State::kOpen;
}

void UvStream::DeliverTls() {
  const std::span<char> scratch = net_.plain_scratch();
  for (;;) {
    size_t n = 0;
    TlsMachine::Step step = TlsMachine::Step::kDone;
    while (n < scratch.size() && step == TlsMachine::Step::kDone) {
      size_t got = 0;
      step = tls_->Read(scratch.subspan(n), got);
      n += got;
    }
    PushTls();  // alerts, and answers to key updates
    if (state_ != State::kOpen) return;
    if (n > 0) events_->OnRead({scratch.data(), n});
    if (state_ != State::kOpen || step == TlsMachine::Step::kMore) return;
    if (step == TlsMachine::Step::kEof) return OnPeerEnd();
    if (step == TlsMachine::Step::kFailed) return FinishTls(tls_->error());
    if (paused_) return HoldTls();
  }
}

// What is left of this read waits for ResumeReading. Until then nothing more is read.
void UvStream::HoldTls() {
  held_ = tls_->unread();
  tls_->Feed({});
  tls_held_ = true;
}

size_t UvStream::WriteTls(std::span<const std::string_view> slices) {
  const std::span<char> record = net_.record_scratch();
  std::string& out = net_.cipher_out();
  size_t filled = 0;
  size_t taken = 0;
  const auto seal = [&](std::string_view plain) {
    if (!tls_->Write(plain)) FinishTls(tls_->error());
    if (out.size() >= kPushBytes) PushTls();
    return state_ == State::kOpen && write_error_ == 0;
  };
  for (std::string_view slice : slices) {
    while (!slice.empty()) {
      const size_t waiting = chain_.size() + out.size() + filled;
      const size_t room = kWriteBytesMax - std::min(kWriteBytesMax, waiting);
      const size_t n = std::min({slice.size(), kTlsRecordBytes - filled, room});
      if (n == 0) break;
      if (n == kTlsRecordBytes) {
        if (!seal(slice.substr(0, n))) return taken;
      } else {
        std::memcpy(record.data() + filled, slice.data(), n);
        filled += n;
      }
      if (filled == kTlsRecordBytes) {
        if (!seal({record.data(), filled})) return taken;
        filled = 0;
      }
      slice.remove_prefix(n);
      taken += n;
    }
    if (!slice.empty()) break;
  }
  if (filled > 0 && !seal({record.data(), filled})) return taken;
  PushTls();
  return taken;
}

// Sends, or queues, what the machine wrote. Nothing of it stays in the shared string.
void UvStream::PushTls() {
  std::string& out = net_.cipher_out();
  if (out.empty()) return;
  std::string_view rest = out;
  const bool dead = state_ == State::kClosing || write_error_ != 0;
  if (!dead && chain_.empty()) rest.remove_prefix(TryWrite(std::span(&rest, 1)));
  if (!dead && write_error_ == 0) {
    chain_.Append(rest);
    StartWrite();
  }
  out.clear();
  // A session's Write stops at kWriteBytesMax; the rest is what the peer made TLS itself say.
  if (chain_.size() > kWriteBytesMax + kTlsOwnBytesMax && state_ == State::kOpen)
    FinishTls("the peer asks for answers and reads none");
}

void UvStream::FinishTls(const std::string& what) {
  const TlsFault fault = handshaking() ? tls_->fault() : TlsFault::kNone;
  Finish(CloseReason::kTlsFailed, (handshaking() ? "TLS handshake: " : "TLS: ") + what, fault);
}

}  // namespace sluice::io
