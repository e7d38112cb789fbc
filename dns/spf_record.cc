#include "dns/spf_record.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "engine/base/text.h"

namespace sluice::dns {
namespace {

constexpr std::string_view kVersion = "v=spf1";
constexpr std::string_view kDelimiters = ".-+,/_=";
constexpr std::string_view kLetters = "slodiphv";  // c, r and t are for explanations alone

struct MechanismName {
  std::string_view name;
  SpfMechanism mechanism;
};
constexpr std::array<MechanismName, 8> kMechanisms = {{{"all", SpfMechanism::kAll},
                                                       {"include", SpfMechanism::kInclude},
                                                       {"a", SpfMechanism::kA},
                                                       {"mx", SpfMechanism::kMx},
                                                       {"ptr", SpfMechanism::kPtr},
                                                       {"ip4", SpfMechanism::kIp4},
                                                       {"ip6", SpfMechanism::kIp6},
                                                       {"exists", SpfMechanism::kExists}}};

std::unexpected<Error> Wrong(std::string_view term, const std::string& what) {
  return Fail(ErrorCode::kInvalid, "\"" + std::string(term.substr(0, 80)) + "\": " + what);
}

bool IsNameChar(char c) { return IsAlpha(c) || IsDigit(c) || c == '-' || c == '_' || c == '.'; }

// "%{d2r-}" at the front: its length; 0: it is no macro.
size_t MacroLength(std::string_view text, std::string_view letters) {
  if (!text.starts_with("%{") || text.size() < 4) return 0;
  if (letters.find(LowerChar(text[2])) == std::string_view::npos) return 0;
  size_t at = 3;
  size_t digits = 0;
  bool nonzero = false;
  for (; at < text.size() && IsDigit(text[at]); ++at, ++digits) nonzero |= text[at] != '0';
  if (digits > 3 || (digits > 0 && !nonzero)) return 0;
  if (at < text.size() && LowerChar(text[at]) == 'r') ++at;
  while (at < text.size() && kDelimiters.find(text[at]) != std::string_view::npos) ++at;
  return at < text.size() && text[at] == '}' ? at + 1 : 0;
}

// domain-spec (7.1): macros and visible characters, and at the end a macro or a top label.
bool IsDomainSpec(std::string_view text) {
  if (text.empty()) return false;
  bool ends_in_macro = false;
  size_t at = 0;
  while (at < text.size()) {
    ends_in_macro = false;
    if (text[at] == '%') {
      const std::string_view rest = text.substr(at);
      if (rest.starts_with("%%") || rest.starts_with("%_") || rest.starts_with("%-")) {
        at += 2;
        continue;
      }
      const size_t length = MacroLength(rest, kLetters);
      if (length == 0) return false;
      at += length;
      ends_in_macro = true;
      continue;
    }
    if (text[at] < 0x21 || text[at] > 0x7e) return false;
    ++at;
  }
  if (ends_in_macro) return true;
  std::string_view name = text;
  if (name.ends_with('.')) name.remove_suffix(1);
  const size_t dot = name.rfind('.');
  if (dot == std::string_view::npos) return false;
  const std::string_view top = name.substr(dot + 1);
  return !top.empty() && top.front() != '-' && top.back() != '-' &&
         std::ranges::all_of(top, [](char c) { return IsAlpha(c) || IsDigit(c) || c == '-'; }) &&
         !std::ranges::all_of(top, IsDigit);
}

std::optional<int> PrefixOf(std::string_view digits, int most) {
  if (digits.empty() || digits.size() > 3 || !std::ranges::all_of(digits, IsDigit))
    return std::nullopt;
  if (digits.size() > 1 && digits.front() == '0') return std::nullopt;
  const int value = std::stoi(std::string(digits));
  return value <= most ? std::optional(value) : std::nullopt;
}

// Takes "/24", "//64" or "/24//64" off the end of an `a` or `mx`.
bool TakeDualCidr(std::string_view& rest, SpfTerm& term) {
  const size_t two = rest.find("//");
  if (two != std::string_view::npos) {
    const auto prefix = PrefixOf(rest.substr(two + 2), 128);
    if (!prefix) return false;
    term.prefix6 = *prefix;
    rest = rest.substr(0, two);
  }
  // A slash within a macro ("%{d/}") or before it in a name is no prefix.
  const size_t one = rest.rfind('/');
  const bool is_prefix = one != std::string_view::npos &&
                         rest.find_first_not_of("0123456789", one + 1) == std::string_view::npos;
  if (!is_prefix) return true;
  const auto prefix = PrefixOf(rest.substr(one + 1), 32);
  if (!prefix) return false;
  term.prefix4 = *prefix;
  rest = rest.substr(0, one);
  return true;
}

Status ReadNetwork(std::string_view argument, SpfTerm& term) {
  const bool is_v4 = term.mechanism == SpfMechanism::kIp4;
  const size_t slash = argument.find('/');
  const auto address = IpAddress::Parse(argument.substr(0, slash));
  if (!address || (is_v4 && !address->is_v4()) ||
      (!is_v4 && argument.find(':') == std::string_view::npos))
    return Wrong(term.text, is_v4 ? "is no IPv4 address" : "is no IPv6 address");
  term.address = *address;
  if (slash == std::string_view::npos) return {};
  const auto prefix = PrefixOf(argument.substr(slash + 1), is_v4 ? 32 : 128);
  if (!prefix) return Wrong(term.text, "the length of the prefix is wrong");
  (is_v4 ? term.prefix4 : term.prefix6) = *prefix;
  return {};
}

Result<SpfTerm> ReadTerm(std::string_view word) {
  SpfTerm term;
  term.text = word;
  std::string_view rest = word;
  if (std::string_view("+-~?").find(rest.front()) != std::string_view::npos) {
    term.qualifier = rest.front();
    rest.remove_prefix(1);
  }
  const std::string_view name = rest.substr(0, rest.find_first_of(":/"));
  const auto* known = std::ranges::find_if(
      kMechanisms, [&](const MechanismName& m) { return EqualsNoCase(m.name, name); });
  if (known == kMechanisms.end()) return Wrong(word, "there is no such mechanism");
  term.mechanism = known->mechanism;
  rest.remove_prefix(name.size());

  switch (term.mechanism) {
    case SpfMechanism::kAll:
      if (!rest.empty()) return Wrong(word, "nothing may follow \"all\"");
      return term;
    case SpfMechanism::kIp4:
    case SpfMechanism::kIp6:
      if (!rest.starts_with(':')) return Wrong(word, "the address is missing");
      if (Status status = ReadNetwork(rest.substr(1), term); !status)
        return std::unexpected(status.error());
      return term;
    case SpfMechanism::kA:
    case SpfMechanism::kMx:
      if (!TakeDualCidr(rest, term)) return Wrong(word, "the length of the prefix is wrong");
      break;
    default:
      break;
  }
  const bool needs_domain =
      term.mechanism == SpfMechanism::kInclude || term.mechanism == SpfMechanism::kExists;
  if (rest.empty() && !needs_domain) return term;
  if (!rest.starts_with(':') || !IsDomainSpec(rest.substr(1)))
    return Wrong(word, rest.empty() ? "the domain is missing" : "is no fully qualified domain");
  term.domain = rest.substr(1);
  return term;
}

// name "=" macro-string; a mechanism has ":" or "/" before any "=".
bool IsModifier(std::string_view word) {
  const size_t equals = word.find('=');
  return equals != std::string_view::npos && equals > 0 && IsAlpha(word.front()) &&
         std::ranges::all_of(word.substr(0, equals), IsNameChar);
}

Status ReadModifier(std::string_view word, SpfRecord& record) {
  const size_t equals = word.find('=');
  const std::string name = Lower(word.substr(0, equals));
  const std::string_view value = word.substr(equals + 1);
  if (name != "redirect" && name != "exp") return {};  // others are ignored (6)
  std::string& place = name == "redirect" ? record.redirect : record.exp;
  if (!place.empty()) return Wrong(word, "is there twice");
  if (!IsDomainSpec(value)) return Wrong(word, "is no fully qualified domain");
  place = value;
  return {};
}

// ---- macros ----

std::vector<std::string> Split(std::string_view text, std::string_view delimiters) {
  std::vector<std::string> parts(1);
  for (const char c : text) {
    if (delimiters.find(c) != std::string_view::npos)
      parts.emplace_back();
    else
      parts.back() += c;
  }
  return parts;
}

std::string UrlEscape(std::string_view text) {
  static constexpr char kHex[] = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    if (IsAlpha(c) || IsDigit(c) || c == '-' || c == '.' || c == '_' || c == '~') {
      out += c;
    } else {
      out += '%';
      out += kHex[uint8_t(c) >> 4];
      out += kHex[uint8_t(c) & 15];
    }
  }
  return out;
}

// IPv6 as dotted nibbles (7.3).
std::string DottedAddress(const IpAddress& address) {
  if (address.is_v4()) return address.ToString();
  static constexpr char kHex[] = "0123456789abcdef";
  std::string out;
  for (const uint8_t byte : address.bytes())
    for (const int nibble : {byte >> 4, byte & 15}) {
      if (!out.empty()) out += '.';
      out += kHex[nibble];
    }
  return out;
}

std::string ValueOf(char letter, const SpfMacros& macros) {
  switch (letter) {
    case 's':
      return macros.sender;
    case 'l':
      return macros.sender.substr(0, macros.sender.rfind('@'));
    case 'o':
      return std::string(DomainOf(macros.sender));
    case 'd':
      return macros.domain;
    case 'i':
      return DottedAddress(macros.address);
    case 'p':
      return macros.validated.empty() ? "unknown" : macros.validated;
    case 'h':
      return macros.helo;
    case 'v':
      return macros.address.is_v4() ? "in-addr" : "ip6";
    default:
      return "";
  }
}

// `macro` is "%{...}" whole.
std::string ExpandOne(std::string_view macro, const SpfMacros& macros) {
  const char letter = macro[2];
  size_t at = 3;
  size_t keep = 0;
  for (; IsDigit(macro[at]); ++at) keep = keep * 10 + size_t(macro[at] - '0');
  const bool reverse = LowerChar(macro[at]) == 'r';
  if (reverse) ++at;
  const std::string_view delimiters = macro.substr(at, macro.size() - at - 1);
  std::string value = ValueOf(LowerChar(letter), macros);
  if (keep > 0 || reverse || !delimiters.empty()) {
    std::vector<std::string> parts = Split(value, delimiters.empty() ? "." : delimiters);
    if (reverse) std::ranges::reverse(parts);
    if (keep > 0 && keep < parts.size())
      parts.erase(parts.begin(), parts.end() - std::ptrdiff_t(keep));
    value.clear();
    for (const std::string& part : parts) value += (&part == parts.data() ? "" : ".") + part;
  }
  return letter >= 'A' && letter <= 'Z' ? UrlEscape(value) : value;
}

}  // namespace

bool IsSpfRecord(std::string_view text) {
  return StartsWithNoCase(text, kVersion) &&
         (text.size() == kVersion.size() || text[kVersion.size()] == ' ');
}

Result<SpfRecord> ParseSpfRecord(std::string_view text) {
  if (!IsSpfRecord(text)) return Fail(ErrorCode::kInvalid, "it does not begin with \"v=spf1\"");
  SpfRecord record;
  std::string_view rest = text.substr(kVersion.size());
  while (!rest.empty()) {
    const size_t end = rest.find(' ');
    const std::string_view word = rest.substr(0, end);
    rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
    if (word.empty()) continue;
    if (IsModifier(word)) {
      if (Status status = ReadModifier(word, record); !status)
        return std::unexpected(status.error());
      continue;
    }
    if (record.terms.size() == kSpfTermsMax) return Fail(ErrorCode::kInvalid, "too many terms");
    auto term = ReadTerm(word);
    if (!term) return std::unexpected(term.error());
    record.terms.push_back(*std::move(term));
  }
  return record;
}

std::string ExpandSpfMacros(std::string_view spec, const SpfMacros& macros) {
  constexpr size_t kNameMax = 253;
  constexpr size_t kExpandedMax = 4096;  // a hundred macros of a long sender
  std::string out;
  size_t at = 0;
  while (at < spec.size() && out.size() <= kExpandedMax) {
    if (spec[at] != '%') {
      out += spec[at++];
      continue;
    }
    const std::string_view rest = spec.substr(at);
    const size_t length = MacroLength(rest, kLetters);
    if (length > 0) {
      out += ExpandOne(rest.substr(0, length), macros);
      at += length;
      continue;
    }
    if (rest.starts_with("%%")) out += '%';
    if (rest.starts_with("%_")) out += ' ';
    if (rest.starts_with("%-")) out += "%20";
    at += 2;
  }
  if (out.ends_with('.')) out.pop_back();
  while (out.size() > kNameMax && out.find('.') != std::string::npos)
    out.erase(0, out.find('.') + 1);
  return out;
}

bool UsesValidatedName(std::string_view spec) {
  for (size_t at = spec.find("%{"); at != std::string_view::npos; at = spec.find("%{", at + 2))
    if (at + 2 < spec.size() && LowerChar(spec[at + 2]) == 'p') return true;
  return false;
}

bool SameSpfNetwork(const IpAddress& address, const IpAddress& other, int prefix) {
  if (address.is_v4() != other.is_v4()) return false;
  return IpNetwork{address, address.is_v4() ? prefix + 96 : prefix}.Contains(other);
}

}  // namespace sluice::dns
