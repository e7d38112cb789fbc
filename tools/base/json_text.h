// tools/base/json_text.h — writing JSON by hand where a line per message counts.
//
// PURPOSE   Strings and numbers appended to a reused buffer. Octets that are no UTF-8 are written
//           as the code points of the same number, so that the line stays JSON whatever a peer
//           sent.

#ifndef SLUICE_TOOLS_BASE_JSON_TEXT_H_
#define SLUICE_TOOLS_BASE_JSON_TEXT_H_

#include <charconv>
#include <cstdint>
#include <string>
#include <string_view>

#include "engine/base/text.h"

namespace sluice::tools {

inline void AppendNumber(std::string& out, int64_t value) {
  char digits[24];
  const auto end = std::to_chars(digits, digits + sizeof digits, value);
  out.append(digits, end.ptr);
}

// With the quotes.
inline void AppendJsonString(std::string& out, std::string_view text) {
  static constexpr char kHex[] = "0123456789abcdef";
  const bool utf8 = IsUtf8(text);
  out += '"';
  for (const char c : text) {
    const auto octet = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (octet < 0x20 || octet == 0x7f || (octet >= 0x80 && !utf8)) {
      out += "\\u00";
      out += kHex[octet >> 4];
      out += kHex[octet & 15];
    } else {
      out += c;
    }
  }
  out += '"';
}

// "key":"text", or "key":number, with a comma before unless it opens the object.
inline void AppendJsonKey(std::string& out, std::string_view key) {
  if (!out.empty() && out.back() != '{') out += ',';
  AppendJsonString(out, key);
  out += ':';
}
inline void AppendJsonField(std::string& out, std::string_view key, std::string_view text) {
  AppendJsonKey(out, key);
  AppendJsonString(out, text);
}
inline void AppendJsonField(std::string& out, std::string_view key, int64_t number) {
  AppendJsonKey(out, key);
  AppendNumber(out, number);
}

}  // namespace sluice::tools

#endif  // SLUICE_TOOLS_BASE_JSON_TEXT_H_
