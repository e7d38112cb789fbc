// tools/showcase/tally.cc — see tally.h.

#include "tools/showcase/tally.h"

#include <algorithm>
#include <charconv>
#include <chrono>

#include "engine/base/text.h"

namespace sluice::tools {
namespace {

// Digits at `at`, or -1.
int64_t DigitsAt(std::string_view text, size_t at, size_t count) {
  if (at + count > text.size()) return -1;
  int64_t value = 0;
  for (const char c : text.substr(at, count)) {
    if (!IsDigit(c)) return -1;
    value = value * 10 + (c - '0');
  }
  return value;
}

// "u123@d": 123.
std::optional<size_t> NumberOf(std::string_view recipient) {
  if (!recipient.starts_with('u')) return std::nullopt;
  const char* const end = recipient.data() + recipient.size();
  size_t number = 0;
  const auto parsed = std::from_chars(recipient.data() + 1, end, number);
  if (parsed.ec != std::errc() || parsed.ptr == end || *parsed.ptr != '@') return std::nullopt;
  return number;
}

}  // namespace

std::optional<std::string_view> JsonField(std::string_view line, std::string_view key) {
  for (size_t at = line.find(key); at != std::string_view::npos; at = line.find(key, at + 1)) {
    // In a text its quotes would have backslashes before them.
    if (at < 2 || line[at - 1] != '"' ||
        (line[at - 2] != '{' && line[at - 2] != ',' && line[at - 2] != ' '))
      continue;
    std::string_view rest = line.substr(at + key.size());
    if (!rest.starts_with("\":")) continue;
    rest = Trim(rest.substr(2));
    if (!rest.starts_with('"')) return rest.substr(0, rest.find_first_of(",}"));
    for (size_t i = 1; i < rest.size(); ++i) {
      if (rest[i] == '"') return rest.substr(1, i - 1);
      if (rest[i] == '\\') ++i;
    }
    return std::nullopt;
  }
  return std::nullopt;
}

int64_t JsonNumber(std::string_view line, std::string_view key) {
  const auto text = JsonField(line, key);
  int64_t value = 0;
  if (text) std::from_chars(text->data(), text->data() + text->size(), value);
  return value;
}

std::optional<int64_t> ParseRfc3339(std::string_view text) {
  const int64_t year = DigitsAt(text, 0, 4), month = DigitsAt(text, 5, 2),
                day = DigitsAt(text, 8, 2);
  const int64_t hour = DigitsAt(text, 11, 2), minute = DigitsAt(text, 14, 2);
  const int64_t second = DigitsAt(text, 17, 2), micros = DigitsAt(text, 20, 6);
  if (std::min({year, month, day, hour, minute, second, micros}) < 0) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year(int(year)),
                                         std::chrono::month(unsigned(month)),
                                         std::chrono::day(unsigned(day))};
  if (!date.ok()) return std::nullopt;
  const int64_t days = std::chrono::sys_days(date).time_since_epoch().count();
  return (((days * 24 + hour) * 60 + minute) * 60 + second) * 1'000'000 + micros;
}

double DomainTally::rate() const {
  if (delivered() == 0) return 0;
  const double seconds = double(std::max<int64_t>(last_us - first_us, 1000)) / 1e6;
  return double(delivered()) / seconds;
}

Tally::Tally(const std::vector<DemoDomain>& domains, int64_t recipients)
    : domains_(domains.size()), states_(size_t(recipients), 0) {
  for (size_t i = 0; i < domains.size(); ++i) index_[domains[i].name] = i;
}

void Tally::Feed(std::string_view bytes) {
  while (true) {
    const size_t lf = bytes.find('\n');
    if (lf == std::string_view::npos) break;
    if (partial_.empty()) {
      TakeLine(bytes.substr(0, lf));
    } else {
      partial_.append(bytes.substr(0, lf));
      TakeLine(partial_);
      partial_.clear();
    }
    bytes.remove_prefix(lf + 1);
  }
  partial_.append(bytes);
}

void Tally::TakeLine(std::string_view line) {
  const auto event = JsonField(line, "event");
  const auto recipient = JsonField(line, "recipient");
  if (!event || !recipient) return;
  const std::string_view domain = DomainOf(*recipient);
  const auto number = NumberOf(*recipient);
  const auto index = index_.find(std::string(domain));
  if (!number || *number >= states_.size() || index == index_.end()) {
    if (domain == kReportDomain && *event == "delivered") ++reports_;
    return;
  }
  uint8_t& state = states_[*number];
  DomainTally& tally = domains_[index->second];
  if (*event == "accepted") {
    if ((state & kAccepted) == 0) ++tally.recipients, ++accepted_;
    state |= kAccepted;
  } else if (*event == "deferred") {
    if ((state & (kDeferred | kFinal)) == 0) ++waiting_;
    state |= kDeferred;
  } else if (*event == "delivered") {
    TakeFinal(line, state, tally, true);
  } else if (*event == "bounced" || *event == "expired" || *event == "suppressed" ||
             *event == "cancelled") {
    TakeFinal(line, state, tally, false);
  }
}

void Tally::TakeFinal(std::string_view line, uint8_t& state, DomainTally& domain, bool delivered) {
  if ((state & kFinal) != 0) {
    state |= kFinalAgain;
    return;
  }
  state |= kFinal;
  const bool deferred = (state & kDeferred) != 0;
  if (deferred) --waiting_;
  if (!delivered) {
    ++bounced_;
    ++domain.bounced;
    return;
  }
  ++delivered_;
  if (deferred) ++delivered_later_;
  ++(deferred ? domain.later : domain.at_once);
  domain.latency.Add(std::chrono::milliseconds(JsonNumber(line, "queue_ms")));
  const auto time = ParseRfc3339(JsonField(line, "time").value_or(""));
  if (!time) return;
  if (domain.first_us == 0 || *time < domain.first_us) domain.first_us = *time;
  domain.last_us = std::max(domain.last_us, *time);
}

int64_t Tally::Unaccounted() const {
  return std::count_if(states_.begin(), states_.end(),
                       [](uint8_t state) { return (state & kFinal) == 0; });
}

int64_t Tally::Repeated() const {
  return std::count_if(states_.begin(), states_.end(),
                       [](uint8_t state) { return (state & kFinalAgain) != 0; });
}

}  // namespace sluice::tools
