#include "engine/shard/report_pace.h"

namespace sluice::engine {

ReportPace::ReportPace(ShardContext& shard, std::function<void(LaneHandle)> wake)
    : shard_(shard), wake_(std::move(wake)), timer_(shard.timers, [this] { OnTimer(); }) {}

void ReportPace::Took(const Lane& lane) {
  const Instant now = shard_.clock.Now();
  while (!order_.empty() && order_.front().first <= now) ForgetOldest();
  const Duration gap = Duration(60'000'000) / shard_.config->reports.per_minute;
  next_[lane.id] = now + gap;
  order_.emplace_back(now + gap, lane.id);
  if (order_.size() > kMailboxesMax) ForgetOldest();
}

void ReportPace::ForgetOldest() {
  const auto [until, lane] = order_.front();
  order_.pop_front();
  const auto it = next_.find(lane);
  if (it != next_.end() && it->second == until) next_.erase(it);
}

Instant ReportPace::next(const Lane& lane) const {
  const auto it = next_.find(lane.id);
  return it == next_.end() ? Instant{} : it->second;
}

bool ReportPace::MustWait(Lane& lane, LaneHandle handle) {
  if (!queue::IsReportLane(lane.key.campaign)) return false;
  const Instant until = next(lane);
  if (until <= shard_.clock.Now()) return false;
  Park(lane, handle, until);
  return true;
}

void ReportPace::Park(Lane& lane, LaneHandle handle, Instant until) {
  if (std::exchange(lane.Window().paced, true)) return;
  waiting_.push({until, handle});
  timer_.Set(waiting_.top().until);
}

void ReportPace::OnTimer() {
  const Instant now = shard_.clock.Now();
  while (!waiting_.empty() && waiting_.top().until <= now) {
    const LaneHandle lane = waiting_.top().lane;
    waiting_.pop();
    wake_(lane);
  }
  if (!waiting_.empty()) timer_.Set(waiting_.top().until);
}

}  // namespace sluice::engine
