// tools/sink/sink_connection.cc — see sink_connection.h.

#include "tools/sink/sink_connection.h"

#include <algorithm>
#include <utility>

#include "engine/base/check.h"

namespace sluice::tools {

SinkConnection::SinkConnection(SinkShard& shard, io::Stream* stream)
    : shard_(shard),
      stream_(stream),
      peer_(stream->peer().address),
      session_(shard.shared_.policy(), shard.shared_.memory(), shard.stats_, shard.recorder_.get(),
               {.peer = stream->peer().ToString(),
                .local = stream->local().ToString(),
                .connection = shard.shared_.NextConnection()}),
      hold_timer_(shard.loop_.timers(), [this] { OnHoldOver(); }),
      idle_timer_(shard.loop_.timers(), [this] { OnIdle(); }),
      last_input_(shard.loop_.clock().Now()) {}

void SinkConnection::Start(Handle<SinkConnection> self, std::string_view refusal) {
  self_ = self;
  entered_ = refusal.empty();
  idle_timer_.Set(last_input_ + kIdleMax);
  session_.Start(refusal);
  Settle();
}

void SinkConnection::OnRead(std::string_view bytes) {
  if (ended_) return;
  const Clock& clock = shard_.loop_.clock();
  last_input_ = clock.Now();
  const int64_t before = shard_.stats_.messages.load(std::memory_order_relaxed);
  session_.OnBytes(bytes, last_input_, clock.Wall());
  Settle();
  const int64_t after = shard_.stats_.messages.load(std::memory_order_relaxed);
  if (after > before && shard_.shared_.Count(after - before)) shard_.on_enough_();
}

void SinkConnection::OnTlsReady(const io::TlsInfo& info) {
  session_.OnTlsReady(info.version);
  ended_ = false;
  Settle();
}

// Given back before the peer can see the end: its next connection, which another loop may accept
// first, is not one too many.
void SinkConnection::Leave() {
  if (std::exchange(entered_, false)) shard_.shared_.Leave(peer_);
}

void SinkConnection::End() {
  ended_ = true;
  Leave();
  stream_->Close();
}

void SinkConnection::OnEof() { End(); }

void SinkConnection::OnClosed(const io::CloseInfo&) {
  Leave();
  shard_.connections_.Erase(self_);
}

void SinkConnection::OnIdle() {
  const Instant due = last_input_ + kIdleMax;
  if (shard_.loop_.clock().Now() < due) return idle_timer_.Set(due);
  stream_->Abort();
}

// Each reply is late by the latency, counted from the one before it: what a slow receiver does.
void SinkConnection::HoldReplies() {
  const int replies = session_.TakeReplyCount();
  if (replies == 0) return;
  const Instant now = shard_.loop_.clock().Now();
  const Duration latency = std::chrono::milliseconds(shard_.shared_.policy().options().latency_ms);
  last_due_ = std::max(now, last_due_) + latency * replies;
  const size_t octets = session_.output().size() - held_octets_;
  held_.emplace_back(last_due_, octets);
  held_octets_ += octets;
}

// Octets at the front of the output whose time has come.
size_t SinkConnection::Sendable() {
  if (shard_.shared_.policy().options().latency_ms <= 0) return session_.output().size();
  HoldReplies();
  const Instant now = shard_.loop_.clock().Now();
  while (!held_.empty() && held_.front().first <= now) {
    held_octets_ -= held_.front().second;
    held_.pop_front();
  }
  hold_timer_.Set(held_.empty() ? kNever : held_.front().first);
  return session_.output().size() - held_octets_;
}

void SinkConnection::Settle() {
  if (ended_) return;
  const SinkSession::Wish wish = session_.wish();
  std::string& output = session_.output();
  if (wish == SinkSession::Wish::kStall) return;
  const size_t sendable = Sendable();
  if (sendable > 0) output.erase(0, stream_->Write(std::string_view(output).substr(0, sendable)));
  if (wish == SinkSession::Wish::kDrop) {
    // Replies to earlier commands that are held back die with the connection.
    return End();
  }
  if (output.empty() && wish == SinkSession::Wish::kClose) return End();
  if (output.empty() && wish == SinkSession::Wish::kStartTls) {
    ended_ = true;  // until OnTlsReady: what comes in between belongs to nobody
    return stream_->StartTlsServer(shard_.tls_);
  }
  const bool full = output.size() > SinkSession::kOutputMax;
  if (full == paused_) return;
  paused_ = full;
  if (full) {
    stream_->PauseReading();
  } else {
    stream_->ResumeReading();
  }
}

}  // namespace sluice::tools
