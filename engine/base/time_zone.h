// engine/base/time_zone.h — when a calendar day begins somewhere.
//
// PURPOSE   Reads a TZif file (RFC 8536), as the machine keeps them, and says where the days of
//           quotas begin. The default is UTC.
// NOT HERE  The rule after the last change that the file lists: its last offset holds then.
// THREADS   Constant after it is made.
// TESTS     tests/base/time_zone_test.cc, tests/fuzz/fuzz_time_zone.cc

#ifndef SLUICE_ENGINE_BASE_TIME_ZONE_H_
#define SLUICE_ENGINE_BASE_TIME_ZONE_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/time.h"

namespace sluice {

class TimeZone {
 public:
  // A zone has hardly two changes a year.
  static constexpr uint32_t kChangesMax = 2'000;

  TimeZone() = default;
  // None: it is no such file, or a damaged one.
  static std::optional<TimeZone> Parse(std::string_view file);
  // By name, "Europe/Berlin". None: the machine does not know it.
  static std::optional<TimeZone> Load(const std::string& name);

  // What its clocks are ahead of UTC.
  Duration OffsetAt(WallTime t) const;
  // The beginnings of the day that `t` lies in, and of the one after it.
  WallTime DayOf(WallTime t) const;
  WallTime DayAfter(WallTime t) const;

 private:
  struct Change {
    int64_t at;  // seconds since 1970
    int32_t offset;
  };
  // The moment at which the clocks there show midnight of this day (since 1970).
  WallTime Midnight(int64_t day) const;
  int64_t DayNumber(WallTime t) const;

  int32_t first_ = 0;  // offset before the first change, in seconds
  std::vector<Change> changes_;
};

}  // namespace sluice

#endif  // SLUICE_ENGINE_BASE_TIME_ZONE_H_
