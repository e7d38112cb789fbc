#include "dns/reverse.h"

#include <algorithm>

namespace sluice::dns {

std::string ReversedAddress(const IpAddress& address) {
  std::string out;
  if (address.is_v4()) {
    const uint32_t v4 = address.v4();
    for (int shift = 0; shift < 32; shift += 8)
      out += (out.empty() ? "" : ".") + std::to_string((v4 >> shift) & 0xff);
    return out;
  }
  static constexpr char kHex[] = "0123456789abcdef";
  const auto& bytes = address.bytes();
  for (auto byte = bytes.rbegin(); byte != bytes.rend(); ++byte) {
    for (const int nibble : {*byte & 15, *byte >> 4}) {
      if (!out.empty()) out += '.';
      out += kHex[nibble];
    }
  }
  return out;
}

std::string ReverseName(const IpAddress& address) {
  return ReversedAddress(address) + (address.is_v4() ? ".in-addr.arpa" : ".ip6.arpa");
}

RecordType AddressType(const IpAddress& address) {
  return address.is_v4() ? RecordType::kA : RecordType::kAaaa;
}

bool HoldsAddress(const Fact& fact, const IpAddress& address) {
  return std::ranges::any_of(fact.records,
                             [&](const Record& record) { return record.address == address; });
}

std::optional<ReverseNames> FindReverseNames(Facts& facts, const IpAddress& address) {
  const Fact* ptr = facts.Find(ReverseName(address), RecordType::kPtr);
  if (ptr == nullptr) return std::nullopt;
  ReverseNames out;
  out.failed = ptr->failed();
  out.detail = ptr->detail;
  bool pending = false;
  for (const Record& record : ptr->records) {
    if (out.names.size() == kReverseNamesMax) break;
    const Fact* forward = facts.Find(record.data, AddressType(address));
    pending |= forward == nullptr;
    if (forward == nullptr) continue;
    out.names.push_back(record.data);
    out.confirmed.push_back(HoldsAddress(*forward, address));
    out.unknown |= forward->failed();
  }
  if (pending) return std::nullopt;
  return out;
}

}  // namespace sluice::dns
