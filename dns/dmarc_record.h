// dns/dmarc_record.h — the DMARC record of a domain, and which names are aligned (RFC 7489).
//
// PURPOSE   Parsing, the organisational domain by the public suffix list (libpsl), alignment, and
//           where a receiver finds the record that counts.
// TESTS     tests/dns/key_record_test.cc, tests/fuzz/fuzz_dns_policy_records.cc

#ifndef SLUICE_DNS_DMARC_RECORD_H_
#define SLUICE_DNS_DMARC_RECORD_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dns/inquiry.h"
#include "engine/base/error.h"

namespace sluice::dns {

enum class DmarcPolicy : uint8_t { kNone, kQuarantine, kReject };
std::string_view PolicyText(DmarcPolicy policy);

struct DmarcRecord {
  DmarcPolicy policy = DmarcPolicy::kNone;
  std::optional<DmarcPolicy> subdomains;  // sp=
  bool strict_dkim = false;               // adkim=s
  bool strict_spf = false;                // aspf=s
  int percent = 100;
  std::vector<std::string> reports;  // rua=
};

// Does a TXT record claim to be one? Others at the same name do not count.
bool LooksLikeDmarc(std::string_view text);
Result<DmarcRecord> ParseDmarcRecord(std::string_view text);

// "example.co.uk" of "news.example.co.uk"; the name itself where it is a public suffix.
std::string OrganisationalDomain(std::string_view name);
bool IsAligned(std::string_view name, std::string_view from_domain, bool strict);

// What a receiver finds for mail From `domain`.
struct DmarcFound {
  enum class Kind : uint8_t { kFound, kNone, kSeveral, kFaulty, kUnknown } kind = Kind::kNone;
  std::string name;    // where it is: "_dmarc.example.com"
  std::string text;    // of the record
  std::string detail;  // what is wrong with it, or why nothing is known
  DmarcRecord record;  // kFound
};
// None: facts are missing.
std::optional<DmarcFound> FindDmarc(Facts& facts, std::string_view domain);

}  // namespace sluice::dns

#endif  // SLUICE_DNS_DMARC_RECORD_H_
