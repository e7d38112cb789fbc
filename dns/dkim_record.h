// dns/dkim_record.h — the DKIM key record: a public key as it is published (RFC 6376 3.6.1).
//
// PURPOSE   Pure parsing. The error says what a verifier would stumble over.
// TESTS     tests/dns/key_record_test.cc, tests/fuzz/fuzz_dns_policy_records.cc

#ifndef SLUICE_DNS_DKIM_RECORD_H_
#define SLUICE_DNS_DKIM_RECORD_H_

#include <string>
#include <string_view>
#include <vector>

#include "engine/base/error.h"

namespace sluice::dns {

struct DkimRecord {
  std::string key_type = "rsa";       // k=
  std::string public_key;             // p=, base64 without white space; empty: revoked
  std::vector<std::string> hashes;    // h=; empty: all
  std::vector<std::string> services;  // s=; empty: all
  bool testing = false;               // t=y: verifiers treat the mail as unsigned
  bool strict = false;                // t=s: i= must be the domain itself
};

Result<DkimRecord> ParseDkimRecord(std::string_view text);

}  // namespace sluice::dns

#endif  // SLUICE_DNS_DKIM_RECORD_H_
