// engine/runtime/order_commands.h — orders over the control socket: given, listed, taken back.
//
// PURPOSE   Finds out whether there is what an order is about, so that a misspelt name is told and
//           not waited for, and hands it to the order book.
// LIMITS    kNamesLooked different names are remembered for "did you mean".
// THREADS   Lives on shard 0.

#ifndef SLUICE_ENGINE_RUNTIME_ORDER_COMMANDS_H_
#define SLUICE_ENGINE_RUNTIME_ORDER_COMMANDS_H_

#include <memory>
#include <string>
#include <vector>

#include "engine/control/control_server.h"
#include "engine/runtime/shard_runtime.h"
#include "engine/shard/order_book.h"

namespace sluice::engine {

class OrderCommands {
 public:
  static constexpr size_t kNamesLooked = 10'000;

  // All shards by number; they and `book` outlive this.
  OrderCommands(std::vector<ShardRuntime*> shards, OrderBook& book)
      : shards_(std::move(shards)), book_(book) {}
  void Register(ControlServer& server);

 private:
  void Order(const ControlRequest& request, const ControlDone& done);
  void OrderMessage(queue::Order order, const ControlDone& done);
  void OrderWaiting(queue::Order order, const ControlDone& done);
  void OrderPaths(queue::Order order, const ControlDone& done);
  void Resume(const ControlRequest& request, const ControlDone& done);
  void EndAll(const std::vector<uint64_t>& ids, const std::string& by, const ControlDone& done);
  void Give(queue::Order order, const ControlDone& done);
  void List(const ControlDone& done);
  const std::shared_ptr<const config::Config>& Config() const {
    return shards_.front()->shard().context().config;
  }
  WallTime Wall() const { return shards_.front()->loop().clock().Wall(); }

  const std::vector<ShardRuntime*> shards_;
  OrderBook& book_;
};

}  // namespace sluice::engine

#endif  // SLUICE_ENGINE_RUNTIME_ORDER_COMMANDS_H_
