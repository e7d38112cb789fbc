// smtp/address.h — RFC 5321 paths and mailboxes: what stands in MAIL FROM:<...> and RCPT TO:<...>.
//
// PURPOSE   A pure function over the text after the colon: path out, how much it took.
// DECIDED   (protocol.md 7) local part kept as given, quoted ones exactly; source routes dropped;
//           `%` and `!` mean nothing; a trailing dot of the domain is dropped; ASCII of the domain
//           lower-cased; control characters never; 8 bit only as UTF-8 and only when allowed.
// NOT HERE  A-labels of international domains (engine/submission), RFC 5322 address lists.

#ifndef SLUICE_SMTP_ADDRESS_H_
#define SLUICE_SMTP_ADDRESS_H_

#include <cstddef>
#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

namespace sluice::smtp {

// RFC 5321 4.5.3.1, octets.
inline constexpr size_t kLocalPartMax = 64;
inline constexpr size_t kDomainMax = 255;

struct PathRules {
  bool utf8 = false;      // SMTPUTF8 was asked for
  bool literals = false;  // user@[192.0.2.1] is let in
};

enum class PathFault : uint8_t {
  kNoBrackets,  // RFC 5321 wants <>
  kSyntax,      // no mailbox
  kControl,     // a control character
  kNeedsUtf8,   // 8 bit without SMTPUTF8
  kBadUtf8,     // 8 bit, but no UTF-8
  kLiteral,     // an address literal, not configured
  kTooLong,     // local part or domain
};

struct Path {
  std::string address;  // empty: the null path; without @: bare postmaster
  size_t consumed = 0;  // octets of the input, brackets included
};

// The path at the start of `text`.
std::expected<Path, PathFault> ParsePath(std::string_view text, const PathRules& rules);

// A mailbox alone, without brackets and source route: "local@domain".
std::expected<std::string, PathFault> ParseMailbox(std::string_view text, const PathRules& rules);

// One sentence for the reply.
const char* Describe(PathFault fault);

// Has `text` an octet over 127?
bool Has8Bit(std::string_view text);

}  // namespace sluice::smtp

#endif  // SLUICE_SMTP_ADDRESS_H_
