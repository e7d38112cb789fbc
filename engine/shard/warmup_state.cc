#include "engine/shard/warmup_state.h"

#include <algorithm>
#include <charconv>

namespace sluice::engine {
namespace {

// A day of which less was used says little of the next step.
constexpr uint64_t kEnoughPercent = 50;
constexpr std::string_view kArrow = " > ";

std::string Told(uint64_t part, const WarmupCounts& counts, uint32_t most) {
  return std::to_string(part) + " of " + std::to_string(counts.tried) + ", more than " +
         std::to_string(most) + "%";
}

// Empty: it went well.
std::string WhyBad(const WarmupState& state, uint64_t planned, const config::Source& limits) {
  const WarmupCounts& counts = state.counts;
  if (counts.tried * 100 < planned * kEnoughPercent)
    return "only " + std::to_string(counts.tried) + " of " + std::to_string(planned) + " were sent";
  if (counts.deferred * 100 > counts.tried * limits.warmup_max_deferred)
    return "deferred were " + Told(counts.deferred, counts, limits.warmup_max_deferred);
  if (counts.bounced * 100 > counts.tried * limits.warmup_max_bounced)
    return "bounced were " + Told(counts.bounced, counts, limits.warmup_max_bounced);
  return state.paused ? "it is paused" : "";
}

}  // namespace

std::string WarmupPathOf(std::string_view source, std::string_view receiver) {
  return std::string(source) + std::string(kArrow) + std::string(receiver);
}

// Rows are dropped some time after `until`: this one never is.
queue::Suspension ToRow(const WarmupState& state) {
  const uint64_t numbers[] = {state.step,
                              uint64_t(MicrosOf(state.day) / 1'000'000),
                              state.given,
                              state.counts.tried,
                              state.counts.deferred,
                              state.counts.bounced,
                              state.paused ? 1u : 0u};
  std::string text;
  for (const uint64_t number : numbers) text += std::to_string(number) + " ";
  text += state.last;
  text.resize(std::min(text.size(), queue::kMaxReplyText));
  return {{queue::SuspensionKind::kWarmup, WarmupPathOf(state.source, state.receiver)},
          WallTime(std::chrono::years(200)),
          1,
          std::move(text)};
}

std::optional<WarmupState> WarmupStateOf(const queue::Suspension& row) {
  const size_t arrow = row.id.key.rfind(kArrow);
  if (row.id.kind != queue::SuspensionKind::kWarmup || arrow == std::string::npos)
    return std::nullopt;
  WarmupState out;
  out.source = row.id.key.substr(0, arrow);
  out.receiver = row.id.key.substr(arrow + kArrow.size());
  uint32_t day = 0;
  uint32_t paused = 0;
  const char* at = row.reason.data();
  const char* const end = at + row.reason.size();
  const auto read = [&at, end](auto& number) {
    const auto [stop, error] = std::from_chars(at, end, number);
    if (error != std::errc() || stop == end || *stop != ' ') return false;
    at = stop + 1;
    return true;
  };
  if (!read(out.step) || !read(day) || !read(out.given) || !read(out.counts.tried) ||
      !read(out.counts.deferred) || !read(out.counts.bounced) || !read(paused))
    return std::nullopt;
  out.day = WallFromMicros(int64_t(day) * 1'000'000);
  out.paused = paused != 0;
  out.last.assign(at, end);
  return out;
}

bool EndDay(WarmupState& state, const config::WarmupPlan& plan, const config::Source& limits,
            WallTime next) {
  bool well = false;
  if (!state.warm(plan)) {
    const std::string bad = WhyBad(state, plan[state.step], limits);
    const std::string day = "day " + std::to_string(state.step + 1);
    well = bad.empty();
    state.last = well ? day + " went well" : day + " again: " + bad;
    if (well) ++state.step;
  }
  state.day = next;
  state.given = 0;
  state.counts = {};
  return well;
}

std::string Describe(const WarmupState& state, const config::WarmupPlan& plan) {
  std::string out = "warm-up of source " + state.source + " at " +
                    (state.receiver == kWarmupRest ? std::string("receivers without a provider")
                                                   : state.receiver.substr(1));
  if (state.warm(plan)) return out + ": done";
  return out + ": day " + std::to_string(state.step + 1) + " of " + std::to_string(plan.size()) +
         ", " + std::to_string(state.given) + " of " + std::to_string(plan[state.step]) + " today";
}

}  // namespace sluice::engine
