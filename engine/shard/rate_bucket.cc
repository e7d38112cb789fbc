#include "engine/shard/rate_bucket.h"

#include <algorithm>

namespace sluice::engine {
namespace {

// A product of times that no clock reaches stands for "never".
constexpr int64_t kFarNanos = INT64_MAX / 4;

// Nearest by a 64-bit mantissa: products of times overflow an integer.
int64_t Scaled(int64_t time, long double by) {
  return int64_t(std::min<long double>(kFarNanos, static_cast<long double>(time) * by));
}

}  // namespace

// Rounded up: the rate is never exceeded, and misses it by less than a nanosecond a unit.
int64_t RateBucket::GapOf(const config::Rate& rate) {
  const int64_t count = int64_t(rate.count);
  return std::max<int64_t>(1, (rate.per.count() * kNanos + count - 1) / count);
}

void RateBucket::Apply(const config::Rate& rate) {
  rate_ = rate;
  ++version_;
  gap_ = GapOf(rate);
  ahead_ = Scaled(gap_, static_cast<long double>(rate.burst - 1));
  slack_ = std::clamp(gap_ / 100, kSlackLeast.count() * kNanos, kSlackMost.count() * kNanos);
}

// What was used of the burst stays used, in units, whatever time each of them takes now. Slots that
// are out are given back by all who hear of the new rate, so they count no further.
void RateBucket::SetRate(const config::Rate& rate, Instant now) {
  if (rate == rate_) return;
  const int64_t now_nanos = NanosOf(now);
  const int64_t owed = next_due_ - now_nanos + slack_;
  const auto used = static_cast<long double>(
      std::clamp<int64_t>((owed + gap_ - 1) / gap_, 1, static_cast<int64_t>(rate_.burst)));
  Apply(rate);
  free_.clear();
  if (owed > 0) next_due_ = now_nanos + Scaled(gap_, used);
}

RateSlot RateBucket::SlotAt(int64_t due) const {
  const auto up = [](int64_t nanos) { return Instant(Duration((nanos + kNanos - 1) / kNanos)); };
  return {.due = due,
          .from = up(std::max<int64_t>(0, due - ahead_)),
          .until = up(due + slack_),
          .version = version_};
}

void RateBucket::Give(Instant now, size_t count, std::vector<RateSlot>& out) {
  // A long pause earns the burst and half the slack; the other half is for the way to the asker.
  const int64_t earliest = NanosOf(now) - slack_ / 2;
  free_.erase(free_.begin(), free_.lower_bound(earliest));
  for (; count > 0 && !free_.empty(); --count) {
    out.push_back(SlotAt(*free_.begin()));
    free_.erase(free_.begin());
  }
  if (count == 0) return;
  next_due_ = std::max(next_due_, earliest);
  for (; count > 0; --count) {
    out.push_back(SlotAt(next_due_));
    next_due_ += gap_;
  }
}

void RateBucket::Return(const RateSlot& slot) {
  if (slot.version != version_) return;
  free_.insert(slot.due);
  // The last ones that were given: as if they had not been.
  while (!free_.empty() && *free_.rbegin() + gap_ == next_due_) {
    next_due_ = *free_.rbegin();
    free_.erase(std::prev(free_.end()));
  }
}

}  // namespace sluice::engine
