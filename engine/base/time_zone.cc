#include "engine/base/time_zone.h"

#include <algorithm>
#include <array>
#include <fstream>
#include <iterator>

namespace sluice {
namespace {

constexpr int64_t kSecond = 1'000'000;
constexpr int64_t kDaySeconds = 86'400;
// Clocks are never further from UTC than this.
constexpr int64_t kOffsetMax = 26 * 3'600;

constexpr int64_t FloorDiv(int64_t a, int64_t b) { return a / b - (a % b < 0 ? 1 : 0); }

int64_t BigEndian(std::string_view bytes) {
  uint64_t value = (uint8_t(bytes[0]) & 0x80) != 0 ? ~uint64_t(0) : 0;
  for (const char c : bytes) value = value << 8 | uint8_t(c);
  return int64_t(value);
}

// The counts of a header, in the order of the file.
struct Counts {
  uint32_t is_ut, is_std, leap, time, type, chars;

  // Octets of the block that follows, with times of `width` octets.
  uint64_t Block(uint64_t width) const {
    return time * (width + 1) + uint64_t(type) * 6 + chars + leap * (width + 4) + is_std + is_ut;
  }
};

constexpr size_t kHeader = 44;

std::optional<Counts> ReadHeader(std::string_view file) {
  if (file.size() < kHeader || !file.starts_with("TZif")) return std::nullopt;
  std::array<uint32_t, 6> n{};
  for (size_t i = 0; i < n.size(); ++i) n[i] = uint32_t(BigEndian(file.substr(20 + 4 * i, 4)));
  return Counts{n[0], n[1], n[2], n[3], n[4], n[5]};
}

}  // namespace

// The second block of a file, whose times have eight octets, after the one for old readers.
std::optional<TimeZone> TimeZone::Parse(std::string_view file) {
  const auto old = ReadHeader(file);
  if (!old || file[4] < '2' || old->Block(4) > file.size() - kHeader) return std::nullopt;
  file.remove_prefix(kHeader + size_t(old->Block(4)));
  const auto counts = ReadHeader(file);
  if (!counts || counts->type == 0 || counts->time > kChangesMax) return std::nullopt;
  file.remove_prefix(kHeader);
  if (counts->Block(8) > file.size()) return std::nullopt;
  const std::string_view times = file.substr(0, counts->time * size_t(8));
  const std::string_view kinds = file.substr(times.size(), counts->time);
  const std::string_view types = file.substr(times.size() + kinds.size(), size_t(counts->type) * 6);
  TimeZone zone;
  const auto offset = [&](size_t type) { return int32_t(BigEndian(types.substr(type * 6, 4))); };
  for (size_t type = 0; type < counts->type; ++type)
    if (offset(type) > kOffsetMax || offset(type) < -kOffsetMax) return std::nullopt;
  zone.first_ = offset(0);
  for (size_t i = 0; i < counts->time; ++i) {
    const auto type = uint8_t(kinds[i]);
    const int64_t at = BigEndian(times.substr(i * 8, 8));
    if (type >= counts->type) return std::nullopt;
    if (!zone.changes_.empty() && at <= zone.changes_.back().at) return std::nullopt;
    zone.changes_.push_back({at, offset(type)});
  }
  return zone;
}

std::optional<TimeZone> TimeZone::Load(const std::string& name) {
  if (name == "UTC") return TimeZone();
  if (name.empty() || name.front() == '/' || name.find("..") != std::string::npos)
    return std::nullopt;
  static constexpr size_t kFileMax = 65'536;
  std::ifstream in("/usr/share/zoneinfo/" + name, std::ios::binary);
  std::string text(kFileMax, '\0');
  in.read(text.data(), std::streamsize(text.size()));
  text.resize(size_t(std::max<std::streamsize>(0, in.gcount())));
  return Parse(text);
}

Duration TimeZone::OffsetAt(WallTime t) const {
  const int64_t seconds = FloorDiv(MicrosOf(t), kSecond);
  const auto after = std::ranges::upper_bound(changes_, seconds, {}, &Change::at);
  const int32_t offset = after == changes_.begin() ? first_ : std::prev(after)->offset;
  return Duration(offset * kSecond);
}

int64_t TimeZone::DayNumber(WallTime t) const {
  return FloorDiv(MicrosOf(t + OffsetAt(t)), kDaySeconds * kSecond);
}

// Where clocks skip midnight, the day begins with the change.
WallTime TimeZone::Midnight(int64_t day) const {
  const WallTime there = WallFromMicros(day * kDaySeconds * kSecond);
  WallTime t = there - OffsetAt(there);
  t = there - OffsetAt(t);
  if (DayNumber(t) < day) t = there - OffsetAt(t + std::chrono::hours(2)) + std::chrono::hours(1);
  return t;
}

WallTime TimeZone::DayOf(WallTime t) const { return std::min(t, Midnight(DayNumber(t))); }

WallTime TimeZone::DayAfter(WallTime t) const {
  return std::max(t + Duration(1), Midnight(DayNumber(t) + 1));
}

}  // namespace sluice
