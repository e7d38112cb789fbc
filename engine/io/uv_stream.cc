// engine/io/uv_stream.cc — the traffic of a UvStream: reading, and writing in clear text.

#include "engine/io/uv_stream.h"

#include <algorithm>
#include <array>
#include <utility>

#include "engine/base/check.h"
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

}  // namespace sluice::io
