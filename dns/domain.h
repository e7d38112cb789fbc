// dns/domain.h — what may follow the @: domain names as DNS takes them, and address literals.
//
// PURPOSE   One form of a name for caches, sites and questions: ASCII (A-labels), lower case, no
//           trailing dot.

#ifndef SLUICE_DNS_DOMAIN_H_
#define SLUICE_DNS_DOMAIN_H_

#include <optional>
#include <string>
#include <string_view>

#include "engine/base/error.h"
#include "engine/base/ip_address.h"

namespace sluice::dns {

// U-labels become A-labels (IDNA 2008, UTS 46 non-transitional). The error says what is wrong.
Result<std::string> NormalizeDomain(std::string_view domain);

// Letters, digits, hyphens and underscores (which real MX hosts have) in labels of 1 to 63, at most
// 253 in all, and a last label that is no number: else it is an address or nothing at all.
// `name` is lower case and without the trailing dot.
bool IsHostName(std::string_view name);

// "[192.0.2.1]" and "[IPv6:2001:db8::1]" (RFC 5321 4.1.3).
std::optional<IpAddress> ParseAddressLiteral(std::string_view domain);

}  // namespace sluice::dns

#endif  // SLUICE_DNS_DOMAIN_H_
