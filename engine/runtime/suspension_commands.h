// engine/runtime/suspension_commands.h — control commands about what is suspended or slowed down.
//
// PURPOSE   "suspensions" lists them with their causes, "lift" ends one. What receivers answer next
//           may bring it back.
// LIMITS    kShown of them, those that end soonest.
// THREADS   The loop of shard 0; asks all shards.

#ifndef SLUICE_ENGINE_RUNTIME_SUSPENSION_COMMANDS_H_
#define SLUICE_ENGINE_RUNTIME_SUSPENSION_COMMANDS_H_

#include <cstddef>
#include <utility>
#include <vector>

#include "engine/control/control_server.h"
#include "engine/runtime/shard_runtime.h"

namespace sluice::engine {

class SuspensionCommands {
 public:
  static constexpr size_t kShown = 1'000;

  // All shards by number; they outlive this.
  explicit SuspensionCommands(std::vector<ShardRuntime*> shards) : shards_(std::move(shards)) {}

  void Register(ControlServer& server);

 private:
  void List(const ControlDone& done);
  void Lift(const ControlRequest& request, const ControlDone& done);

  const std::vector<ShardRuntime*> shards_;
};

}  // namespace sluice::engine

#endif  // SLUICE_ENGINE_RUNTIME_SUSPENSION_COMMANDS_H_
