// config/rate.h — a rate as people write it: "100/s", "5000/h", "200000/day burst 500".
//
// PURPOSE   How often something may happen, and how unevenly. Without a burst it is spaced evenly;
//           with one, so many may come at once as long as the rate holds over time.
// TESTS     tests/config/rate_test.cc

#ifndef SLUICE_CONFIG_RATE_H_
#define SLUICE_CONFIG_RATE_H_

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

#include "engine/base/time.h"

namespace sluice::config {

// No receiver takes more than this in any time that can be written.
inline constexpr uint64_t kRateCountMax = 1'000'000'000;
inline constexpr uint64_t kRateBurstMax = 1'000'000;
// The longest time a rate may be counted over.
inline constexpr Duration kRatePeriodMax{int64_t(31) * 86'400'000'000};

struct Rate {
  uint64_t count = 1;  // in each
  Duration per{1'000'000};
  uint64_t burst = 1;  // how many may come at once; 1: evenly spaced

  bool operator==(const Rate&) const = default;
  double per_second() const { return double(count) * 1e6 / double(per.count()); }
};

// The error says what is wrong and what to write.
std::expected<Rate, std::string> ParseRate(std::string_view text);

// "100/s", "1/2s", "100/s burst 20".
std::string FormatRate(const Rate& rate);

// `percent` of a rate, exactly as long as it can be written; a burst stays at least 1.
Rate PercentOf(const Rate& rate, uint32_t percent);

}  // namespace sluice::config

#endif  // SLUICE_CONFIG_RATE_H_
