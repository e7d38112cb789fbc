#include "engine/io/system_clock.h"

#include <ctime>

#include "engine/base/check.h"

namespace sluice::io {
namespace {

Duration Read(clockid_t id) {
  timespec t;
  CHECK(clock_gettime(id, &t) == 0);
  return Duration(int64_t(t.tv_sec) * 1'000'000 + t.tv_nsec / 1000);
}

}  // namespace

Instant SystemClock::Now() const { return Instant(Read(CLOCK_MONOTONIC)); }
WallTime SystemClock::Wall() const { return WallTime(Read(CLOCK_REALTIME)); }

}  // namespace sluice::io
