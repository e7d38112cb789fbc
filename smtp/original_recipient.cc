#include "smtp/original_recipient.h"

#include <charconv>
#include <cstdint>

#include "engine/base/text.h"

namespace sluice::smtp {
namespace {

constexpr std::string_view kUtf8Type = "utf-8;";
constexpr std::string_view kEmbedded = "\\x{";

void AppendEmbedded(std::string& out, uint32_t point) {
  char digits[8];
  const char* end = std::to_chars(digits, digits + sizeof digits, point, 16).ptr;
  out += kEmbedded;
  for (const char* c = digits; c < end; ++c) out += *c >= 'a' ? char(*c - 'a' + 'A') : *c;
  out += '}';
}

// Takes the first code point of what is UTF-8.
uint32_t TakePoint(std::string_view& text) {
  const auto first = uint8_t(text.front());
  const size_t length = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
  uint32_t point = length == 1 ? first : first & (0xffu >> (length + 1));
  for (size_t i = 1; i < length; ++i) point = point << 6 | (uint8_t(text[i]) & 0x3fu);
  text.remove_prefix(length);
  return point;
}

}  // namespace

std::string AsciiOrcpt(std::string_view orcpt) {
  if (IsAscii(orcpt)) return std::string(orcpt);
  if (!EqualsNoCase(orcpt.substr(0, kUtf8Type.size()), kUtf8Type) || !IsUtf8(orcpt)) return {};
  std::string out(kUtf8Type);
  std::string_view rest = orcpt.substr(kUtf8Type.size());
  while (!rest.empty()) {
    const bool is_embedded = rest.starts_with(kEmbedded);
    const uint32_t point = TakePoint(rest);
    const bool is_plain = point < 0x80 && point != '+' && point != '=' && point != '\\';
    if (is_plain || is_embedded) {
      out += char(point);
    } else {
      AppendEmbedded(out, point);
    }
  }
  return out.size() <= kOrcptMax ? out : std::string();
}

}  // namespace sluice::smtp
