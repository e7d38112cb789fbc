// engine/runtime/campaign_command.h — `sluice campaign`: how far campaigns are.
//
// PURPOSE   Adds up what every shard has counted and what waits in its lanes; from the rate of the
//           last minutes, when a campaign will end.
// LIMITS    kShown campaigns, those heard of last.
// THREADS   Lives on shard 0.

#ifndef SLUICE_ENGINE_RUNTIME_CAMPAIGN_COMMAND_H_
#define SLUICE_ENGINE_RUNTIME_CAMPAIGN_COMMAND_H_

#include <vector>

#include "engine/control/control_server.h"
#include "engine/runtime/shard_runtime.h"

namespace sluice::engine {

class CampaignCommand {
 public:
  static constexpr size_t kShown = 200;

  // All shards by number; they outlive this.
  explicit CampaignCommand(std::vector<ShardRuntime*> shards) : shards_(std::move(shards)) {}
  void Register(ControlServer& server);

 private:
  void Show(const ControlRequest& request, const ControlDone& done);

  const std::vector<ShardRuntime*> shards_;
};

}  // namespace sluice::engine

#endif  // SLUICE_ENGINE_RUNTIME_CAMPAIGN_COMMAND_H_
