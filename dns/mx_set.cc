#include "dns/mx_set.h"

#include <algorithm>
#include <span>
#include <tuple>

#include "dns/domain.h"
#include "engine/base/check.h"

namespace sluice::dns {

MxSet MakeMxSet(const std::vector<Record>& records, uint16_t port) {
  MxSet set;
  bool has_null = false;
  for (const Record& record : records) {
    CHECK(record.type == RecordType::kMx);
    if (record.data.empty()) {
      has_null = true;  // beside real ones it is a mistake of theirs: not counted
    } else if (!IsHostName(record.data)) {
      ++set.dropped;
    } else {
      set.hosts.push_back({record.data, record.preference, port});
    }
  }
  set.is_null = has_null && set.hosts.empty() && set.dropped == 0;
  std::sort(set.hosts.begin(), set.hosts.end(), [](const MxHost& a, const MxHost& b) {
    return std::tie(a.preference, a.name) < std::tie(b.preference, b.name);
  });
  std::vector<MxHost> unique;
  for (MxHost& host : set.hosts) {
    const bool is_known = std::any_of(unique.begin(), unique.end(),
                                      [&](const MxHost& u) { return u.name == host.name; });
    if (is_known) continue;
    if (unique.size() == kMxHostsMax) {
      ++set.dropped;
      continue;
    }
    unique.push_back(std::move(host));
  }
  set.hosts = std::move(unique);
  return set;
}

bool CutAtOurselves(std::vector<MxHost>& hosts, const std::vector<bool>& ours) {
  CHECK(hosts.size() == ours.size());
  for (size_t i = 0; i < hosts.size(); ++i) {
    if (!ours[i]) continue;
    const uint16_t preference = hosts[i].preference;
    std::erase_if(hosts, [&](const MxHost& host) { return host.preference >= preference; });
    break;  // in ascending order the first of ours cuts the most
  }
  return !hosts.empty();
}

void ShuffleEquals(std::vector<MxHost>& hosts, Random& random) {
  for (size_t begin = 0; begin < hosts.size();) {
    size_t end = begin + 1;
    while (end < hosts.size() && hosts[end].preference == hosts[begin].preference) ++end;
    std::span<MxHost> equals(&hosts[begin], end - begin);
    random.Shuffle(equals);
    begin = end;
  }
}

}  // namespace sluice::dns
