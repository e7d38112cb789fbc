#include "engine/submission/login_guard.h"

#include <algorithm>
#include <array>

namespace sluice::engine {

IpAddress ClientOf(const IpAddress& peer) {
  if (peer.is_v4()) return peer;
  std::array<uint8_t, 16> bytes = peer.bytes();
  std::fill(bytes.begin() + 8, bytes.end(), uint8_t{0});
  return IpAddress::V6(bytes);
}

// Failures of the last kWindow.
size_t LoginGuard::Count(const Entry& entry, Instant now) {
  const auto recent = std::upper_bound(entry.failures.begin(), entry.failures.end(), now - kWindow);
  return size_t(entry.failures.end() - recent);
}

LoginGuard::Advice LoginGuard::Ask(const IpAddress& peer, Instant now) const {
  const auto found = entries_.find(ClientOf(peer));
  if (found == entries_.end()) return Advice::kGo;
  const size_t count = Count(found->second, now);
  if (count > kStopAfter) return Advice::kStop;
  return count > kSlowAfter ? Advice::kSlow : Advice::kGo;
}

void LoginGuard::Failed(const IpAddress& peer, Instant now) {
  const IpAddress client = ClientOf(peer);
  const auto [found, fresh] = entries_.try_emplace(client);
  Entry& entry = found->second;
  if (fresh)
    entry.place = order_.insert(order_.end(), client);
  else
    order_.splice(order_.end(), order_, entry.place);
  if (entry.failures.size() > kStopAfter) entry.failures.erase(entry.failures.begin());
  entry.failures.push_back(now);
  if (entries_.size() > kAddressesMax) {
    entries_.erase(order_.front());
    order_.pop_front();
  }
}

void LoginGuard::Succeeded(const IpAddress& peer) {
  const auto found = entries_.find(ClientOf(peer));
  if (found == entries_.end()) return;
  order_.erase(found->second.place);
  entries_.erase(found);
}

}  // namespace sluice::engine
