#include "engine/base/message_id.h"

namespace sluice {
namespace {
constexpr std::string_view kDigits = "0123456789abcdefghijklmnopqrstuv";
}

std::string FormatMessageId(MessageId id) {
  std::string text(kMessageIdChars, '0');
  for (size_t i = kMessageIdChars; i-- > 0; id >>= 5) text[i] = kDigits[id & 31];
  return text;
}

std::optional<MessageId> ParseMessageId(std::string_view text) {
  if (text.size() != kMessageIdChars) return std::nullopt;
  MessageId id = 0;
  for (const char c : text) {
    const size_t digit = kDigits.find(c);
    if (digit == std::string_view::npos || id >> 59 != 0) return std::nullopt;
    id = id << 5 | digit;
  }
  return id;
}

}  // namespace sluice
