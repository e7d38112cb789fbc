// engine/runtime/queue_groups.h — `sluice queues --by`: what waits, added up by one property.
//
// PURPOSE   Site, tenant, campaign, provider or reason of every lane; of a source, what is open.
//           Each group has the reason of its fullest lane.
// LIMITS    kShown groups, the fullest first.
// THREADS   Lives on shard 0.

#ifndef SLUICE_ENGINE_RUNTIME_QUEUE_GROUPS_H_
#define SLUICE_ENGINE_RUNTIME_QUEUE_GROUPS_H_

#include <utility>
#include <vector>

#include "engine/control/control_server.h"
#include "engine/runtime/shard_runtime.h"

namespace sluice::engine {

class QueueGroups {
 public:
  static constexpr size_t kShown = 1'000;

  // All shards by number; they outlive this.
  explicit QueueGroups(std::vector<ShardRuntime*> shards) : shards_(std::move(shards)) {}
  void Register(ControlServer& server);

 private:
  void Show(const ControlRequest& request, const ControlDone& done);

  const std::vector<ShardRuntime*> shards_;
};

}  // namespace sluice::engine

#endif  // SLUICE_ENGINE_RUNTIME_QUEUE_GROUPS_H_
