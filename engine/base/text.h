// engine/base/text.h — the few ASCII helpers that every parser of ours needs.

#ifndef SLUICE_ENGINE_BASE_TEXT_H_
#define SLUICE_ENGINE_BASE_TEXT_H_

#include <string>
#include <string_view>

namespace sluice {

constexpr char LowerChar(char c) { return c >= 'A' && c <= 'Z' ? char(c + 32) : c; }
constexpr bool IsDigit(char c) { return c >= '0' && c <= '9'; }
constexpr bool IsAlpha(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

constexpr bool IsAscii(std::string_view text) {
  for (const char c : text)
    if ((c & 0x80) != 0) return false;
  return true;
}

inline std::string Lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = LowerChar(c);
  return out;
}

constexpr bool EqualsNoCase(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  for (size_t i = 0; i < a.size(); ++i)
    if (LowerChar(a[i]) != LowerChar(b[i])) return false;
  return true;
}

constexpr bool StartsWithNoCase(std::string_view text, std::string_view prefix) {
  return text.size() >= prefix.size() && EqualsNoCase(text.substr(0, prefix.size()), prefix);
}

// Without spaces and tabs at both ends.
constexpr std::string_view Trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

// The domain of "local@domain": what follows the last @; empty when there is none.
constexpr std::string_view DomainOf(std::string_view address) {
  const size_t at = address.rfind('@');
  return at == std::string_view::npos ? std::string_view() : address.substr(at + 1);
}

// RFC 4648, with padding. Decoding takes no white space and no missing padding.
std::string Base64Encode(std::string_view bytes);
// False when `text` is no base64; `out` is then unspecified.
bool Base64Decode(std::string_view text, std::string& out);

// Is this well-formed UTF-8 (RFC 3629: no surrogates, no overlong forms)?
bool IsUtf8(std::string_view text);

}  // namespace sluice

#endif  // SLUICE_ENGINE_BASE_TEXT_H_
