// engine/runtime/domain_service.h — the watch over sending domains within the running engine.
//
// PURPOSE   Wires engine/domains/domain_watch.h to shard 0: its loop and DNS, states to all shards,
//           the state file by a worker, alerts as events, `sluice domain list`.
// THREADS   Lives on shard 0; files are written by the worker, one at a time.

#ifndef SLUICE_ENGINE_RUNTIME_DOMAIN_SERVICE_H_
#define SLUICE_ENGINE_RUNTIME_DOMAIN_SERVICE_H_

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "config/surroundings.h"
#include "engine/base/workers.h"
#include "engine/control/control_server.h"
#include "engine/domains/domain_watch.h"
#include "engine/runtime/shard_runtime.h"

namespace sluice::engine {

class DomainService {
 public:
  // All shards, by number; they and `files` outlive this. The first look comes with the first turn
  // of shard 0's loop.
  DomainService(std::vector<ShardRuntime*> shards, Workers& files,
                std::shared_ptr<const config::Config> config);

  void Reload(std::shared_ptr<const config::Config> config) { watch_.Reload(std::move(config)); }
  void Register(ControlServer& server);

 private:
  WatchParts Parts();
  void Publish(const std::shared_ptr<const DomainStates>& states);
  void Save(std::shared_ptr<const DomainStates> states);
  void Check(const ControlRequest& request, const ControlDone& done);
  void List(const ControlDone& done) const;

  const std::vector<ShardRuntime*> shards_;
  ShardRuntime& home_;
  Workers& files_;
  const std::string file_;
  const config::SystemSurroundings surroundings_;
  bool saving_ = false;
  std::shared_ptr<const DomainStates> next_;  // to be written next; null: nothing
  DomainWatch watch_;
};

}  // namespace sluice::engine

#endif  // SLUICE_ENGINE_RUNTIME_DOMAIN_SERVICE_H_
