// config/warmup_plan.h — how many a new source may send on each day: lists and plans by name.
//
// PURPOSE   Reads `warmup = "google-default"` and `"50, 100, 200"`. The plans themselves are data
//           (warmup_plan.cc), each with where its figures come from.
// TESTS     tests/config/warmup_plan_test.cc, tests/fuzz/fuzz_warmup_plan.cc

#ifndef SLUICE_CONFIG_WARMUP_PLAN_H_
#define SLUICE_CONFIG_WARMUP_PLAN_H_

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.h"
#include "config/problem.h"
#include "config/reply_rules.h"
#include "engine/base/time.h"
#include "engine/base/time_zone.h"

namespace sluice::config {

// Recipients on each day of the plan; behind the last one the source is warm.
using WarmupPlan = std::vector<uint64_t>;

inline constexpr size_t kWarmupDaysMax = 366;
// A transaction of a source in warm-up has no more recipients than this, and no day has less, so
// that every transaction fits into a day.
inline constexpr uint64_t kWarmupLeast = 10;
inline constexpr uint64_t kWarmupMost = 1'000'000'000;
// Stands for the plan of the receiver's provider, and for "default" where it has none.
inline constexpr std::string_view kWarmupByProvider = "by-provider";

// A name or a list. The error says what is wrong and what to write.
std::expected<WarmupPlan, std::string> ParseWarmupPlan(std::string_view text);
// The plan "PROVIDER-default", or "default".
WarmupPlan DefaultWarmupPlan(std::string_view provider);

// A provider in `warmup_for` that the reply rules do not know; none: there is no such.
std::optional<Problem> UnknownWarmupProvider(const Config& config, const ReplyRuleSet& rules);

// "2026-12-01" as days since 1970; none: it is no date.
std::optional<int64_t> ParseDate(std::string_view text);
// When that day begins in the zone.
WallTime BeginOfDate(int64_t date, const TimeZone& zone);

}  // namespace sluice::config

#endif  // SLUICE_CONFIG_WARMUP_PLAN_H_
