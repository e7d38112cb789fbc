#include "config/units.h"

#include <algorithm>
#include <array>
#include <vector>

#include "engine/base/text.h"

namespace sluice::config {
namespace {

struct DurationUnit {
  std::string_view name;
  int64_t micros;
};
// Largest first.
constexpr DurationUnit kDurationUnits[] = {{"d", 86'400'000'000}, {"h", 3'600'000'000},
                                           {"m", 60'000'000},     {"s", 1'000'000},
                                           {"ms", 1'000},         {"us", 1}};

struct SizeUnit {
  std::string_view name;
  uint64_t octets;
};
constexpr SizeUnit kSizeUnits[] = {{"TiB", uint64_t(1) << 40},
                                   {"TB", 1'000'000'000'000},
                                   {"GiB", uint64_t(1) << 30},
                                   {"GB", 1'000'000'000},
                                   {"MiB", uint64_t(1) << 20},
                                   {"MB", 1'000'000},
                                   {"KiB", uint64_t(1) << 10},
                                   {"KB", 1'000},
                                   {"B", 1}};

// Digits at the front of `text`, taken off it. None: no digit, or over 10^15 (no key needs more).
std::optional<uint64_t> TakeNumber(std::string_view& text) {
  constexpr uint64_t kMost = 1'000'000'000'000'000;
  size_t n = 0;
  uint64_t value = 0;
  while (n < text.size() && IsDigit(text[n])) {
    value = value * 10 + uint64_t(text[n] - '0');
    if (value > kMost) return std::nullopt;
    ++n;
  }
  if (n == 0) return std::nullopt;
  text.remove_prefix(n);
  return value;
}

// Edits between two short words: insert, delete, replace, swap of neighbours.
size_t Edits(std::string_view a, std::string_view b) {
  std::vector<std::vector<size_t>> cost(a.size() + 1, std::vector<size_t>(b.size() + 1));
  for (size_t i = 0; i <= a.size(); ++i) cost[i][0] = i;
  for (size_t j = 0; j <= b.size(); ++j) cost[0][j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t replace = cost[i - 1][j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      cost[i][j] = std::min({cost[i - 1][j] + 1, cost[i][j - 1] + 1, replace});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        cost[i][j] = std::min(cost[i][j], cost[i - 2][j - 2] + 1);
    }
  }
  return cost[a.size()][b.size()];
}

}  // namespace

std::optional<Duration> ParseDuration(std::string_view text) {
  constexpr int64_t kMost = int64_t(36'500) * 86'400'000'000;  // a hundred years
  int64_t micros = 0;
  int64_t last_unit = INT64_MAX;
  do {
    const std::optional<uint64_t> number = TakeNumber(text);
    if (!number) return std::nullopt;
    const size_t length = size_t(std::ranges::find_if(text, IsDigit) - text.begin());
    const auto* unit =
        std::ranges::find(kDurationUnits, text.substr(0, length), &DurationUnit::name);
    if (unit == std::end(kDurationUnits) || unit->micros >= last_unit) return std::nullopt;
    if (int64_t(*number) > (kMost - micros) / unit->micros) return std::nullopt;
    micros += int64_t(*number) * unit->micros;
    last_unit = unit->micros;
    text.remove_prefix(length);
  } while (!text.empty());
  return Duration(micros);
}

std::string FormatDuration(Duration duration) {
  for (const DurationUnit& unit : kDurationUnits)
    if (duration.count() >= unit.micros && duration.count() % unit.micros == 0)
      return std::to_string(duration.count() / unit.micros) + std::string(unit.name);
  return "0s";
}

std::optional<uint64_t> ParseSize(std::string_view text) {
  const std::optional<uint64_t> number = TakeNumber(text);
  if (!number) return std::nullopt;
  text = Trim(text);
  if (text.empty()) return number;
  for (const SizeUnit& unit : kSizeUnits) {
    if (text != unit.name) continue;
    if (*number > UINT64_MAX / unit.octets) return std::nullopt;
    return *number * unit.octets;
  }
  return std::nullopt;
}

std::string FormatSize(uint64_t octets) {
  for (const SizeUnit& unit : kSizeUnits)
    if (unit.name.size() == 3 && octets >= unit.octets && octets % unit.octets == 0)
      return std::to_string(octets / unit.octets) + std::string(unit.name);
  return std::to_string(octets);
}

std::string_view Nearest(std::string_view text, std::span<const std::string_view> choices) {
  constexpr size_t kLongestWord = 64;  // bounds the table of Edits
  if (text.size() > kLongestWord) return {};
  const std::string lower = Lower(text);
  std::string_view best;
  // A third of the word may be wrong, at least one letter, at most three.
  size_t best_edits = std::clamp<size_t>(text.size() / 3, 1, 3) + 1;
  for (std::string_view choice : choices) {
    const size_t edits = Edits(lower, choice);
    if (edits < best_edits) {
      best = choice;
      best_edits = edits;
    }
  }
  return best;
}

std::string Quote(std::string_view text) {
  constexpr size_t kShown = 60;
  std::string out = "\"";
  for (char c : text.substr(0, kShown)) out += (uint8_t(c) < 0x20 || c == 0x7f) ? '?' : c;
  if (text.size() > kShown) out += "...";
  return out + "\"";
}

}  // namespace sluice::config
