#include "engine/base/time.h"

#include <array>
#include <cstdio>

namespace sluice {
namespace {

struct Civil {
  int year;
  unsigned month, day, weekday;  // weekday: 0 is Sunday
  unsigned hour, minute, second, micros;
};

Civil CivilOf(WallTime t) {
  using namespace std::chrono;
  const sys_time<microseconds> sys{microseconds(MicrosOf(t))};
  const auto midnight = floor<days>(sys);
  const year_month_day date{midnight};
  const hh_mm_ss clock{sys - midnight};
  return {int(date.year()),
          unsigned(date.month()),
          unsigned(date.day()),
          weekday(midnight).c_encoding(),
          unsigned(clock.hours().count()),
          unsigned(clock.minutes().count()),
          unsigned(clock.seconds().count()),
          unsigned(clock.subseconds().count())};
}

}  // namespace

std::string FormatRfc3339(WallTime t) {
  const Civil c = CivilOf(t);
  std::array<char, 48> out;
  const int n = std::snprintf(out.data(), out.size(), "%04d-%02u-%02uT%02u:%02u:%02u.%06uZ", c.year,
                              c.month, c.day, c.hour, c.minute, c.second, c.micros);
  return {out.data(), size_t(n)};
}

std::string FormatRfc5322(WallTime t) {
  static constexpr const char* kDays[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  static constexpr const char* kMonths[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                            "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const Civil c = CivilOf(t);
  std::array<char, 48> out;
  const int n =
      std::snprintf(out.data(), out.size(), "%s, %u %s %04d %02u:%02u:%02u +0000", kDays[c.weekday],
                    c.day, kMonths[c.month - 1], c.year, c.hour, c.minute, c.second);
  return {out.data(), size_t(n)};
}

}  // namespace sluice
