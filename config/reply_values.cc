// Values of replies.toml that have a form of their own: codes, phases, thresholds, rates, samples.

#include <algorithm>
#include <utility>

#include "config/keys_replies.h"
#include "config/reply_rules_parser.h"
#include "engine/base/text.h"

namespace sluice::config {
namespace {

// Calls f(path, item) for each element; a single value counts as a list of one.
template <typename F>
void ForEach(Reader& reader, const std::string& path, const Value& value, F&& f) {
  if (value.kind != Value::Kind::kList) return f(path, value);
  if (value.items.empty()) reader.Fail(value.at, path, "must not be empty: leave the key out");
  for (size_t i = 0; i < value.items.size(); ++i)
    f(path + "[" + std::to_string(i) + "]", value.items[i]);
}

std::optional<CodeRange> CodeOf(const Value& value) {
  if (value.kind == Value::Kind::kInteger && value.integer >= 200 && value.integer <= 599)
    return CodeRange{uint16_t(value.integer), uint16_t(value.integer)};
  if (value.kind != Value::Kind::kText || value.text.size() != 3) return std::nullopt;
  uint16_t low = 0;
  uint16_t high = 0;
  bool open = false;
  for (const char c : value.text) {
    const bool any = LowerChar(c) == 'x';
    if (!any && (!IsDigit(c) || open)) return std::nullopt;
    open |= any;
    low = uint16_t(low * 10 + (any ? 0 : c - '0'));
    high = uint16_t(high * 10 + (any ? 9 : c - '0'));
  }
  if (low < 200 || high > 599) return std::nullopt;
  return CodeRange{low, high};
}

// "4.7.28", or "4.7." and "4." for all that begin so.
bool IsEnhanced(std::string_view text) {
  if (text.size() < 2 || (text[0] != '4' && text[0] != '5') || text[1] != '.') return false;
  size_t dots = 0;
  size_t digits = 0;
  for (const char c : text) {
    if (c == '.') {
      if (digits == 0) return false;
      ++dots;
      digits = 0;
    } else if (!IsDigit(c) || ++digits > 3) {
      return false;
    }
  }
  return digits > 0 ? dots == 2 : dots <= 2;
}

// "4.7.850-899".
bool IsEnhancedRange(std::string_view text) {
  const size_t dash = text.find('-');
  if (dash == std::string_view::npos) return false;
  const std::string_view last = text.substr(dash + 1);
  const std::string_view first = text.substr(0, dash);
  return IsEnhanced(first) && !first.ends_with('.') && !last.empty() && last.size() <= 3 &&
         std::ranges::all_of(last, IsDigit);
}

// "1/m", "10000/h".
std::optional<ReplyRate> RateOf(const Value& value) {
  if (value.kind != Value::Kind::kText) return std::nullopt;
  const size_t slash = value.text.find('/');
  if (slash == std::string::npos || slash == 0 || slash > 9) return std::nullopt;
  ReplyRate rate;
  for (const char c : value.text.substr(0, slash)) {
    if (!IsDigit(c)) return std::nullopt;
    rate.count = rate.count * 10 + uint64_t(c - '0');
  }
  std::string unit = value.text.substr(slash + 1);
  if (!unit.empty() && !IsDigit(unit[0])) unit = "1" + unit;
  const std::optional<Duration> per = ParseDuration(unit);
  if (rate.count == 0 || !per || *per <= Duration(0)) return std::nullopt;
  rate.per = *per;
  return rate;
}

void ReadRate(Reader& reader, const std::string& path, const Value& value, ReplyRate& out) {
  if (const auto rate = RateOf(value)) {
    out = *rate;
  } else {
    reader.Fail(value.at, path, "is not a rate: write \"1/m\" or \"10000/h\"");
  }
}

}  // namespace

void ReadCodes(Reader& reader, const Key&, const std::string& path, const Value& value, void* out) {
  ForEach(reader, path, value, [&](const std::string& at, const Value& item) {
    if (const auto code = CodeOf(item))
      static_cast<ReplyRule*>(out)->codes.push_back(*code);
    else
      reader.Fail(item.at, at, "is not a reply code: write 421, \"4xx\", \"45x\" or a list");
  });
}

void ReadEnhanced(Reader& reader, const Key&, const std::string& path, const Value& value,
                  void* out) {
  ForEach(reader, path, value, [&](const std::string& at, const Value& item) {
    if (item.kind == Value::Kind::kText && (IsEnhanced(item.text) || IsEnhancedRange(item.text)))
      static_cast<ReplyRule*>(out)->enhanced.push_back(item.text);
    else
      reader.Fail(item.at, at,
                  "is not an enhanced code: write \"4.7.28\", \"4.7.\" for all that begin so, "
                  "\"4.7.850-899\", or a list");
  });
}

void ReadPhases(Reader& reader, const Key&, const std::string& path, const Value& value,
                void* out) {
  uint8_t phases = 0;
  ForEach(reader, path, value, [&](const std::string& at, const Value& item) {
    const auto known = std::ranges::find(kReplyPhaseNames, item.text);
    if (item.kind == Value::Kind::kText && known != kReplyPhaseNames.end())
      phases |= uint8_t(1 << (known - kReplyPhaseNames.begin()));
    else
      reader.Fail(item.at, at, "must be of \"connect\", \"mail\", \"rcpt\", \"data\"");
  });
  if (phases != 0) static_cast<ReplyRule*>(out)->phases = phases;
}

void ReadThreshold(Reader& reader, const Key&, const std::string& path, const Value& value,
                   void* out) {
  const std::string& text = value.text;
  const size_t in = text.find(" in ");
  uint32_t count = 0;
  bool good = value.kind == Value::Kind::kText && in != std::string::npos && in > 0 && in < 5;
  for (size_t i = 0; good && i < in; ++i) {
    good = IsDigit(text[i]);
    count = count * 10 + uint32_t(text[i] - '0');
  }
  const std::optional<Duration> within =
      good ? ParseDuration(std::string_view(text).substr(in + 4)) : std::nullopt;
  if (!within || count < 2 || count > kReplyThresholdMax || *within < Duration(kSecond) ||
      *within > Duration(kDay)) {
    return reader.Fail(value.at, path,
                       "is not a threshold: write \"3 in 10m\", with 2 to " +
                           std::to_string(kReplyThresholdMax) +
                           " replies in 1s to 1d, or leave it out for \"at once\"");
  }
  static_cast<ReplyAction*>(out)->threshold = {count, *within};
}

void ReadTo(Reader& reader, const Key&, const std::string& path, const Value& value, void* out) {
  ReadRate(reader, path, value, static_cast<ReplyAction*>(out)->to);
}

void ReadFloor(Reader& reader, const Key&, const std::string& path, const Value& value, void* out) {
  ReadRate(reader, path, value, static_cast<ReplyAction*>(out)->floor);
}

void ReadActions(Reader& reader, const Key&, const std::string& path, const Value& value,
                 void* out) {
  if (value.kind != Value::Kind::kList)
    return reader.Fail(value.at, path, "must be a list: [{ do = \"suspend\", ... }]");
  if (value.items.size() > kReplyActionsMax)
    return reader.Fail(value.at, path,
                       "are more than " + std::to_string(kReplyActionsMax) + " actions");
  for (size_t i = 0; i < value.items.size(); ++i) {
    const std::string at = path + "[" + std::to_string(i) + "]";
    const Value& item = value.items[i];
    if (item.kind != Value::Kind::kTable) {
      reader.Fail(item.at, at, "must be a table: { do = \"suspend\", ... }");
      continue;
    }
    ReplyAction& action = static_cast<ReplyRule*>(out)->actions.emplace_back();
    action.at = item.at;
    reader.ReadTable(kReplyActionSection, at, item, &action);
  }
}

void ReadSamples(Reader& reader, const Key&, const std::string& path, const Value& value,
                 void* out) {
  ForEach(reader, path, value, [&](const std::string& at, const Value& item) {
    std::optional<ReplySample> sample;
    if (item.kind == Value::Kind::kText) sample = ParseReplySample(item.text);
    if (!sample)
      return reader.Fail(item.at, at, "is not a reply: write \"421 4.7.0 text\", as it comes");
    sample->at = item.at;
    static_cast<ReplyRule*>(out)->samples.push_back(std::move(*sample));
  });
}

// As smtp/reply.h reads them, for this folder may not ask it; a test holds both together.
std::optional<ReplySample> ParseReplySample(std::string_view written) {
  ReplySample sample;
  sample.written = written;
  while (!written.empty()) {
    const size_t end = std::min(written.find('\n'), written.size());
    std::string_view line = written.substr(0, end);
    written.remove_prefix(std::min(end + 1, written.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.size() < 3 || !std::ranges::all_of(line.substr(0, 3), IsDigit)) return std::nullopt;
    sample.code = uint16_t((line[0] - '0') * 100 + (line[1] - '0') * 10 + (line[2] - '0'));
    if (sample.code < 200 || sample.code > 599) return std::nullopt;
    line.remove_prefix(3);
    if (!line.empty() && (IsDigit(line[0]) || IsAlpha(line[0]))) return std::nullopt;
    if (!line.empty()) line = Trim(line.substr(1));
    const size_t blank = std::min(line.find(' '), line.size());
    const std::string_view word = line.substr(0, blank);
    if (IsEnhanced(word) && !word.ends_with('.')) {
      sample.enhanced = word;
      line = Trim(line.substr(blank));
    }
    if (!sample.text.empty() && !line.empty()) sample.text += ' ';
    sample.text += line;
  }
  if (sample.code == 0) return std::nullopt;
  return sample;
}

}  // namespace sluice::config
