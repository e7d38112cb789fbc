// dns/spf_record.h — the text of an SPF record: terms, and macros (RFC 7208 parts 5 to 7).
//
// PURPOSE   Pure parsing and expansion. Whatever is wrong with the syntax is an error that quotes
//           the term; a receiver answers it with permerror.
// NOT HERE  Evaluation and its limits (spf.h).
// TESTS     tests/dns/spf_record_test.cc, tests/fuzz/fuzz_dns_spf.cc

#ifndef SLUICE_DNS_SPF_RECORD_H_
#define SLUICE_DNS_SPF_RECORD_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/error.h"
#include "engine/base/ip_address.h"

namespace sluice::dns {

// Terms of one record. The longest real ones have about 150.
inline constexpr size_t kSpfTermsMax = 512;

enum class SpfMechanism : uint8_t { kAll, kInclude, kA, kMx, kPtr, kIp4, kIp6, kExists };

struct SpfTerm {
  char qualifier = '+';  // + - ~ ?
  SpfMechanism mechanism = SpfMechanism::kAll;
  std::string domain;  // unexpanded; empty: the current domain
  IpAddress address;   // of ip4 and ip6
  int prefix4 = 32;
  int prefix6 = 128;
  std::string text;  // as it is written
};

struct SpfRecord {
  std::vector<SpfTerm> terms;
  std::string redirect;  // unexpanded; empty: none
  std::string exp;
};

// Is this TXT record an SPF record? ("v=spf1" and then a space or nothing.)
bool IsSpfRecord(std::string_view text);
Result<SpfRecord> ParseSpfRecord(std::string_view text);

// What the letters of a macro stand for.
struct SpfMacros {
  std::string sender;     // s: local@domain
  std::string domain;     // d
  IpAddress address;      // i, v
  std::string helo;       // h
  std::string validated;  // p
};
// `spec` came through ParseSpfRecord. What is longer than a name loses labels on the left (7.3).
std::string ExpandSpfMacros(std::string_view spec, const SpfMacros& macros);
// Does it name %{p}, which costs questions?
bool UsesValidatedName(std::string_view spec);

// The network of `address` and `prefix` holds `other`, of the same family.
bool SameSpfNetwork(const IpAddress& address, const IpAddress& other, int prefix);

}  // namespace sluice::dns

#endif  // SLUICE_DNS_SPF_RECORD_H_
