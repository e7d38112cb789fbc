// dns/dnsbl.h — is an address on a DNS block list?
//
// PURPOSE   Design 12.12: a listing is an answer in 127.0.0.0/16 and nothing else. Before a list is
//           believed its test points are asked (RFC 5782: 127.0.0.2 is listed, 127.0.0.1 is not): a
//           dead list answers neither, a parked one both. 127.255.255.0/24, time-outs and all else
//           mean "cannot tell".
// TESTS     tests/dns/dnsbl_test.cc

#ifndef SLUICE_DNS_DNSBL_H_
#define SLUICE_DNS_DNSBL_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "dns/inquiry.h"
#include "engine/base/ip_address.h"

namespace sluice::dns {

enum class Listing : uint8_t { kClear, kListed, kCannotTell };

struct DnsblVerdict {
  Listing listing = Listing::kCannotTell;
  std::string what;    // the answer in words: "127.0.0.4", "no answer to the test point ..."
  std::string reason;  // what the list says of it (TXT), where it says something
  std::string advice;  // when it cannot be told
};

// `zone`: "zen.spamhaus.org". None: facts are missing.
std::optional<DnsblVerdict> AskDnsbl(Facts& facts, std::string_view zone, const IpAddress& address);

}  // namespace sluice::dns

#endif  // SLUICE_DNS_DNSBL_H_
