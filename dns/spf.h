// dns/spf.h — SPF's check_host(): may this address send for that domain? (RFC 7208)
//
// PURPOSE   The receivers' view of our own records, within the limits that they keep: 10 terms that
//           ask, 2 of them in vain, 10 MX hosts. The verdict says in words what decided.
// FLOW      CheckSpf(facts, query) until it gives a verdict (inquiry.h).
// NOT HERE  Explanations (exp=): read and checked for syntax, never fetched.
// TESTS     tests/dns/spf_test.cc, tests/dns/spf_peer_test.cc (against python3-spf),
//           tests/fuzz/fuzz_dns_spf.cc

#ifndef SLUICE_DNS_SPF_H_
#define SLUICE_DNS_SPF_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "dns/inquiry.h"
#include "engine/base/ip_address.h"

namespace sluice::dns {

// RFC 7208 4.6.4.
inline constexpr int kSpfLookupsMax = 10;
inline constexpr int kSpfVoidsMax = 2;
inline constexpr size_t kSpfMxMax = 10;
// Where a record's whole cost is counted, counting ends here.
inline constexpr int kSpfCountMax = 60;

enum class SpfResult : uint8_t {
  kNone,
  kNeutral,
  kPass,
  kFail,
  kSoftFail,
  kTempError,
  kPermError,
};
// "none", "pass", ...
std::string_view SpfResultText(SpfResult result);

struct SpfQuery {
  IpAddress address;
  std::string domain;
  std::string sender;  // local@domain; empty: postmaster@domain
  std::string helo;
};

struct SpfVerdict {
  SpfResult result = SpfResult::kNone;
  std::string why;   // "ip4:192.0.2.1 matches", "more than 10 lookups"
  int lookups = 0;   // terms that asked
  std::string text;  // the record of the domain itself; empty: there is none
};

// None: facts are missing.
std::optional<SpfVerdict> CheckSpf(Facts& facts, const SpfQuery& query);

// The lookups that the record of `domain` takes where nothing matches, at most kSpfCountMax: what a
// receiver counts for mail of others. None: facts are missing.
std::optional<int> CountSpfLookups(Facts& facts, const std::string& domain);

// The SPF records among a name's TXT records.
std::vector<std::string> SpfRecordsOf(const Fact& txt);

}  // namespace sluice::dns

#endif  // SLUICE_DNS_SPF_H_
