// queue/send_window.h — when a scheduled message may go, after its start.
//
// PURPOSE   Hours of the day and an end, as the sender gave them (docs/fairness.md). A plain value
//           and its arithmetic.

#ifndef SLUICE_QUEUE_SEND_WINDOW_H_
#define SLUICE_QUEUE_SEND_WINDOW_H_

#include <cstdint>

#include "engine/base/time.h"

namespace sluice::queue {

inline constexpr uint16_t kMinutesOfDay = 24 * 60;

struct SendWindow {
  WallTime end{};      // not sent from here on; zero: no end
  uint16_t from = 0;   // minutes of the day, at most kMinutesOfDay; from == to: all hours
  uint16_t to = 0;     // may lie before `from`: over midnight
  int16_t offset = 0;  // of that day, in minutes east of UTC

  bool empty() const { return *this == SendWindow{}; }
  friend bool operator==(const SendWindow&, const SendWindow&) = default;
};

// The first moment from `at` on that lies in the hours.
inline WallTime NextInHours(const SendWindow& window, WallTime at) {
  if (window.from == window.to) return at;
  constexpr int64_t kMinute = 60'000'000;
  constexpr int64_t kDay = kMinutesOfDay * kMinute;
  const int64_t local = MicrosOf(at) + window.offset * kMinute;
  const int64_t in_day = (local % kDay + kDay) % kDay;
  const int64_t from = window.from * kMinute;
  const int64_t to = window.to * kMinute;
  const bool inside = from < to ? in_day >= from && in_day < to : in_day >= from || in_day < to;
  if (inside) return at;
  return at + Duration((from - in_day + kDay) % kDay);
}

}  // namespace sluice::queue

#endif  // SLUICE_QUEUE_SEND_WINDOW_H_
