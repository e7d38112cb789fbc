// config/syntax.h — what a name, a domain, a password hash or a host may look like.

#ifndef SLUICE_CONFIG_SYNTAX_H_
#define SLUICE_CONFIG_SYNTAX_H_

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.h"
#include "config/keys.h"

namespace sluice::config {

// The parts of "a|b|c".
std::vector<std::string_view> SplitChoices(std::string_view choices);

// What is wrong with `text` as a value of this kind; empty: nothing. Never quotes a secret.
std::string WhyNotText(Kind kind, std::string_view text);

// Letters, digits, hyphens in labels of at most 63, at most 253 in all; no trailing dot.
bool IsDomainName(std::string_view text, bool needs_dot);

// "a.b@example.com": letters, digits, dots, hyphens and what is in `more` before the @, at most
// `local_max` of them; nothing that a header field or a URI would have to quote.
bool IsMailbox(std::string_view text, size_t local_max, std::string_view more);

// The form that `sluice user hash` prints, within costs that a server can bear.
bool IsArgon2idHash(std::string_view text);
// "SCRAM-SHA-256$iterations:salt$stored:server" (RFC 5803), within what a login may cost.
bool IsScramHash(std::string_view text);

// "AB:CD:..." or "abcd...", 32 octets, as lower-case hex without colons; empty: it is none.
std::string ParseFingerprint(std::string_view text);

// "127.0.0.1:2525", "[::1]:25", "::1", "mx.example.net", "mx.example.net:26". None: neither.
std::optional<RouteHost> ParseRouteHost(std::string_view text);

}  // namespace sluice::config

#endif  // SLUICE_CONFIG_SYNTAX_H_
