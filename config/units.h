// config/units.h — durations and sizes as people write them, and "did you mean".

#ifndef SLUICE_CONFIG_UNITS_H_
#define SLUICE_CONFIG_UNITS_H_

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "engine/base/time.h"

namespace sluice::config {

// "150ms", "12s", "5m", "4h", "3d", and several in falling order: "1h30m". None: not a duration.
std::optional<Duration> ParseDuration(std::string_view text);
// In the largest unit that divides it: "5m", "90s", "1500us".
std::string FormatDuration(Duration duration);

// "4096", "50MB" (10^6), "64MiB" (2^20); B, KB, KiB, MB, MiB, GB, GiB, TB, TiB. None: not a size.
std::optional<uint64_t> ParseSize(std::string_view text);
// "64MiB" where it divides, else plain octets.
std::string FormatSize(uint64_t octets);

// The choice nearest to `text` by edits (a swap counts one); empty when none is near.
std::string_view Nearest(std::string_view text, std::span<const std::string_view> choices);

// In double quotes for an error text: control characters replaced, cut after 60 octets.
std::string Quote(std::string_view text);

}  // namespace sluice::config

#endif  // SLUICE_CONFIG_UNITS_H_
