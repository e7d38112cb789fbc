#include "engine/shard/order_book.h"

#include <algorithm>
#include <utility>

#include "engine/base/check.h"
#include "engine/base/counted.h"
#include "engine/log/log.h"

namespace sluice::engine {
namespace {

using queue::Order;
using queue::OrderKind;
using queue::OrderScope;

// `what`: the verb of docs/events.md; `by` whom, empty: by itself.
queue::Event EventOf(const Order& order, std::string_view what, const std::string& by,
                     WallTime now) {
  queue::Event event;
  event.type = queue::EventType::kOrder;
  event.time = now;
  event.user = by;
  event.reason = what;
  switch (order.scope) {
    case OrderScope::kTenant:
      event.tenant = order.name;
      break;
    case OrderScope::kCampaign:
      event.tenant = order.tenant;
      event.campaign = order.name;
      break;
    case OrderScope::kRecipient:
      event.recipient = order.name;
      break;
    case OrderScope::kSite:
      event.site = order.name;
      break;
    case OrderScope::kSource:
    case OrderScope::kPath:
      event.source = order.scope == OrderScope::kSource ? order.name : order.source;
      break;
    case OrderScope::kDomain:
    case OrderScope::kMessage:
    case OrderScope::kProvider:
      break;
  }
  event.text = "order " + std::to_string(order.id) + ": " + std::string(NameOf(order.kind)) + " " +
               TargetOf(order);
  if (!order.value.empty()) event.text += ": " + order.value;
  if (!order.why.empty()) event.text += " (" + order.why + ")";
  event.text.resize(std::min(event.text.size(), queue::kMaxReplyText));
  return event;
}

}  // namespace

OrderBook::OrderBook(std::vector<Shard*> shards)
    : shards_(std::move(shards)), timer_(home().context().timers, [this] { OnTimer(); }) {}

void OrderBook::Load(queue::Queue& queue) {
  last_id_ = queue.totals().last_order;
  auto kept = queue.Orders();
  if (!kept) return LogError("orders", kept.error().what);
  for (Order& order : *kept) {
    for (Shard* shard : shards_) shard->PutOrder(order);
    last_id_ = std::max(last_id_, order.id);
    Row& row = rows_[order.id];
    row.waiting = IsSweep(order) && order.ended == WallTime{};
    row.settled = order.count;
    row.order = std::move(order);
  }
  SetTimer();
}

void OrderBook::OnRecovered() {
  recovered_ = true;
  for (auto& [id, row] : rows_)
    if (std::exchange(row.waiting, false)) Begin(row);
}

// What is done makes room.
Status OrderBook::MakeRoom() {
  if (rows_.size() < queue::kMaxOrders) return {};
  const auto done = std::ranges::find_if(
      rows_, [](const auto& row) { return row.second.order.ended != WallTime{}; });
  if (done == rows_.end())
    return Fail(ErrorCode::kFull, "there are " + std::to_string(queue::kMaxOrders) +
                                      " orders: end some first (`sluice orders`)");
  Remove(done->first, {}, [](const Status&) {});
  return {};
}

void OrderBook::Give(Order order, GivenFn done) {
  if (const Status room = MakeRoom(); !room) return done(std::unexpected(room.error()));
  order.id = ++last_id_;
  order.given = Wall();
  queue::Transaction transaction;
  transaction.orders.push_back(order);
  queue::Event& event =
      transaction.events.emplace_back(EventOf(order, NameOf(order.kind), order.by, order.given));
  if (order.until != WallTime::max()) event.next_due = order.until;
  home().links().Submit(
      std::move(transaction), true,
      [this, order = std::move(order), done = std::move(done)](const queue::Committed& committed) {
        if (!committed.status) return done(std::unexpected(committed.status.error()));
        Row& row = rows_[order.id];
        row.order = order;
        row.waiting = IsSweep(order) && !recovered_;
        Spread(order);
        if (IsSweep(order) && recovered_) Begin(row);
        SetTimer();
        done(order);
      });
}

void OrderBook::Spread(const Order& order) {
  for (uint32_t i = 0; i < shards_.size(); ++i)
    home().out().Send(i, [shard = shards_[i], order] { shard->PutOrder(order); });
}

// Behind Spread, so that nothing comes between.
void OrderBook::Begin(Row& row) {
  row.sweeping = shards_.size();
  for (uint32_t i = 0; i < shards_.size(); ++i) {
    home().out().Send(i, [this, shard = shards_[i], order = row.order] {
      shard->sweeper().Sweep(order, [this, shard, id = order.id](uint64_t settled, bool done) {
        shard->out().Send(0, [this, id, settled, done] { OnSwept(id, settled, done); });
      });
    });
  }
}

void OrderBook::OnSwept(uint64_t id, uint64_t settled, bool done) {
  const auto it = rows_.find(id);
  if (it == rows_.end()) return;
  Row& row = it->second;
  row.settled += settled;
  if (!done) return;
  CHECK(row.sweeping > 0);
  if (--row.sweeping == 0) OnDone(row);
}

void OrderBook::OnDone(Row& row) {
  Order& order = row.order;
  if (row.closing && row.settled == order.count) return Remove(order.id, {}, [](const Status&) {});
  order.ended = Wall();
  order.count = row.settled;
  queue::Transaction transaction;
  transaction.orders.push_back(order);
  queue::Event& event = transaction.events.emplace_back(EventOf(order, "done", "", order.ended));
  event.size = order.count;
  home().links().Submit(std::move(transaction), false, {});
  LogInfo("orders", event.text + ": " + Counted(order.count, "recipient"));
  SetTimer();
}

void OrderBook::TakeBack(uint64_t id, const std::string& by, std::function<void(Status)> done) {
  const auto it = rows_.find(id);
  if (it == rows_.end())
    return done(Fail(ErrorCode::kNotFound, "there is no order " + std::to_string(id)));
  Row& row = it->second;
  const bool over = row.order.ended != WallTime{};
  if (IsSweep(row.order) || over)
    return done(Fail(ErrorCode::kNotFound, "order " + std::to_string(id) + " (" +
                                               std::string(NameOf(row.order.kind)) +
                                               (over ? ") is over" : ") is under way")));
  End(row, "taken_back", by, std::move(done));
}

// A pause that is over stays for as long as what it held may wait: that is not late.
void OrderBook::End(Row& row, std::string_view what, const std::string& by,
                    std::function<void(Status)> done) {
  queue::Transaction transaction;
  transaction.events.push_back(EventOf(row.order, what, by, Wall()));
  if (row.order.kind != OrderKind::kPause)
    return Remove(row.order.id, std::move(transaction), std::move(done));
  row.order.ended = Wall();
  transaction.orders.push_back(row.order);
  SetTimer();
  home().links().Submit(
      std::move(transaction), true,
      [this, order = row.order, done = std::move(done)](const queue::Committed& committed) {
        Spread(order);
        done(committed.status);
      });
}

void OrderBook::Remove(uint64_t id, queue::Transaction transaction,
                       std::function<void(Status)> done) {
  transaction.orders_gone.push_back(id);
  rows_.erase(id);
  SetTimer();
  home().links().Submit(std::move(transaction), true,
                        [this, id, done = std::move(done)](const queue::Committed& committed) {
                          // Should it not be durable, a restart brings the order back.
                          for (uint32_t i = 0; i < shards_.size(); ++i)
                            home().out().Send(i,
                                              [shard = shards_[i], id] { shard->DropOrder(id); });
                          done(committed.status);
                        });
}

WallTime OrderBook::EndOf(const Row& row) {
  const bool over = row.order.ended != WallTime{};
  if (!over && !IsSweep(row.order)) return row.order.until;
  if (!over || row.sweeping > 0 || row.waiting) return WallTime::max();
  if (IsSweep(row.order)) return row.order.ended + kDoneKept;
  return row.order.ended + home().context().config->retry.max_age;
}

void OrderBook::SetTimer() {
  WallTime first = WallTime::max();
  for (const auto& [id, row] : rows_) first = std::min(first, EndOf(row));
  if (first == WallTime::max()) return timer_.Cancel();
  timer_.Set(home().context().clock.Now() + std::max(Duration(0), first - Wall()));
}

void OrderBook::OnTimer() {
  const WallTime now = Wall();
  std::vector<uint64_t> over;
  for (const auto& [id, row] : rows_)
    if (EndOf(row) <= now) over.push_back(id);
  for (const uint64_t id : over) {
    Row& row = rows_.at(id);
    if (row.order.kind == OrderKind::kCancel && !std::exchange(row.closing, true)) {
      row.waiting = !recovered_;
      if (recovered_) Begin(row);
    } else if (row.order.ended != WallTime{}) {
      Remove(id, {}, [](const Status&) {});
    } else {
      End(row, "over", "", [](const Status&) {});
    }
  }
  SetTimer();
}

}  // namespace sluice::engine
