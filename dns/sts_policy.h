// dns/sts_policy.h — MTA-STS (RFC 8461) as text: the TXT record, the policy file, its MX patterns.
//
// PURPOSE   Pure functions over what a stranger's DNS and web server gave us.
// NOT HERE  Asking, fetching and keeping: engine/policy/mta_sts.h.
// LIMITS    kStsPolicyBytesMax octets of a file (RFC 8461 3.3 advises 64 KB), kStsPatternsMax
//           hosts.
// TESTS     tests/dns/sts_policy_test.cc, tests/fuzz/fuzz_sts_policy.cc

#ifndef SLUICE_DNS_STS_POLICY_H_
#define SLUICE_DNS_STS_POLICY_H_

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/error.h"

namespace sluice::dns {

inline constexpr size_t kStsPolicyBytesMax = size_t(64) << 10;
// Real policies have under 30.
inline constexpr size_t kStsPatternsMax = 1'000;
// RFC 8461 3.2: "maximum value of 31557600".
inline constexpr uint32_t kStsMaxAgeSeconds = 31'557'600;

enum class StsMode : uint8_t { kNone, kTesting, kEnforce };

struct StsPolicy {
  StsMode mode = StsMode::kNone;
  uint32_t max_age = 0;         // seconds, from the fetch
  std::vector<std::string> mx;  // lower case; "*.example.com" or a host
};

// The error says in which line what is wrong.
Result<StsPolicy> ParseStsPolicy(std::string_view text);

// The id of "v=STSv1; id=20160831085700Z;" among the TXT records of _mta-sts.<domain>; none when
// there is not exactly one such record, or it is malformed (RFC 8461 3.1).
std::optional<std::string> StsId(std::span<const std::string> txt);

// Is `host` (lower case, no trailing dot) one of the policy's? A wildcard stands for exactly one
// label (RFC 8461 4.1).
bool MatchesMx(const StsPolicy& policy, std::string_view host);

std::string_view NameOf(StsMode mode);

}  // namespace sluice::dns

#endif  // SLUICE_DNS_STS_POLICY_H_
