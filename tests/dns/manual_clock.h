// tests/dns/manual_clock.h — time that moves when a test says so, firing timers on the way.

#ifndef SLUICE_TESTS_DNS_MANUAL_CLOCK_H_
#define SLUICE_TESTS_DNS_MANUAL_CLOCK_H_

#include "engine/base/time.h"
#include "engine/base/timer_queue.h"

namespace sluice::dns {

class ManualClock final : public Clock {
 public:
  Instant Now() const override { return now_; }
  WallTime Wall() const override { return WallFromMicros(MicrosOf(now_)); }

  // Runs every timer due on the way, each at its own moment.
  void Advance(TimerQueue& timers, Duration by) {
    const Instant end = now_ + by;
    while (timers.next() <= end) {
      if (timers.next() > now_) now_ = timers.next();
      timers.Run(now_);
    }
    now_ = end;
  }

 private:
  Instant now_{std::chrono::hours(1)};
};

}  // namespace sluice::dns

#endif  // SLUICE_TESTS_DNS_MANUAL_CLOCK_H_
