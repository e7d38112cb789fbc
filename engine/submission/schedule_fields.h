// engine/submission/schedule_fields.h — X-Schedule-... fields: when a message may go.
//
// PURPOSE   Reads the fields of a user who may use them (docs/fairness.md) and says when each
//           recipient is due first. Pure functions.

#ifndef SLUICE_ENGINE_SUBMISSION_SCHEDULE_FIELDS_H_
#define SLUICE_ENGINE_SUBMISSION_SCHEDULE_FIELDS_H_

#include <cstdint>
#include <expected>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "engine/base/time.h"
#include "queue/send_window.h"
#include "smtp/header_scan.h"

namespace sluice::engine {

struct Schedule {
  WallTime start{};  // zero: at once
  queue::SendWindow window;
  uint32_t parts = 1;  // recipients are split over so many
  Duration gap{};      // between the starts of two parts

  bool empty() const { return start == WallTime{} && window.empty() && parts == 1; }
};

inline constexpr uint32_t kPartsMax = 1'000;
// How far ahead mail may be scheduled, its last part included.
inline constexpr Duration kScheduleMax = std::chrono::hours(366 * 24);

// The error names the field and what it should be.
std::expected<Schedule, std::string> ParseSchedule(std::span<const smtp::ScheduleField> fields,
                                                   WallTime now);

// When a recipient is due first: the start of its part, moved into the hours.
WallTime FirstDue(const Schedule& schedule, WallTime accepted, std::string_view address);
// The latest of all parts.
WallTime LastDue(const Schedule& schedule, WallTime accepted);

// "2026-12-01T09:00:00+01:00", also with a blank for the T, without seconds or with a fraction.
std::optional<WallTime> ParseMoment(std::string_view text);

}  // namespace sluice::engine

#endif  // SLUICE_ENGINE_SUBMISSION_SCHEDULE_FIELDS_H_
