// What operators have ordered: a small table beside the messages.

#include <algorithm>

#include "engine/base/check.h"
#include "queue/keys.h"
#include "queue/store.h"

namespace sluice::queue {

void Store::ApplyOrders(Txn& txn, const Transaction& transaction) {
  for (const Order& order : transaction.orders) {
    CHECK(order.id > 0);
    EncodeOrder(order, record_);
    CHECK(record_.size() <= kMaxRecord);
    txn.Put(Table::kOrder, OrderKey(order.id).view(), record_);
    group_.state.last_order = std::max(group_.state.last_order, order.id);
  }
  for (const uint64_t id : transaction.orders_gone) txn.Delete(Table::kOrder, OrderKey(id).view());
}

Result<std::vector<Order>> Store::Orders() {
  Txn txn(*env_, Txn::Mode::kRead);
  std::vector<Order> out;
  {
    Cursor row(txn, Table::kOrder);
    for (bool more = row.First(); more && out.size() < kMaxOrders; more = row.Next()) {
      Order order;
      bool known = false;
      if (DecodeOrder(row.value(), OrderIdOf(row.key()), order, known) && known)
        out.push_back(std::move(order));
    }
  }
  if (txn.failed()) return std::unexpected(txn.status().error());
  return out;
}

}  // namespace sluice::queue
