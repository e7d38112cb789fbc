// engine/delivery/host_walk.cc — see host_walk.h.

#include "engine/delivery/host_walk.h"

#include <algorithm>
#include <utility>

namespace sluice::engine {

void HostWalk::Next(NextFn done) {
  while (next_ == waiting_.size()) {
    if (host_ == path_.hosts.size()) return done(std::nullopt);
    const dns::MxHost& host = path_.hosts[host_++];
    waiting_.clear();
    next_ = 0;
    if (const auto literal = IpAddress::Parse(host.name)) {
      Add(host, *literal);
      continue;
    }
    auto answered = [weak = std::weak_ptr(self_), &host,
                     done = std::move(done)](const dns::HostAddresses& answer) mutable {
      const auto self = weak.lock();
      if (self == nullptr) return;
      (*self)->Take(host, answer);
      (*self)->Next(std::move(done));
    };
    if (path_.configured) return router_.ConfiguredAddresses(host.name, std::move(answered));
    return router_.Addresses(host.name, std::move(answered));
  }
  const Candidate candidate = waiting_[next_++];
  done(candidate);
}

void HostWalk::Restart() {
  host_ = 0;
  next_ = 0;
  waiting_.clear();
  seen_.clear();
  trouble_.clear();
}

void HostWalk::Take(const dns::MxHost& host, const dns::HostAddresses& answer) {
  if (answer.fault != dns::RouteFault::kNone) trouble_ = answer.detail;
  for (const IpAddress& address : answer.addresses) Add(host, address);
  const bool last = host_ == path_.hosts.size();
  if (!last && waiting_.size() > kAddressesPerHost) waiting_.resize(kAddressesPerHost);
}

void HostWalk::Add(const dns::MxHost& host, const IpAddress& address) {
  const bool not_ours = path_.address.has_value() && path_.address->is_v4() != address.is_v4();
  other_family_ |= not_ours;
  const bool other = not_ours || (family_ == config::IpFamily::kIpv4 && !address.is_v4()) ||
                     (family_ == config::IpFamily::kIpv6 && address.is_v4());
  if (other) {
    if (trouble_.empty())
      trouble_ = host.name + " has no address of the family that the source and ip_family allow";
    return;
  }
  const Endpoint endpoint{address, host.port};
  if (std::find(seen_.begin(), seen_.end(), endpoint) != seen_.end()) return;
  seen_.push_back(endpoint);
  waiting_.push_back({host.name, endpoint});
}

}  // namespace sluice::engine
