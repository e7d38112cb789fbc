#include "config/rate.h"

#include <algorithm>
#include <charconv>
#include <numeric>
#include <optional>

#include "config/units.h"
#include "engine/base/text.h"

namespace sluice::config {
namespace {

struct PeriodName {
  std::string_view name;
  int64_t micros;
};
// The first of equal length is the one that is printed.
constexpr PeriodName kPeriods[] = {
    {"day", 86'400'000'000}, {"h", 3'600'000'000},    {"m", 60'000'000},        {"s", 1'000'000},
    {"d", 86'400'000'000},   {"hour", 3'600'000'000}, {"min", 60'000'000},      {"sec", 1'000'000},
    {"minute", 60'000'000},  {"second", 1'000'000},   {"week", 604'800'000'000}};

std::optional<Duration> PeriodOf(std::string_view text) {
  for (const PeriodName& period : kPeriods)
    if (text == period.name) return Duration(period.micros);
  return ParseDuration(text);
}

std::optional<uint64_t> NumberOf(std::string_view text) {
  uint64_t number = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc() || stop != end) return std::nullopt;
  return number;
}

std::string NoRate(std::string_view text) {
  return Quote(text) +
         " is not a rate: write \"100/s\", \"5000/h\", \"200000/day\" or \"1/10s\", "
         "with \" burst 20\" behind it where so many may go at once";
}

}  // namespace

std::expected<Rate, std::string> ParseRate(std::string_view text) {
  Rate rate;
  std::string_view speed = text;
  if (const size_t at = text.find(" burst "); at != std::string_view::npos) {
    speed = text.substr(0, at);
    const auto burst = NumberOf(Trim(text.substr(at + 7)));
    if (!burst) return std::unexpected(NoRate(text));
    if (*burst < 1 || *burst > kRateBurstMax)
      return std::unexpected("the burst of " + Quote(text) + " is out of range: 1 to " +
                             std::to_string(kRateBurstMax));
    rate.burst = *burst;
  }
  const size_t slash = speed.find('/');
  if (slash == std::string_view::npos) return std::unexpected(NoRate(text));
  const auto count = NumberOf(Trim(speed.substr(0, slash)));
  const auto per = PeriodOf(Trim(speed.substr(slash + 1)));
  if (!count || !per) return std::unexpected(NoRate(text));
  if (*count == 0)
    return std::unexpected(Quote(text) +
                           " would stop everything: the least is 1 in a longer time, as in "
                           "\"1/h\"; \"unlimited\" lifts the limit");
  if (*count > kRateCountMax)
    return std::unexpected(Quote(text) + " is out of range: at most " +
                           std::to_string(kRateCountMax) + "; \"unlimited\" lifts the limit");
  if (*per <= Duration(0) || *per > kRatePeriodMax)
    return std::unexpected(Quote(text) + " is out of range: the time it counts over is up to " +
                           FormatDuration(kRatePeriodMax));
  rate.count = *count;
  rate.per = *per;
  return rate;
}

std::string FormatRate(const Rate& rate) {
  std::string out = std::to_string(rate.count) + "/";
  const auto* named = std::ranges::find(kPeriods, rate.per.count(), &PeriodName::micros);
  out += named != std::end(kPeriods) ? std::string(named->name) : FormatDuration(rate.per);
  if (rate.burst > 1) out += " burst " + std::to_string(rate.burst);
  return out;
}

Rate PercentOf(const Rate& rate, uint32_t percent) {
  // Both halves are small enough: 10^9 x 1000 and 31 days x 100 in microseconds.
  uint64_t count = rate.count * percent;
  uint64_t per = uint64_t(rate.per.count()) * 100;
  const uint64_t common = std::gcd(count, per);
  count /= common;
  per /= common;
  // Back to the time it was written over where that is exact, so that it reads well: "50/s".
  const uint64_t written = uint64_t(rate.per.count());
  if (per < written && written % per == 0) {
    count *= written / per;
    per = written;
  }
  // Percents of percents may outgrow what can be written: then it is rounded down.
  while (count > kRateCountMax || per > uint64_t(kRatePeriodMax.count())) {
    count = std::max<uint64_t>(1, count / 2);
    per = std::max<uint64_t>(1, per / 2 + per % 2);
    if (count == 1) per = std::min<uint64_t>(per, uint64_t(kRatePeriodMax.count()));
  }
  // What is evenly spaced stays so, however fast it becomes.
  const uint64_t burst = rate.burst == 1 ? 1 : std::max<uint64_t>(1, rate.burst * percent / 100);
  return {count, Duration(int64_t(per)), std::min(burst, kRateBurstMax)};
}

}  // namespace sluice::config
