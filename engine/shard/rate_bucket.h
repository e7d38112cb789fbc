// engine/shard/rate_bucket.h — where a rate is counted: places in an even spacing, each given once.
//
// PURPOSE   The generic cell rate algorithm (ITU-T I.371) with the answer given ahead: a RateSlot
//           says from when to when one unit may go. Who holds it can prepare, and be on time.
// PROMISE   Slot k stands at due(k), a gap after slot k-1, and is used between due(k) - (burst - 1)
//           gaps and due(k) + SlackOf(gap). So in any window at most rate x (window + slack) +
//           burst units go, whoever uses the slots and in whatever order.
// NOT HERE  Who waits, and who is woken (rates.h).
// TESTS     tests/shard/rate_bucket_test.cc

#ifndef SLUICE_ENGINE_SHARD_RATE_BUCKET_H_
#define SLUICE_ENGINE_SHARD_RATE_BUCKET_H_

#include <cstddef>
#include <cstdint>
#include <set>
#include <vector>

#include "config/rate.h"
#include "engine/base/time.h"

namespace sluice::engine {

// One unit may go in [from, until].
struct RateSlot {
  int64_t due = 0;  // nanoseconds: its place in the even spacing
  Instant from{};
  Instant until{};
  uint32_t version = 0;  // of the bucket's rate
};

class RateBucket {
 public:
  // Loops and timers are late; by so much a unit may be, and nothing of the average is lost.
  static constexpr Duration kSlackLeast{10'000};
  static constexpr Duration kSlackMost{1'000'000};

  explicit RateBucket(const config::Rate& rate) { Apply(rate); }

  // Takes effect at once: what was given counts on, at the new spacing.
  void SetRate(const config::Rate& rate, Instant now);
  const config::Rate& rate() const { return rate_; }

  // The next `count` slots; they may lie far ahead.
  void Give(Instant now, size_t count, std::vector<RateSlot>& out);
  // A slot that was not used: others may have it while it lasts.
  void Return(const RateSlot& slot);
  // When all that was given has been paid for at the rate: what the next run must know.
  Instant paid_at() const { return Instant(Duration((next_due_ + kNanos - 1) / kNanos)); }
  void ResumeAt(Instant paid) { next_due_ = NanosOf(paid); }
  // Nothing is out and nothing is owed: as good as a new one.
  bool IsIdle(Instant now) const { return free_.empty() && next_due_ < NanosOf(now) - slack_; }

  static int64_t GapOf(const config::Rate& rate);  // nanoseconds

 private:
  static constexpr int64_t kNanos = 1'000;  // a microsecond

  static int64_t NanosOf(Instant at) { return at.time_since_epoch().count() * kNanos; }
  void Apply(const config::Rate& rate);
  RateSlot SlotAt(int64_t due) const;

  config::Rate rate_;
  uint32_t version_ = 0;
  int64_t gap_ = 1;    // nanoseconds a unit
  int64_t ahead_ = 0;  // (burst - 1) gaps
  int64_t slack_ = 0;
  int64_t next_due_ = INT64_MIN / 4;  // of the first slot that nobody was given
  std::set<int64_t> free_;            // given before it, and returned
};

}  // namespace sluice::engine

#endif  // SLUICE_ENGINE_SHARD_RATE_BUCKET_H_
