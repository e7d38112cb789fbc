#include "config/shaping_reader.h"

#include <charconv>
#include <optional>
#include <utility>

#include "config/rate.h"
#include "config/units.h"
#include "engine/base/text.h"

namespace sluice::config {
namespace {

using VKind = Value::Kind;
using How = ShapingSetting::How;

bool HasParts(const Key& key) {
  return key.kind == Kind::kCount || key.kind == Kind::kDuration || key.kind == Kind::kRate;
}

// May there be no limit at all? A transaction, an age and a time-out always have an end.
bool CanBeUnlimited(const Key& key) {
  return key.kind == Kind::kRate ||
         (key.kind == Kind::kCount && key.name != "recipients_per_transaction");
}

std::optional<uint32_t> ParsePercent(std::string_view text) {
  if (!text.ends_with('%')) return std::nullopt;
  text = Trim(text.substr(0, text.size() - 1));
  uint32_t percent = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, percent);
  if (error != std::errc() || stop != end) return std::nullopt;
  return percent;
}

// What may be written for a key, for an error text.
std::string Wanted(const Key& key) {
  std::string out = key.kind == Kind::kRate    ? "a rate such as \"100/s\""
                    : key.kind == Kind::kCount ? "a whole number"
                                               : "a duration such as \"5m\"";
  out += ", a part of the inherited value such as \"50%\", ";
  if (CanBeUnlimited(key)) out += "\"unlimited\" ";
  return out + "or \"unset\"";
}

// { rate = "100/s", burst = 20 }
std::optional<Rate> ReadRateTable(Reader& reader, const std::string& path, const Value& value) {
  const Member* speed = value.Find("rate");
  const Member* burst = value.Find("burst");
  for (const Member& member : value.members) {
    if (&member == speed || &member == burst) continue;
    reader.Fail(member.at, path + "." + member.name,
                "unknown key: a rate is { rate = \"100/s\", burst = 20 }");
    return std::nullopt;
  }
  if (speed == nullptr || speed->value.kind != VKind::kText) {
    reader.Fail(value.at, path + ".rate",
                speed == nullptr ? "is missing" : "must be a rate in quotes such as \"100/s\"");
    return std::nullopt;
  }
  auto rate = ParseRate(speed->value.text);
  if (!rate) {
    reader.Fail(speed->value.at, path + ".rate", std::move(rate.error()));
    return std::nullopt;
  }
  if (burst == nullptr) return *rate;
  const Value& given = burst->value;
  if (given.kind != VKind::kInteger || given.integer < 1 ||
      given.integer > int64_t(kRateBurstMax)) {
    reader.Fail(given.at, path + ".burst",
                "must be a whole number, 1 to " + std::to_string(kRateBurstMax));
    return std::nullopt;
  }
  rate->burst = uint64_t(given.integer);
  return *rate;
}

std::optional<ShapingValue> ReadRate(Reader& reader, const std::string& path, const Value& value) {
  std::optional<Rate> rate;
  if (value.kind == VKind::kTable) {
    rate = ReadRateTable(reader, path, value);
  } else if (value.kind == VKind::kText) {
    auto parsed = ParseRate(value.text);
    if (!parsed) {
      reader.Fail(value.at, path, std::move(parsed.error()));
      return std::nullopt;
    }
    rate = *parsed;
  } else {
    reader.Fail(value.at, path, "must be a rate in quotes such as \"100/s\"");
  }
  if (!rate) return std::nullopt;
  return ShapingValue{.number = 0, .rate = *rate, .list = {}};
}

// None: told.
std::optional<ShapingValue> ReadTyped(Reader& reader, const Key& key, const std::string& path,
                                      const Value& value) {
  const size_t before = reader.errors().size();
  ShapingValue out;
  switch (key.kind) {
    case Kind::kRate:
      return ReadRate(reader, path, value);
    case Kind::kChoice: {
      const auto place = ReadChoice(reader, key, path, value);
      if (place) out.number = int64_t(*place);
      break;
    }
    case Kind::kDurations:
      ReadValue(reader, key, path, value, out.list);
      break;
    case Kind::kDuration: {
      Duration duration{};
      ReadValue(reader, key, path, value, duration);
      out.number = duration.count();
      break;
    }
    default: {
      uint64_t number = 0;
      ReadValue(reader, key, path, value, number);
      out.number = int64_t(number);
    }
  }
  if (reader.errors().size() != before) return std::nullopt;
  return out;
}

// False: it is none of the words. What is wrong with the word is told, and it counts as none set.
bool ReadWord(Reader& reader, const Key& key, const std::string& path, const Value& value,
              std::optional<ShapingSetting>& setting) {
  const std::string& text = value.text;
  if (text == "unset") {
    setting->how = How::kUnset;
    return true;
  }
  if (text == "unlimited" && CanBeUnlimited(key)) {
    setting->how = How::kUnlimited;
    return true;
  }
  if (text.ends_with('%') && HasParts(key)) {
    const auto percent = ParsePercent(text);
    if (percent && *percent >= 1 && *percent <= kPercentMax) {
      setting->how = How::kPercent;
      setting->percent = *percent;
      return true;
    }
    reader.Fail(
        value.at, path,
        Quote(text) + " is no percentage from \"1%\" to \"" + std::to_string(kPercentMax) + "%\"");
    setting.reset();
    return true;
  }
  const bool needs_number = key.kind == Kind::kCount || (text == "unlimited" && HasParts(key));
  if (needs_number) {
    reader.Fail(value.at, path, Quote(text) + " is not " + Wanted(key));
    setting.reset();
  }
  return needs_number;
}

}  // namespace

void ReadSetting(Reader& reader, const Key& key, const std::string& path, const Value& value,
                 ShapingKey id, ShapingBlock& block) {
  std::optional<ShapingSetting> setting = ShapingSetting{.key = id, .value = {}, .at = value.at};
  const bool word = value.kind == VKind::kText && ReadWord(reader, key, path, value, setting);
  if (!word) {
    auto typed = ReadTyped(reader, key, path, value);
    if (!typed) return;
    setting->value = *std::move(typed);
  }
  if (setting) block.settings.push_back(*std::move(setting));
}

}  // namespace sluice::config
