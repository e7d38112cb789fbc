// DKIM key records and DMARC records: no input crashes, what is accepted keeps its promises.

#include <string>

#include "dns/dkim_record.h"
#include "dns/dmarc_record.h"
#include "engine/base/check.h"
#include "engine/base/text.h"
#include "tests/fuzz/fuzz_target.h"

FUZZ_TARGET(dns_policy_records) {
  using namespace sluice;
  const std::string text(input);  // of its own size, so that a read past the end is seen
  if (const auto key = dns::ParseDkimRecord(text)) {
    std::string octets;
    CHECK(Base64Decode(key->public_key, octets));
  } else {
    CHECK(!key.error().what.empty());
  }
  if (const auto policy = dns::ParseDmarcRecord(text)) {
    CHECK(dns::LooksLikeDmarc(text));
    CHECK(policy->percent >= 0 && policy->percent <= 100);
  }
  if (text.find('\0') == std::string::npos) {
    const std::string parent = dns::OrganisationalDomain(text);
    CHECK(dns::OrganisationalDomain(parent) == parent);
    CHECK(dns::IsAligned(text, text, true));
  }
}
