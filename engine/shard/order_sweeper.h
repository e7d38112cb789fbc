// engine/shard/order_sweeper.h — carries out an order on what waits already: cancels it, or makes
// it due now.
//
// PURPOSE   Goes through the lanes of its shard that an order may concern: first what is in memory,
//           then the lane's rows on disk, page by page. What the order means is taken out of its
//           lane, as if in flight, and settled: cancelled or made due, one small change each.
// NOT HERE  What is in flight, or comes later (Recorder and Scheduler ask orders.h).
// FLOW      Sweep -> a pass over the lanes -> ... until a pass finds nothing (cancel) -> done.
// LIMITS    One order at a time. kOpenMax changes and questions under way, kWalksMax lanes at once,
//           kSlots lanes looked at in a turn: nobody else waits long, for the loop, the reader or
//           the writer.
// THREADS   Confined to its shard.

#ifndef SLUICE_ENGINE_SHARD_ORDER_SWEEPER_H_
#define SLUICE_ENGINE_SHARD_ORDER_SWEEPER_H_

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "engine/base/timer_queue.h"
#include "engine/shard/scheduler.h"

namespace sluice::engine {

class OrderSweeper {
 public:
  static constexpr size_t kOpenMax = 1'000;
  static constexpr size_t kWalksMax = 16;
  static constexpr uint32_t kSlots = 5'000;
  // Rows of a page; more where most of them are not even read.
  static constexpr size_t kPage = 500;
  static constexpr size_t kPageOfKeys = 20'000;
  // Recipients after which progress is told.
  static constexpr uint64_t kTellEvery = 1'000;

  // `settled`: recipients since it was told last. `done`: this shard is through.
  using ToldFn = std::function<void(uint64_t settled, bool done)>;

  // All outlive this.
  OrderSweeper(ShardContext& shard, Scheduler& scheduler, Links& links,
               std::function<bool(std::string_view domain)> owns);

  void Sweep(const queue::Order& order, ToldFn told);

 private:
  static constexpr Duration kPause{1'000};
  static constexpr Duration kRetry{1'000'000};
  struct Errand {
    std::shared_ptr<const queue::Order> order;
    ToldFn told;
  };
  struct Walk {
    LaneHandle lane;
    queue::Queue::DuePlace from;
  };

  void BeginPass();
  void FindLanesOfMessage(uint32_t from);
  void Step();
  void LookAtSlots();
  void Work(LaneHandle handle);
  void ReadPage(const Walk& walk);
  void OnPage(LaneHandle handle, Result<queue::Queue::Search> page);
  void Settle(LaneHandle handle, Waiting waiting);
  void EndPass();
  bool Busy() const { return links_.open() >= kOpenMax; }
  bool MayEnd() const;
  void Soon(Duration in) { timer_.Set(shard_.clock.Now() + in); }

  ShardContext& shard_;
  Scheduler& scheduler_;
  Links& links_;
  const std::function<bool(std::string_view)> owns_;
  Timer timer_;
  std::deque<Errand> errands_;  // the first is under way
  // Of the pass.
  WallTime began_{};
  uint32_t slot_ = 0;
  std::deque<LaneHandle> lanes_;  // to be worked on
  std::deque<Walk> walks_;        // to be read on
  size_t walking_ = 0;            // lanes held
  size_t asking_ = 0;             // pages, and lanes of a message, that are asked for
  uint64_t settled_ = 0;
  uint64_t told_ = 0;
  bool failed_ = false;  // something could not be read
  bool again_ = false;   // something was on its way out of memory
};

}  // namespace sluice::engine

#endif  // SLUICE_ENGINE_SHARD_ORDER_SWEEPER_H_
