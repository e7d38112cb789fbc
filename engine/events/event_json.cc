#include "engine/events/event_json.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "engine/base/message_id.h"

namespace sluice::engine {
namespace {

using queue::EventType;

// 0: as it is. 1: needs an escape. 2: begins a sequence of UTF-8, or is broken.
constexpr std::array<uint8_t, 256> kByteClass = [] {
  std::array<uint8_t, 256> out{};
  for (size_t c = 0; c < 0x20; ++c) out[c] = 1;
  out['"'] = out['\\'] = out[0x7f] = 1;
  for (size_t c = 0x80; c < 256; ++c) out[c] = 2;
  return out;
}();

// The length of the well-formed sequence at the front of `text` (RFC 3629), or 0.
size_t SequenceLength(std::string_view text) {
  const auto byte = [&](size_t i) { return uint8_t(text[i]); };
  const uint8_t lead = byte(0);
  const size_t length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (lead < 0xc2 || lead > 0xf4 || text.size() < length) return 0;
  // No overlong forms, no surrogates, nothing over U+10FFFF: the second octet tells.
  const uint8_t low = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
  const uint8_t high = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;
  if (byte(1) < low || byte(1) > high) return 0;
  for (size_t i = 2; i < length; ++i)
    if ((byte(i) & 0xc0) != 0x80) return 0;
  return length;
}

void AppendEscape(char c, std::string& out) {
  constexpr std::string_view kHex = "0123456789abcdef";
  switch (c) {
    case '"':
      out += "\\\"";
      return;
    case '\\':
      out += "\\\\";
      return;
    case '\n':
      out += "\\n";
      return;
    case '\r':
      out += "\\r";
      return;
    case '\t':
      out += "\\t";
      return;
    default:
      out += "\\u00";
      out += kHex[uint8_t(c) >> 4];
      out += kHex[uint8_t(c) & 15];
  }
}

template <typename T>
void AppendNumber(T number, std::string& out) {
  std::array<char, 24> digits;
  const auto [end, error] = std::to_chars(digits.data(), digits.data() + digits.size(), number);
  out.append(digits.data(), end);
}

void AppendField(std::string_view quoted_name, std::string_view value, std::string& out) {
  out += quoted_name;
  AppendJsonString(value, out);
}

// Leaves the field out when it is empty.
void AppendOptional(std::string_view quoted_name, std::string_view value, std::string& out) {
  if (!value.empty()) AppendField(quoted_name, value, out);
}

template <typename T>
void AppendCount(std::string_view quoted_name, T value, std::string& out) {
  out += quoted_name;
  AppendNumber(value, out);
}

bool TellsOfAttempt(const queue::Event& event) {
  return event.type == EventType::kDelivered || event.type == EventType::kDeferred ||
         event.type == EventType::kBounced || event.attempt > 0;
}

// "dane dane-ee" is a policy and what was verified under it.
void AppendTlsPolicy(std::string_view text, std::string& out) {
  const size_t blank = std::min(text.find(' '), text.size());
  AppendOptional(R"(,"tls_policy":)", text.substr(0, blank), out);
  if (blank < text.size()) AppendField(R"(,"tls_verified":)", text.substr(blank + 1), out);
}

}  // namespace

std::string_view NameOf(EventType type) {
  switch (type) {
    case EventType::kAccepted:
      return "accepted";
    case EventType::kDeferred:
      return "deferred";
    case EventType::kDelivered:
      return "delivered";
    case EventType::kBounced:
      return "bounced";
    case EventType::kExpired:
      return "expired";
    case EventType::kSuppressed:
      return "suppressed";
    case EventType::kCancelled:
      return "cancelled";
    case EventType::kCaptured:
      return "captured";
    case EventType::kAlert:
      return "alert";
    case EventType::kOrder:
      return "order";
  }
  return "unknown";  // a number from the disk that this version does not know
}

void AppendJsonString(std::string_view text, std::string& out) {
  out += '"';
  while (!text.empty()) {
    size_t plain = 0;
    while (plain < text.size() && kByteClass[uint8_t(text[plain])] == 0) ++plain;
    out.append(text.substr(0, plain));
    text.remove_prefix(plain);
    if (text.empty()) break;
    if (kByteClass[uint8_t(text[0])] == 1) {
      AppendEscape(text[0], out);
      text.remove_prefix(1);
    } else if (const size_t length = SequenceLength(text); length > 0) {
      out.append(text.substr(0, length));
      text.remove_prefix(length);
    } else {
      out += "\xef\xbf\xbd";
      text.remove_prefix(1);
    }
  }
  out += '"';
}

void EventJson::AppendTime(WallTime time, std::string& out) {
  int64_t second = MicrosOf(time) / 1'000'000;
  int64_t micros = MicrosOf(time) % 1'000'000;
  if (micros < 0) {
    micros += 1'000'000;
    --second;
  }
  if (second != second_) {
    const std::string text = FormatRfc3339(WallFromMicros(second * 1'000'000));
    if (text.size() < date_.size()) {
      out += '"' + text + '"';
      return;
    }
    std::copy_n(text.begin(), date_.size(), date_.begin());
    second_ = second;
  }
  std::array<char, 9> rest = {0, 0, 0, 0, 0, 0, 'Z', '"'};
  for (size_t i = 6; i-- > 0; micros /= 10) rest[i] = char('0' + micros % 10);
  out += '"';
  out.append(date_.data(), date_.size());
  out.append(rest.data(), 8);
}

// The target as far as it has a field, and what came of it.
void EventJson::AppendOrder(const queue::Event& event, std::string& out) {
  AppendOptional(R"(,"recipient":)", event.recipient, out);
  AppendOptional(R"(,"tenant":)", event.tenant, out);
  AppendOptional(R"(,"campaign":)", event.campaign, out);
  AppendOptional(R"(,"site":)", event.site, out);
  AppendOptional(R"(,"source":)", event.source, out);
  AppendOptional(R"(,"user":)", event.user, out);
  AppendOptional(R"(,"reason":)", event.reason, out);
  AppendField(R"(,"text":)", event.text, out);
  if (event.size > 0) AppendCount(R"(,"recipients":)", event.size, out);
  if (event.next_due != WallTime{}) {
    out += R"(,"until":)";
    AppendTime(event.next_due, out);
  }
  out += "}\n";
}

void EventJson::Append(uint64_t id, const queue::Event& event, std::string& out) {
  out += R"({"id":")";
  AppendNumber(id, out);
  out += R"(","time":)";
  AppendTime(event.time, out);
  out += R"(,"event":")";
  out += NameOf(event.type);
  out += '"';
  if (event.message != 0) AppendField(R"(,"message":)", FormatMessageId(event.message), out);
  if (event.type == EventType::kAlert) {
    AppendOptional(R"(,"recipient":)", event.recipient, out);
    AppendOptional(R"(,"site":)", event.site, out);
    AppendOptional(R"(,"reason":)", event.reason, out);
    AppendField(R"(,"text":)", event.text, out);
    out += "}\n";
    return;
  }
  if (event.type == EventType::kOrder) return AppendOrder(event, out);
  AppendField(R"(,"recipient":)", event.recipient, out);
  AppendField(R"(,"sender":)", event.sender, out);
  AppendField(R"(,"tenant":)", event.tenant, out);
  AppendField(R"(,"campaign":)", event.campaign, out);
  if (event.type == EventType::kAccepted) {
    AppendCount(R"(,"size":)", event.size, out);
    AppendOptional(R"(,"user":)", event.user, out);
    AppendOptional(R"(,"peer":)", event.peer, out);
  }
  if (TellsOfAttempt(event)) {
    AppendOptional(R"(,"site":)", event.site, out);
    AppendOptional(R"(,"host":)", event.host, out);
    AppendOptional(R"(,"source":)", event.source, out);
    AppendCount(R"(,"attempt":)", event.attempt, out);
    if (event.code != 0) AppendCount(R"(,"code":)", event.code, out);
    AppendOptional(R"(,"enhanced":)", event.enhanced, out);
    AppendOptional(R"(,"text":)", event.text, out);
    if (!event.host.empty()) AppendField(R"(,"tls":)", event.tls, out);
    AppendTlsPolicy(event.tls_policy, out);
  } else if (event.type != EventType::kAccepted) {
    AppendOptional(R"(,"text":)", event.text, out);
  }
  AppendOptional(R"(,"reason":)", event.reason, out);
  if (event.type != EventType::kAccepted) AppendCount(R"(,"queue_ms":)", event.queue_ms, out);
  if (event.type == EventType::kDeferred) {
    out += R"(,"next_due":)";
    AppendTime(event.next_due, out);
  }
  out += "}\n";
}

}  // namespace sluice::engine
