// engine/shard/warmup_state.h — how far the warm-up of one source at one provider has come.
//
// PURPOSE   The state as its owner keeps it, its row on disk, and what a day that is over means.
// NOT HERE  Who may send how many (warmup.h), the plans (config/warmup_plan.h).
// TESTS     tests/shard/warmup_state_test.cc, tests/fuzz/fuzz_warmup_plan.cc

#ifndef SLUICE_ENGINE_SHARD_WARMUP_STATE_H_
#define SLUICE_ENGINE_SHARD_WARMUP_STATE_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "config/config.h"
#include "config/warmup_plan.h"
#include "queue/records.h"

namespace sluice::engine {

// All receivers without a provider count together, as this.
inline constexpr std::string_view kWarmupRest = "*";

// Attempts and what became of them.
struct WarmupCounts {
  uint64_t tried = 0;
  uint64_t deferred = 0;
  uint64_t bounced = 0;
};

struct WarmupState {
  std::string source;
  std::string receiver;  // "@google" or kWarmupRest
  uint32_t step = 0;     // days of the plan that went well
  WallTime day{};        // whose counts follow; zero: it has not begun
  uint64_t given = 0;    // recipients that may have been sent, what shards hold in hand among them
  WarmupCounts counts;
  bool paused = false;
  std::string last;  // how the last day went

  bool warm(const config::WarmupPlan& plan) const { return step >= plan.size(); }
};

// "m1 > @google": what a row and its owner are found by.
std::string WarmupPathOf(std::string_view source, std::string_view receiver);

queue::Suspension ToRow(const WarmupState& state);
// None: it is no such row.
std::optional<WarmupState> WarmupStateOf(const queue::Suspension& row);

// The day is over, and `next` begins. True: it went well, and the plan goes on.
bool EndDay(WarmupState& state, const config::WarmupPlan& plan, const config::Source& limits,
            WallTime next);

// "warm-up of source m1 at google: day 4 of 30, 400 of 400 today"
std::string Describe(const WarmupState& state, const config::WarmupPlan& plan);

}  // namespace sluice::engine

#endif  // SLUICE_ENGINE_SHARD_WARMUP_STATE_H_
