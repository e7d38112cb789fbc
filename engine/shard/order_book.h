// engine/shard/order_book.h — gives out what operators order, keeps it over restarts, ends it.
//
// PURPOSE   An order is durable, with the event that tells of it, before anybody acts on it; then
//           every shard gets it (orders.h). A cancel or retry is carried out by all shards
//           (order_sweeper.h) and is done when all are through. What has a time ends by itself.
// FLOW      Give -> commit -> all shards -> (sweeps) -> TakeBack, or its time -> commit -> gone.
// LIMITS    queue::kMaxOrders; what is done goes first.
// THREADS   Lives on the first shard; Load before the loops run.

#ifndef SLUICE_ENGINE_SHARD_ORDER_BOOK_H_
#define SLUICE_ENGINE_SHARD_ORDER_BOOK_H_

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "engine/base/timer_queue.h"
#include "engine/shard/shard.h"

namespace sluice::engine {

class OrderBook {
 public:
  // A cancel or retry that is done is shown for this long. So long a cancel also catches what was
  // in flight when it was given; a last look at what waits ends it.
  static constexpr Duration kDoneKept = std::chrono::minutes(15);

  struct Row {
    queue::Order order;
    uint64_t settled = 0;  // recipients, so far
    size_t sweeping = 0;   // shards that are not through
    bool waiting = false;  // for the recovery
    bool closing = false;  // the last look
  };
  using GivenFn = std::function<void(Result<queue::Order>)>;

  // All shards by number; they outlive this.
  explicit OrderBook(std::vector<Shard*> shards);
  void Load(queue::Queue& queue);
  // Everything that earlier runs left is in its lane now.
  void OnRecovered();

  // `order` without id and time. `done` hears of it when it is durable; its effects follow.
  void Give(queue::Order order, GivenFn done);
  // Ends it before its time; `by` whom. kNotFound: there is no such order, or it is over.
  void TakeBack(uint64_t id, const std::string& by, std::function<void(Status)> done);

  const std::map<uint64_t, Row>& rows() const { return rows_; }

 private:
  static bool IsSweep(const queue::Order& order) {
    return order.kind == queue::OrderKind::kCancel || order.kind == queue::OrderKind::kRetry;
  }
  Status MakeRoom();
  WallTime EndOf(const Row& row);
  void End(Row& row, std::string_view what, const std::string& by,
           std::function<void(Status)> done);
  void Spread(const queue::Order& order);
  void Begin(Row& row);
  void OnSwept(uint64_t id, uint64_t settled, bool done);
  void OnDone(Row& row);
  void Remove(uint64_t id, queue::Transaction transaction, std::function<void(Status)> done);
  void OnTimer();
  void SetTimer();
  Shard& home() { return *shards_.front(); }
  WallTime Wall() { return home().context().clock.Wall(); }

  const std::vector<Shard*> shards_;
  std::map<uint64_t, Row> rows_;
  uint64_t last_id_ = 0;
  bool recovered_ = false;
  Timer timer_;
};

}  // namespace sluice::engine

#endif  // SLUICE_ENGINE_SHARD_ORDER_BOOK_H_
