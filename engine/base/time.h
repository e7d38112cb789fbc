// engine/base/time.h — durations, monotonic instants and wall time, as different types; the Clock.
//
// PURPOSE   All time in Sluice is microseconds. Instant orders what happens in this process;
//           WallTime is what is stored and shown. They do not mix, and only a Clock makes them, so
//           that the simulator can run days in seconds.

#ifndef SLUICE_ENGINE_BASE_TIME_H_
#define SLUICE_ENGINE_BASE_TIME_H_

#include <chrono>
#include <cstdint>
#include <string>

namespace sluice {

using Duration = std::chrono::microseconds;

struct MonotonicTimeline {
  using rep = int64_t;
  using period = std::micro;
  using duration = Duration;
  using time_point = std::chrono::time_point<MonotonicTimeline, Duration>;
  static constexpr bool is_steady = true;
};

struct WallTimeline {
  using rep = int64_t;
  using period = std::micro;
  using duration = Duration;
  using time_point = std::chrono::time_point<WallTimeline, Duration>;
  static constexpr bool is_steady = false;
};

// A moment of this process's life. kNever is later than all others.
using Instant = MonotonicTimeline::time_point;
// Microseconds since 1970-01-01 UTC.
using WallTime = WallTimeline::time_point;

inline constexpr Instant kNever = Instant::max();

constexpr int64_t MicrosOf(Instant t) { return t.time_since_epoch().count(); }
constexpr int64_t MicrosOf(WallTime t) { return t.time_since_epoch().count(); }
constexpr WallTime WallFromMicros(int64_t us) { return WallTime(Duration(us)); }

// Tells time. Now() is constant within one turn of an event loop, which keeps behaviour repeatable.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual Instant Now() const = 0;
  virtual WallTime Wall() const = 0;
};

// RFC 3339 with microseconds, UTC: "2026-11-21T07:51:00.000123Z".
std::string FormatRfc3339(WallTime t);
// RFC 5322 date, UTC: "Sat, 21 Nov 2026 07:51:00 +0000".
std::string FormatRfc5322(WallTime t);

}  // namespace sluice

#endif  // SLUICE_ENGINE_BASE_TIME_H_
