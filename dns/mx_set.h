// dns/mx_set.h — the rules on a set of MX records that need no questions.
//
// PURPOSE   From records to hosts in order; RFC 7505's null MX; RFC 5321 5.1's cut at ourselves.

#ifndef SLUICE_DNS_MX_SET_H_
#define SLUICE_DNS_MX_SET_H_

#include <cstdint>
#include <vector>

#include "dns/message.h"
#include "dns/route.h"
#include "engine/base/random.h"

namespace sluice::dns {

// Hosts of one domain that we look at, best preference first. Real sets have under 12; a hostile
// one must not make us ask for 500 addresses.
inline constexpr size_t kMxHostsMax = 24;

struct MxSet {
  std::vector<MxHost> hosts;  // by (preference, name); a name twice counts at its best preference
  bool is_null = false;       // the null MX and nothing else
  size_t dropped = 0;         // targets that are no host names, and what exceeds kMxHostsMax
};
MxSet MakeMxSet(const std::vector<Record>& records, uint16_t port);

// `ours[i]`: hosts[i] is this machine. Removes it and all of the same or a worse preference: they
// would only hand the message back. False when nothing is left: we are the best.
bool CutAtOurselves(std::vector<MxHost>& hosts, const std::vector<bool>& ours);

// Hosts of equal preference in random order, so that they share the load (RFC 5321 5.1).
void ShuffleEquals(std::vector<MxHost>& hosts, Random& random);

}  // namespace sluice::dns

#endif  // SLUICE_DNS_MX_SET_H_
