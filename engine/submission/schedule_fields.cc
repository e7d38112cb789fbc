#include "engine/submission/schedule_fields.h"

#include <algorithm>
#include <charconv>
#include <chrono>

#include "config/units.h"
#include "engine/base/text.h"

namespace sluice::engine {
namespace {

// Takes what one value is made of from its front.
class Cursor {
 public:
  explicit Cursor(std::string_view text) : text_(text) {}

  bool done() const { return text_.empty(); }
  bool Take(char c) {
    if (!text_.starts_with(c)) return false;
    text_.remove_prefix(1);
    return true;
  }
  void SkipBlanks() {
    while (Take(' ') || Take('\t')) {
    }
  }
  // Exactly `digits` of them, at most `max`.
  bool Take(size_t digits, int max, int& out) {
    if (text_.size() < digits) return false;
    const std::string_view part = text_.substr(0, digits);
    if (!std::ranges::all_of(part, IsDigit)) return false;
    std::from_chars(part.data(), part.data() + part.size(), out);
    text_.remove_prefix(digits);
    return out <= max;
  }
  void SkipDigits() {
    while (!text_.empty() && IsDigit(text_.front())) text_.remove_prefix(1);
  }
  std::string_view Word() {
    const std::string_view word = text_.substr(0, text_.find_first_of(" \t"));
    text_.remove_prefix(word.size());
    return word;
  }

 private:
  std::string_view text_;
};

// "Z", "+01:00", "-0500".
bool TakeOffset(Cursor& cursor, int& minutes) {
  minutes = 0;
  if (cursor.Take('Z') || cursor.Take('z')) return true;
  const bool west = cursor.Take('-');
  if (!west && !cursor.Take('+')) return false;
  int hours = 0;
  int rest = 0;
  if (!cursor.Take(2, 14, hours)) return false;
  cursor.Take(':');
  if (!cursor.Take(2, 59, rest)) return false;
  minutes = (hours * 60 + rest) * (west ? -1 : 1);
  return true;
}

// "09:00".
bool TakeClock(Cursor& cursor, uint16_t& minutes) {
  int hour = 0;
  int minute = 0;
  if (!cursor.Take(2, 24, hour) || !cursor.Take(':') || !cursor.Take(2, 59, minute)) return false;
  minutes = uint16_t(hour * 60 + minute);
  return minutes <= queue::kMinutesOfDay;
}

// "09:00-17:00", and " +01:00" behind it.
bool ParseHours(std::string_view text, queue::SendWindow& out) {
  Cursor cursor(text);
  if (!TakeClock(cursor, out.from) || !cursor.Take('-') || !TakeClock(cursor, out.to)) return false;
  cursor.SkipBlanks();
  int offset = 0;
  if (!cursor.done() && !TakeOffset(cursor, offset)) return false;
  out.offset = int16_t(offset);
  return cursor.done() && out.from != out.to;
}

// "4 every 1h".
bool ParseParts(std::string_view text, Schedule& out) {
  Cursor cursor(text);
  const std::string_view count = cursor.Word();
  cursor.SkipBlanks();
  if (!EqualsNoCase(cursor.Word(), "every")) return false;
  cursor.SkipBlanks();
  const auto gap = config::ParseDuration(cursor.Word());
  const auto [end, error] = std::from_chars(count.data(), count.data() + count.size(), out.parts);
  if (error != std::errc() || end != count.data() + count.size() || !gap || !cursor.done())
    return false;
  out.gap = *gap;
  return out.parts >= 1 && out.parts <= kPartsMax && out.gap > Duration(0) &&
         out.gap <= kScheduleMax / out.parts;
}

std::string Wrong(const smtp::ScheduleField& field, std::string_view should) {
  return field.name + " must be " + std::string(should) + ", not " + config::Quote(field.value);
}

constexpr std::string_view kMoment = "a time such as 2026-12-01T09:00:00+01:00";

}  // namespace

std::optional<WallTime> ParseMoment(std::string_view text) {
  Cursor cursor(text);
  int year = 0;
  int month = 0;
  int day = 0;
  int hour = 0;
  int minute = 0;
  int second = 0;
  int offset = 0;
  if (!cursor.Take(4, 9'998, year) || !cursor.Take('-') || !cursor.Take(2, 12, month) ||
      !cursor.Take('-') || !cursor.Take(2, 31, day))
    return std::nullopt;
  if (!cursor.Take('T') && !cursor.Take('t') && !cursor.Take(' ')) return std::nullopt;
  if (!cursor.Take(2, 23, hour) || !cursor.Take(':') || !cursor.Take(2, 59, minute))
    return std::nullopt;
  if (cursor.Take(':') && !cursor.Take(2, 59, second)) return std::nullopt;
  if (cursor.Take('.')) cursor.SkipDigits();
  cursor.SkipBlanks();
  if (!TakeOffset(cursor, offset) || !cursor.done()) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year(year),
                                         std::chrono::month(unsigned(month)),
                                         std::chrono::day(unsigned(day))};
  if (!date.ok()) return std::nullopt;
  const std::chrono::seconds since =
      std::chrono::sys_days(date).time_since_epoch() + std::chrono::hours(hour) +
      std::chrono::minutes(minute - offset) + std::chrono::seconds(second);
  return WallTime(since);
}

std::expected<Schedule, std::string> ParseSchedule(std::span<const smtp::ScheduleField> fields,
                                                   WallTime now) {
  Schedule out;
  for (const smtp::ScheduleField& field : fields) {
    const std::string_view value = field.value;
    if (EqualsNoCase(field.name, "X-Schedule-Start") ||
        EqualsNoCase(field.name, "X-Schedule-End")) {
      const auto moment = ParseMoment(value);
      if (!moment) return std::unexpected(Wrong(field, kMoment));
      (EqualsNoCase(field.name, "X-Schedule-Start") ? out.start : out.window.end) = *moment;
    } else if (EqualsNoCase(field.name, "X-Schedule-Hours")) {
      if (!ParseHours(value, out.window))
        return std::unexpected(Wrong(field, "hours of the day such as 09:00-17:00 +01:00"));
    } else if (EqualsNoCase(field.name, "X-Schedule-Parts")) {
      if (!ParseParts(value, out))
        return std::unexpected(
            Wrong(field, "a number of parts and their distance such as 4 every 1h"));
    } else {
      return std::unexpected(field.name +
                             " is not known; there are X-Schedule-Start, -End, -Hours and -Parts");
    }
  }
  if (out.start - now > kScheduleMax || LastDue(out, now) - now > kScheduleMax)
    return std::unexpected("X-Schedule-Start lies more than a year ahead");
  if (out.window.end != WallTime{} && LastDue(out, now) >= out.window.end)
    return std::unexpected("X-Schedule-End is over before everything could start");
  return out;
}

WallTime FirstDue(const Schedule& schedule, WallTime accepted, std::string_view address) {
  uint32_t hash = 2'166'136'261;  // FNV-1a: which part, no defence against anybody
  for (const char c : address) hash = (hash ^ uint8_t(c)) * 16'777'619;
  const WallTime start = std::max(accepted, schedule.start);
  return queue::NextInHours(schedule.window, start + schedule.gap * (hash % schedule.parts));
}

WallTime LastDue(const Schedule& schedule, WallTime accepted) {
  const WallTime start = std::max(accepted, schedule.start);
  return queue::NextInHours(schedule.window, start + schedule.gap * (schedule.parts - 1));
}

}  // namespace sluice::engine
