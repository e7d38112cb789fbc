#include "smtp/address.h"

#include <algorithm>

#include "engine/base/ip_address.h"
#include "engine/base/text.h"

namespace sluice::smtp {
namespace {

using Fault = std::unexpected<PathFault>;

bool IsControl(char c) { return (c >= 0 && c < 32) || c == 127; }

// RFC 5322 atext, with the 8 bit of RFC 6531 (checked as UTF-8 as a whole).
bool IsAtom(char c) {
  if (IsAlpha(c) || IsDigit(c) || c < 0) return true;
  return std::string_view("!#$%&'*+-/=?^_`{|}~").contains(c);
}

// Octets of the local part at the start of `text`; 0: none.
size_t LocalPartLength(std::string_view text) {
  if (text.empty()) return 0;
  if (text[0] != '"') {
    size_t n = 0;
    // Dots anywhere: real senders and mailboxes have them doubled and at the end.
    while (n < text.size() && (IsAtom(text[n]) || text[n] == '.')) ++n;
    return n;
  }
  for (size_t i = 1; i < text.size(); ++i) {
    if (text[i] == '\\')
      ++i;
    else if (text[i] == '"')
      return i + 1;
  }
  return 0;
}

bool IsDomainChar(char c) { return IsAlpha(c) || IsDigit(c) || c == '-' || c == '_' || c < 0; }

// Labels of letters, digits, hyphens and (as real names have them) underscores, without empty ones.
bool IsDomain(std::string_view text) {
  if (text.empty() || text.front() == '.' || text.back() == '.') return false;
  size_t label = 0;
  for (const char c : text) {
    if (c == '.') {
      if (label == 0) return false;
      label = 0;
    } else if (!IsDomainChar(c) || (label == 0 && c == '-') || ++label > 63) {
      return false;
    }
  }
  return true;
}

std::expected<std::string, PathFault> ParseLiteral(std::string_view domain) {
  if (domain.size() < 3 || domain.back() != ']') return Fault(PathFault::kSyntax);
  const std::string_view inner = domain.substr(1, domain.size() - 2);
  const bool v6 = StartsWithNoCase(inner, "IPv6:");
  const auto address = IpAddress::Parse(v6 ? inner.substr(5) : inner);
  if (!address || address->is_v4() == v6) return Fault(PathFault::kSyntax);
  return "[" + (v6 ? "IPv6:" + address->ToString() : address->ToString()) + "]";
}

// What is wrong with the octets as such, whatever they mean.
std::expected<void, PathFault> CheckOctets(std::string_view text, const PathRules& rules) {
  if (std::any_of(text.begin(), text.end(), IsControl)) return Fault(PathFault::kControl);
  if (!Has8Bit(text)) return {};
  if (!rules.utf8) return Fault(PathFault::kNeedsUtf8);
  if (!IsUtf8(text)) return Fault(PathFault::kBadUtf8);
  return {};
}

// Skips "@one,@two:" at the start (RFC 5321 4.1.1.3: accepted and ignored); npos: malformed.
size_t SkipSourceRoute(std::string_view text) {
  if (text.empty() || text[0] != '@') return 0;
  const size_t colon = text.find(':');
  if (colon == std::string_view::npos) return colon;
  std::string_view hops = text.substr(0, colon);
  while (!hops.empty()) {
    const size_t comma = std::min(hops.find(','), hops.size());
    const std::string_view hop = hops.substr(0, comma);
    if (hop.size() < 2 || hop[0] != '@' || !IsDomain(hop.substr(1))) return std::string_view::npos;
    hops.remove_prefix(std::min(comma + 1, hops.size()));
  }
  return colon + 1;
}

// The index of the '>' that ends the path begun at text[0] == '<': not one within a quoted string.
size_t FindClosing(std::string_view text) {
  bool quoted = false;
  for (size_t i = 1; i < text.size(); ++i) {
    if (quoted && text[i] == '\\')
      ++i;
    else if (text[i] == '"')
      quoted = !quoted;
    else if (text[i] == '>' && !quoted)
      return i;
  }
  return std::string_view::npos;
}

}  // namespace

bool Has8Bit(std::string_view text) {
  return std::any_of(text.begin(), text.end(), [](char c) { return c < 0; });
}

std::expected<std::string, PathFault> ParseMailbox(std::string_view text, const PathRules& rules) {
  if (auto octets = CheckOctets(text, rules); !octets) return Fault(octets.error());
  const size_t local = LocalPartLength(text);
  if (local == 0 || local >= text.size() || text[local] != '@') return Fault(PathFault::kSyntax);
  std::string_view domain = text.substr(local + 1);
  if (local > kLocalPartMax) return Fault(PathFault::kTooLong);
  if (domain.starts_with('[')) {
    auto literal = ParseLiteral(domain);
    if (!literal) return literal;
    if (!rules.literals) return Fault(PathFault::kLiteral);
    return std::string(text.substr(0, local + 1)) + *literal;
  }
  if (domain.ends_with('.')) domain.remove_suffix(1);
  if (domain.size() > kDomainMax) return Fault(PathFault::kTooLong);
  if (!IsDomain(domain)) return Fault(PathFault::kSyntax);
  std::string address(text.substr(0, local + 1));
  address += Lower(domain);
  return address;
}

std::expected<Path, PathFault> ParsePath(std::string_view text, const PathRules& rules) {
  if (text.empty() || text[0] != '<') return Fault(PathFault::kNoBrackets);
  const size_t end = FindClosing(text);
  if (end == std::string_view::npos) {
    // Control characters are worth their own words, wherever the path would have ended.
    if (auto octets = CheckOctets(text, rules); !octets) return Fault(octets.error());
    return Fault(text.contains('>') ? PathFault::kSyntax : PathFault::kNoBrackets);
  }
  std::string_view inner = text.substr(1, end - 1);
  if (inner.empty()) return Path{"", end + 1};
  if (auto octets = CheckOctets(inner, rules); !octets) return Fault(octets.error());
  const size_t route = SkipSourceRoute(inner);
  if (route == std::string_view::npos) return Fault(PathFault::kSyntax);
  inner.remove_prefix(route);
  if (EqualsNoCase(inner, "postmaster")) return Path{std::string(inner), end + 1};
  auto mailbox = ParseMailbox(inner, rules);
  if (!mailbox) return Fault(mailbox.error());
  return Path{std::move(*mailbox), end + 1};
}

const char* Describe(PathFault fault) {
  switch (fault) {
    case PathFault::kNoBrackets:
      return "The address must stand in angle brackets: <user@domain>";
    case PathFault::kSyntax:
      return "Bad address syntax";
    case PathFault::kControl:
      return "Control characters in the address";
    case PathFault::kNeedsUtf8:
      return "8-bit address without SMTPUTF8";
    case PathFault::kBadUtf8:
      return "The address is not valid UTF-8";
    case PathFault::kLiteral:
      return "Address literals are not accepted";
    case PathFault::kTooLong:
      return "Local part over 64 or domain over 255 octets";
  }
  return "Bad address";
}

}  // namespace sluice::smtp
