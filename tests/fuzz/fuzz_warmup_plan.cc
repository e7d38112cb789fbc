// Plans of warm-up, dates, and rows of its state from anywhere: nothing crashes, and what is taken
// is within its bounds and is read back the same.

#include <algorithm>
#include <string>

#include "engine/base/check.h"
#include "engine/shard/warmup_state.h"
#include "tests/fuzz/fuzz_target.h"

FUZZ_TARGET(warmup_plan) {
  using namespace sluice;
  if (const auto plan = config::ParseWarmupPlan(input)) {
    CHECK(!plan->empty() && plan->size() <= config::kWarmupDaysMax);
    CHECK(std::ranges::min(*plan) >= config::kWarmupLeast);
    CHECK(std::ranges::max(*plan) <= config::kWarmupMost);
  } else {
    CHECK(!plan.error().empty());
  }
  if (const auto date = config::ParseDate(input)) CHECK(*date >= 0);
  queue::Suspension row;
  row.id = {queue::SuspensionKind::kWarmup, "m1 > @google"};
  row.reason = std::string(input.substr(0, queue::kMaxReplyText));
  const auto state = engine::WarmupStateOf(row);
  if (!state) return;
  const auto again = engine::WarmupStateOf(engine::ToRow(*state));
  CHECK(again.has_value());
  CHECK(again->step == state->step && again->given == state->given && again->day == state->day);
}
