// tools/blast/blast_lane.cc — BlastLane: one place for connections. See blast_run.h.

#include <cmath>
#include <utility>

#include "engine/base/check.h"
#include "tools/blast/blast_run.h"

namespace sluice::tools {

BlastLane::BlastLane(BlastRun& run)
    : run_(run), timeout_(run.loop_.timers(), [this] { OnTimeout(); }) {}

void BlastLane::Connect() {
  CHECK(idle());
  session_.emplace(run_.plan_->manner());
  blocked_ = in_handshake_ = closing_ = false;
  given_ = 0;
  last_read_ = run_.loop_.clock().Now();
  stream_ = run_.loop_.net().Connect({.to = run_.to_, .from = std::nullopt}, this);
  OnTimeout();
}

void BlastLane::OnConnected() {
  ++run_.report_.connections;
  if (run_.options_.tls != "implicit") return;
  in_handshake_ = true;
  stream_->StartTlsClient({.context = run_.tls_, .server_name = ""});
}

void BlastLane::OnRead(std::string_view bytes) {
  if (closing_) return;
  last_read_ = run_.loop_.clock().Now();
  session_->OnBytes(bytes, run_.system_clock_.Now());
  if (session_->ready()) run_.NoteAlive();
  Settle();
}

void BlastLane::OnWritable() {
  blocked_ = false;
  Settle();
}

void BlastLane::OnTlsReady(const io::TlsInfo&) {
  in_handshake_ = false;
  session_->OnTlsReady();
  Settle();
}

void BlastLane::OnEof() { Close(); }

void BlastLane::OnClosed(const io::CloseInfo& info) {
  const bool was_over = session_->over() && session_->fault().empty();
  std::string fault = session_->fault();
  if (fault.empty() && !was_over)
    fault = info.detail.empty() ? "connection closed by the server" : info.detail;
  stream_ = nullptr;
  timeout_.Cancel();
  session_->OnLost();
  Collect();
  run_.OnLaneClosed(fault, given_ > 0);
}

void BlastLane::Settle() {
  if (idle() || closing_) return;
  Collect();
  Fill();
  Send();
  if (session_->over()) Close();
}

void BlastLane::Fill() {
  const int64_t most = run_.options_.per_connection;
  while (session_->wants_message()) {
    if (most > 0 && given_ >= most) return session_->Quit();
    auto message = run_.Take();
    if (!message) {
      if (run_.exhausted()) session_->Quit();
      return;
    }
    session_->Give(*std::move(message));
    ++given_;
  }
}

void BlastLane::Collect() {
  while (auto result = session_->TakeResult()) run_.Record(*std::move(result));
  run_.WriteLog();
}

void BlastLane::Send() {
  if (blocked_ || in_handshake_) return;
  const auto slices = session_->Output();
  size_t all = 0;
  for (const std::string_view slice : slices) all += slice.size();
  if (all > 0) {
    const size_t taken = stream_->Write(slices);
    blocked_ = taken < all;
    session_->Consume(taken, run_.system_clock_.Now());
  }
  if (session_->wants_tls() && !blocked_) {
    in_handshake_ = true;
    stream_->StartTlsClient({.context = run_.tls_, .server_name = ""});
  }
}

void BlastLane::Close() {
  if (idle() || closing_) return;
  closing_ = true;
  stream_->Close();
}

void BlastLane::Abort() {
  if (!idle()) stream_->Abort();
}

// Moves itself to the earliest moment at which the server may be called silent.
void BlastLane::OnTimeout() {
  const Instant now = run_.loop_.clock().Now();
  const Duration most(std::llround(run_.options_.timeout_s * 1e6));
  const bool silent = session_->waiting() && now - last_read_ >= most;
  if (silent) return stream_->Abort();
  if (!session_->waiting()) last_read_ = now;
  timeout_.Set(last_read_ + most);
}

}  // namespace sluice::tools
