// dns/reverse.h — from an address to its names, and back: forward-confirmed reverse DNS.
//
// PURPOSE   The names under which an address is looked up, and whether the name that its PTR record
//           gives leads back to it. Receivers take connections without that for a home computer.

#ifndef SLUICE_DNS_REVERSE_H_
#define SLUICE_DNS_REVERSE_H_

#include <optional>
#include <string>
#include <vector>

#include "dns/inquiry.h"
#include "engine/base/ip_address.h"

namespace sluice::dns {

// PTR names of one address that are looked at. One is right; some hosters give hundreds.
inline constexpr size_t kReverseNamesMax = 10;

// "10.2.0.192", or 32 nibbles: what stands before in-addr.arpa, ip6.arpa and the zone of a DNSBL.
std::string ReversedAddress(const IpAddress& address);
// "10.2.0.192.in-addr.arpa".
std::string ReverseName(const IpAddress& address);

RecordType AddressType(const IpAddress& address);
// Does an A or AAAA answer hold `address`?
bool HoldsAddress(const Fact& fact, const IpAddress& address);

struct ReverseNames {
  bool failed = false;             // the PTR question had no definite answer
  std::string detail;              // of the PTR question
  std::vector<std::string> names;  // as the PTR records give them, at most kReverseNamesMax
  std::vector<bool> confirmed;     // by name: it has the address
  bool unknown = false;            // a name's addresses could not be asked for
};
// None: facts are missing.
std::optional<ReverseNames> FindReverseNames(Facts& facts, const IpAddress& address);

}  // namespace sluice::dns

#endif  // SLUICE_DNS_REVERSE_H_
