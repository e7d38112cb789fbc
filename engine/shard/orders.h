// engine/shard/orders.h — what operators have ordered, as one shard knows it.
//
// PURPOSE   Answers in the way of a message: does an order cancel this recipient, or pause this path
//           or lane? Each shard has a copy of all orders; who gives and
//           keeps them is order_book.h.
// NOT HERE  What waits already when an order comes (order_sweeper.h), the rows (queue/orders.cc).
// LIMITS    queue::kMaxOrders. Nothing is looked up while no order of a kind is there.
// THREADS   Confined to its shard.

#ifndef SLUICE_ENGINE_SHARD_ORDERS_H_
#define SLUICE_ENGINE_SHARD_ORDERS_H_

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "config/rate.h"
#include "engine/shard/lane.h"
#include "queue/records.h"

namespace sluice::engine {

// Is it about this recipient? Cancel and retry mean what was accepted before they were given.
bool Concerns(const queue::Order& order, const queue::Message& message, std::string_view address);
// Can it be about recipients of this lane? Not for kMessage, whose lanes the queue knows.
bool MayConcern(const queue::Order& order, const LaneName& lane);

// "pause", "cancel", ...
std::string_view NameOf(queue::OrderKind kind);
// "tenant", "campaign", ...
std::string_view NameOf(queue::OrderScope scope);
// `campaign "spring" of tenant "crm"`
std::string TargetOf(const queue::Order& order);

// `tenant "crm" is paused (order 3): why`
std::string WhyPaused(const queue::Order& order);

// A rate in place of the shaping file's.
struct RateOrder {
  queue::Order order;
  config::Rate rate;
};

class Orders {
 public:
  // New, or in place of what it was.
  void Put(const queue::Order& order);
  void Drop(uint64_t id);

  // Until when nothing may go from `source` to the site (of the provider, empty: of none); the
  // past: it may; max: until it is resumed. Then `why`, unless null, says who wants it so.
  WallTime PathUntil(std::string_view source, std::string_view site, std::string_view provider,
                     std::string* why) const {
    return paths_.empty() ? WallTime{} : FindPath(source, site, provider, why);
  }
  // The rate of messages that was ordered last from `source` to the site; null: none was.
  const RateOrder* RateOf(std::string_view source, std::string_view site,
                          std::string_view provider) const {
    return rates_.empty() ? nullptr : FindRate(source, site, provider);
  }
  // The pause of its tenant or campaign that keeps the lane longest; null: none does.
  const queue::Order* PauseOf(const LaneName& lane) const {
    return pauses_.empty() ? nullptr : FindPause(lane);
  }
  // Is some pause of just this tenant or campaign in force?
  bool Pauses(queue::OrderScope scope, std::string_view tenant, std::string_view name) const;
  // Until when pauses, those that are over among them, have kept back this mail (a pause of one
  // source does not count: others go on). Zero: none did.
  WallTime HeldUntil(const queue::Message& message, std::string_view address, std::string_view site,
                     std::string_view provider, WallTime now) const;
  // The order that cancels it; null: none does.
  const queue::Order* CancelOf(const queue::Message& message, std::string_view address) const {
    return cancels_.empty() ? nullptr : FindCancel(message, address);
  }
  // Mail that is sent to another pool, in the order of the orders.
  const std::map<uint64_t, queue::Order>& reroutes() const { return reroutes_; }

 private:
  const RateOrder* FindRate(std::string_view source, std::string_view site,
                            std::string_view provider) const;
  const queue::Order* FindPause(const LaneName& lane) const;
  const queue::Order* FindCancel(const queue::Message& message, std::string_view address) const;
  WallTime FindPath(std::string_view source, std::string_view site, std::string_view provider,
                    std::string* why) const;

  std::map<uint64_t, queue::Order> cancels_;
  std::map<uint64_t, queue::Order> pauses_;
  std::map<uint64_t, RateOrder> rates_;
  std::map<uint64_t, queue::Order> reroutes_;
  std::map<uint64_t, queue::Order> paths_;  // pauses of sites, providers, sources, paths
  std::map<uint64_t, queue::Order> over_;   // pauses that have ended, as long as that matters
};

}  // namespace sluice::engine

#endif  // SLUICE_ENGINE_SHARD_ORDERS_H_
