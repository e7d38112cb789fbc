// tests/sim/connection_watch.h — connections as receivers count them, by who makes them.
//
// PURPOSE   Promise 3 from the other side: a connection counts from its acceptance until the
//           receiver has closed it or has seen its end. One watch a site, shared by its hosts.
// LIFETIME  Outlives the receivers that count in it.

#ifndef SLUICE_TESTS_SIM_CONNECTION_WATCH_H_
#define SLUICE_TESTS_SIM_CONNECTION_WATCH_H_

#include <algorithm>
#include <cstdint>
#include <map>
#include <utility>

#include "engine/base/check.h"
#include "engine/base/ip_address.h"

namespace sluice::sim {

class ConnectionWatch {
 public:
  struct Ticket {
    IpAddress source;
    uint32_t life = 0;  // 0: ended, or never begun
  };

  Ticket Begin(const IpAddress& source) {
    uint32_t& open = open_[source];
    most_ = std::max(most_, ++open);
    return {source, life_};
  }
  void End(Ticket& ticket) {
    if (std::exchange(ticket.life, 0) != life_) return;
    uint32_t& open = open_.at(ticket.source);
    CHECK(open > 0);
    --open;
  }
  // The sender's process died: what it left open is nobody's fault.
  void ForgiveOpen() {
    open_.clear();
    ++life_;
  }

  uint32_t most() const { return most_; }  // at once, of one source
  // Looks for the most anew.
  void ForgetMost() {
    most_ = 0;
    for (const auto& [source, open] : open_) most_ = std::max(most_, open);
  }

 private:
  std::map<IpAddress, uint32_t> open_;
  uint32_t life_ = 1;
  uint32_t most_ = 0;
};

}  // namespace sluice::sim

#endif  // SLUICE_TESTS_SIM_CONNECTION_WATCH_H_
