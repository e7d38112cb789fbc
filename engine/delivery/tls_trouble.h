// engine/delivery/tls_trouble.h — recipient domains whose own TLS policy no host of their site met,
// for a while.
//
// PURPOSE   The site cannot be suspended for it: other domains with the same hosts are not
//           concerned. Instead the domain's next recipients are answered with what the last round
//           found, without a connection each.
// LIMITS    kEntriesMax; when full the oldest entry goes.
// THREADS   Confined to its shard.

#ifndef SLUICE_ENGINE_DELIVERY_TLS_TROUBLE_H_
#define SLUICE_ENGINE_DELIVERY_TLS_TROUBLE_H_

#include <deque>
#include <map>
#include <string>
#include <utility>

#include "engine/base/check.h"
#include "engine/base/time.h"
#include "engine/delivery/job.h"

namespace sluice::engine {

class TlsTrouble {
 public:
  static constexpr size_t kEntriesMax = 10'000;
  // Shorter than the first gap of any sensible schedule: the next try is a real one.
  static constexpr Duration kKeep = std::chrono::minutes(2);

  void Remember(const std::string& site, const std::string& domain, const RoundFailure& failure,
                Instant now) {
    const auto [at, fresh] = failures_.try_emplace({site, domain}, failure);
    if (!fresh) return;
    order_.emplace_back(at, now + kKeep);
    if (order_.size() > kEntriesMax) DropOldest();
  }

  // Null when nothing is known. Valid until the next call.
  const RoundFailure* Find(const std::string& site, const std::string& domain, Instant now) {
    while (!order_.empty() && order_.front().second <= now) DropOldest();
    const auto found = failures_.find({site, domain});
    return found == failures_.end() ? nullptr : &found->second;
  }

 private:
  using Failures = std::map<std::pair<std::string, std::string>, RoundFailure>;

  void DropOldest() {
    failures_.erase(order_.front().first);
    order_.pop_front();
  }

  Failures failures_;
  std::deque<std::pair<Failures::iterator, Instant>>
      order_;  // every entry, soonest to expire first
};

}  // namespace sluice::engine

#endif  // SLUICE_ENGINE_DELIVERY_TLS_TROUBLE_H_
