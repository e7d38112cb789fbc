// engine/runtime/warmup_commands.h — `sluice warmup`: how far new sources are, and what operators
// want of them.
//
// PURPOSE   Asks every shard for the paths it owns; pauses, resumes and resets them there, with an
//           event for each (warmup_owner.cc).
// THREADS   Lives on shard 0.

#ifndef SLUICE_ENGINE_RUNTIME_WARMUP_COMMANDS_H_
#define SLUICE_ENGINE_RUNTIME_WARMUP_COMMANDS_H_

#include <vector>

#include "engine/control/control_server.h"
#include "engine/runtime/shard_runtime.h"

namespace sluice::engine {

class WarmupCommands {
 public:
  // All shards by number; they outlive this.
  explicit WarmupCommands(std::vector<ShardRuntime*> shards) : shards_(std::move(shards)) {}
  void Register(ControlServer& server);

 private:
  void List(const ControlDone& done);
  void Order(const ControlRequest& request, const ControlDone& done);

  const std::vector<ShardRuntime*> shards_;
};

}  // namespace sluice::engine

#endif  // SLUICE_ENGINE_RUNTIME_WARMUP_COMMANDS_H_
