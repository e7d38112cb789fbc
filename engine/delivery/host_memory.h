// engine/delivery/host_memory.h — hosts that offer an extension and cannot do it, for a while.
//
// PURPOSE   A host that offers STARTTLS and then refuses, garbles or stalls it costs a whole failed
//           session each time; it is spoken to in clear until its entry expires (protocol.md 15).
//           One that offers PIPELINING or CHUNKING and loses commands would never get a message at
//           all: it is spoken to one command at a time.
// LIMITS    kEntriesMax; when full the oldest entry goes.
// THREADS   Confined to its shard.

#ifndef SLUICE_ENGINE_DELIVERY_HOST_MEMORY_H_
#define SLUICE_ENGINE_DELIVERY_HOST_MEMORY_H_

#include <deque>
#include <map>
#include <utility>

#include "engine/base/check.h"
#include "engine/base/ip_address.h"
#include "engine/base/time.h"

namespace sluice::engine {

class HostMemory {
 public:
  // Addresses remembered. 10,000 broken receivers at once would be the whole of the Internet's.
  static constexpr size_t kEntriesMax = 10'000;
  // Long enough to spare a campaign the failures, short enough that a repaired host is soon found.
  static constexpr Duration kKeep = std::chrono::hours(1);

  void Remember(const Endpoint& host, Instant now) {
    if (!until_.emplace(host, now + kKeep).second) return;
    order_.emplace_back(host, now + kKeep);
    if (order_.size() > kEntriesMax) DropOldest();
  }

  bool IsBroken(const Endpoint& host, Instant now) {
    while (!order_.empty() && order_.front().second <= now) DropOldest();
    return until_.contains(host);
  }

  size_t size() const { return order_.size(); }

 private:
  // Every entry is in both, so the front of order_ is the first to expire.
  void DropOldest() {
    CHECK(until_.erase(order_.front().first) == 1);
    order_.pop_front();
  }

  std::map<Endpoint, Instant> until_;
  std::deque<std::pair<Endpoint, Instant>> order_;
};

}  // namespace sluice::engine

#endif  // SLUICE_ENGINE_DELIVERY_HOST_MEMORY_H_
