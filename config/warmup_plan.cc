#include "config/warmup_plan.h"

#include <algorithm>
#include <charconv>
#include <chrono>

#include "config/units.h"

namespace sluice::config {
namespace {

// Shapes of plans: where they begin and how they grow. Published schedules for new addresses begin
// at about 50 a day for all receivers together, double in the first week and reach a million in 30
// days (docs.sendgrid.com, "Warming up an IP address", and what its customers print of it: 50, 100,
// 250, 500, 1,000, 2,500, 5,000, ... 70,000 on day 15). No provider publishes figures of its own;
// those that answer new addresses with deferrals soonest get a slower one here.
struct Growth {
  std::string_view name;
  uint64_t first;
  uint32_t percent;  // of the day before
  size_t days;
};

constexpr Growth kPlans[] = {
    // Everybody else, all receivers without a provider together: 50 to about 200,000.
    {"default", 50, 133, 30},
    // Google counts by sending domain as well, and forgives a quick start: 50 to about 840,000.
    {"google-default", 50, 140, 30},
    // Yahoo answers TSS04 soon where volume jumps: 50 to about 100,000.
    {"yahoo-default", 50, 130, 30},
    // Outlook.com throttles addresses without history (RP-001, S775): 50 to about 60,000.
    {"outlook-consumer-default", 50, 128, 30},
    // Every customer's tenant counts for itself, but the address is known to all of them.
    {"office365-default", 50, 130, 30},
    // GMX and web.de, Orange: small limits on what is not known.
    {"gmx-default", 50, 125, 30},
    {"orange-default", 50, 120, 30},
};

WarmupPlan PlanOf(const Growth& growth) {
  WarmupPlan out;
  uint64_t day = growth.first;
  for (size_t i = 0; i < growth.days; ++i) {
    out.push_back(day);
    day = day * growth.percent / 100;
  }
  return out;
}

const Growth* Find(std::string_view name) {
  const auto* const it = std::ranges::find(kPlans, name, &Growth::name);
  return it == std::end(kPlans) ? nullptr : it;
}

std::string NoSuchPlan(std::string_view text) {
  std::vector<std::string_view> names{kWarmupByProvider};
  for (const Growth& plan : kPlans) names.push_back(plan.name);
  const std::string_view near = Nearest(text, names);
  std::string out = Quote(text) + " is no plan: write the recipients of each day, \"50, 100, 200\"";
  if (!near.empty()) return out + "; or did you mean " + Quote(near) + "?";
  return out + ", or " + Quote(kWarmupByProvider);
}

std::string_view Trim(std::string_view text) {
  while (text.starts_with(' ')) text.remove_prefix(1);
  while (text.ends_with(' ')) text.remove_suffix(1);
  return text;
}

}  // namespace

std::expected<WarmupPlan, std::string> ParseWarmupPlan(std::string_view text) {
  if (const Growth* named = Find(text)) return PlanOf(*named);
  WarmupPlan out;
  for (size_t at = 0; at <= text.size();) {
    const size_t end = std::min(text.find(',', at), text.size());
    const std::string_view item = Trim(text.substr(at, end - at));
    at = end + 1;
    uint64_t day = 0;
    const auto [stop, error] = std::from_chars(item.data(), item.data() + item.size(), day);
    if (item.empty() || error != std::errc() || stop != item.data() + item.size())
      return std::unexpected(NoSuchPlan(text));
    if (day < kWarmupLeast || day > kWarmupMost)
      return std::unexpected("a day has " + std::to_string(kWarmupLeast) + " to " +
                             std::to_string(kWarmupMost) + " recipients, not " + std::string(item));
    if (out.size() == kWarmupDaysMax)
      return std::unexpected("a plan has at most " + std::to_string(kWarmupDaysMax) + " days");
    out.push_back(day);
  }
  return out;
}

WarmupPlan DefaultWarmupPlan(std::string_view provider) {
  const Growth* own = Find(std::string(provider) + "-default");
  return PlanOf(own != nullptr ? *own : *Find("default"));
}

std::optional<int64_t> ParseDate(std::string_view text) {
  if (text.size() != 10 || text[4] != '-' || text[7] != '-') return std::nullopt;
  const auto number = [text](size_t at, size_t length) {
    int out = 0;
    for (const char c : text.substr(at, length)) {
      if (c < '0' || c > '9') return -1;
      out = out * 10 + (c - '0');
    }
    return out;
  };
  const int year = number(0, 4);
  const int month = number(5, 2);
  const int day = number(8, 2);
  if (year < 1970 || month < 1 || day < 1) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year(year),
                                         std::chrono::month(unsigned(month)),
                                         std::chrono::day(unsigned(day))};
  if (!date.ok()) return std::nullopt;
  return std::chrono::sys_days(date).time_since_epoch().count();
}

WallTime BeginOfDate(int64_t date, const TimeZone& zone) {
  const WallTime utc{std::chrono::hours(24 * date)};
  return zone.DayOf(utc - zone.OffsetAt(utc) + std::chrono::hours(12));
}

std::optional<Problem> UnknownWarmupProvider(const Config& config, const ReplyRuleSet& rules) {
  const std::vector<std::string_view> names = rules.ProviderNames();
  for (const Source& source : config.sources) {
    for (const WarmupFor& one : source.warmup_for) {
      if (std::ranges::find(names, one.provider) != names.end()) continue;
      const std::string_view near = Nearest(one.provider, names);
      return Problem{config.file,
                     {},
                     "source.warmup_for",
                     "source " + Quote(source.name) + ": there is no provider " +
                         Quote(one.provider) + " in the reply rules" +
                         (near.empty() ? "" : "; did you mean " + Quote(near) + "?")};
    }
  }
  return std::nullopt;
}

}  // namespace sluice::config
