// Schedules from anywhere: nothing crashes, and what is taken is due within its hours and its end.

#include <algorithm>
#include <string>
#include <vector>

#include "engine/base/check.h"
#include "engine/submission/schedule_fields.h"
#include "tests/fuzz/fuzz_target.h"

FUZZ_TARGET(schedule_fields) {
  using namespace sluice;
  constexpr WallTime kNow = WallFromMicros(1'795'626'000'000'000);
  std::vector<smtp::ScheduleField> fields;
  std::string_view rest = input;
  while (!rest.empty() && fields.size() < smtp::kScheduleFieldsMax) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(rest.size(), line.size() + 1));
    const size_t colon = std::min(line.find(':'), line.size());
    fields.push_back({"X-Schedule-" + std::string(line.substr(0, colon)),
                      std::string(line.substr(std::min(colon + 1, line.size())))});
  }
  const auto schedule = engine::ParseSchedule(fields, kNow);
  if (!schedule) {
    CHECK(!schedule.error().empty());
    return;
  }
  const WallTime due = engine::FirstDue(*schedule, kNow, input);
  CHECK(due >= kNow);
  CHECK(due <= engine::LastDue(*schedule, kNow));
  CHECK(due == queue::NextInHours(schedule->window, due));
  CHECK(schedule->window.end == WallTime{} || due < schedule->window.end);
}
