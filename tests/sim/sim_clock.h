// tests/sim/sim_clock.h — time of a simulated world: it moves only when the world says so.

#ifndef SLUICE_TESTS_SIM_SIM_CLOCK_H_
#define SLUICE_TESTS_SIM_SIM_CLOCK_H_

#include "engine/base/check.h"
#include "engine/base/time.h"

namespace sluice::sim {

class SimClock final : public Clock {
 public:
  // 2026-11-21 08:00 UTC: a plain morning.
  static constexpr int64_t kWallStartMicros = 1'795'248'000'000'000;

  Instant Now() const override { return now_; }
  WallTime Wall() const override {
    return WallFromMicros(kWallStartMicros + MicrosOf(now_) - MicrosOf(kStart)) + wall_jump_;
  }

  void MoveTo(Instant when) {
    CHECK(when >= now_);
    now_ = when;
  }
  // What an operator or NTP does to the wall; Now() does not mind.
  void JumpWall(Duration by) { wall_jump_ += by; }

 private:
  // Not zero, so that "an hour ago" exists.
  static constexpr Instant kStart{std::chrono::hours(24)};

  Instant now_ = kStart;
  Duration wall_jump_{};
};

}  // namespace sluice::sim

#endif  // SLUICE_TESTS_SIM_SIM_CLOCK_H_
