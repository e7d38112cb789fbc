// engine/submission/login_guard.h — counts failed logins per address; slows, then stops guessing.
//
// PURPOSE   Over kSlowAfter failures within kWindow an address waits kDelay before each try; over
//           kStopAfter its tries are answered 421. A success clears the count (design part 10).
// LIMITS    kAddressesMax addresses are remembered; beyond that the oldest is forgotten. IPv6
//           counts by /64.

#ifndef SLUICE_ENGINE_SUBMISSION_LOGIN_GUARD_H_
#define SLUICE_ENGINE_SUBMISSION_LOGIN_GUARD_H_

#include <cstddef>
#include <cstdint>
#include <list>
#include <map>
#include <vector>

#include "engine/base/ip_address.h"
#include "engine/base/time.h"

namespace sluice::engine {

// The address itself, or the /64 network of an IPv6 one: what one client can hold alone.
IpAddress ClientOf(const IpAddress& peer);

class LoginGuard {
 public:
  static constexpr size_t kSlowAfter = 10;
  static constexpr size_t kStopAfter = 20;
  static constexpr Duration kWindow = std::chrono::seconds(60);
  static constexpr Duration kDelay = std::chrono::seconds(1);
  static constexpr size_t kAddressesMax = 65'536;

  enum class Advice : uint8_t { kGo, kSlow, kStop };

  Advice Ask(const IpAddress& peer, Instant now) const;
  void Failed(const IpAddress& peer, Instant now);
  void Succeeded(const IpAddress& peer);
  size_t size() const { return entries_.size(); }

 private:
  struct Entry {
    std::vector<Instant> failures;  // the latest kStopAfter + 1, oldest first
    std::list<IpAddress>::iterator place;
  };
  static size_t Count(const Entry& entry, Instant now);

  std::map<IpAddress, Entry> entries_;
  std::list<IpAddress> order_;  // latest failure last
};

}  // namespace sluice::engine

#endif  // SLUICE_ENGINE_SUBMISSION_LOGIN_GUARD_H_
