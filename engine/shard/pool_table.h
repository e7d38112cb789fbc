// engine/shard/pool_table.h — which pool mail leaves by.
//
// PURPOSE   Finds the pool of a lane: the one that an operator has sent it to (reroute), that the
//           message's header asked for, that its campaign or its tenant has, or `default`. A source
//           named where a pool may stand is a pool of its own.
// NOT HERE  Whether a header may ask (engine/submission), turns within a pool (rotation.h).
// THREADS   Confined to its shard.

#ifndef SLUICE_ENGINE_SHARD_POOL_TABLE_H_
#define SLUICE_ENGINE_SHARD_POOL_TABLE_H_

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "config/config.h"
#include "queue/records.h"

namespace sluice::engine {

class PoolTable {
 public:
  explicit PoolTable(std::shared_ptr<const config::Config> config) { Renew(std::move(config)); }
  void Renew(std::shared_ptr<const config::Config> config);

  const config::Pool& Default() const { return config_->pools.front(); }
  // A name that is none any more gives way to what would hold without it.
  // `campaign` is that of the lane's key.
  const config::Pool& Of(std::string_view tenant, std::string_view campaign) const;
  // Null: there is neither a pool nor a source of this name.
  const config::Pool* Named(std::string_view name) const;

  // (tenant, campaign) to a pool's name.
  using Assigned = std::map<std::pair<std::string, std::string>, std::string, std::less<>>;

  // Sends all mail of these campaigns of a tenant, or of tenants (campaign empty), to another pool
  // from now on, whatever it or the configuration asks for; what was said before is over.
  void Reroute(Assigned to) { rerouted_ = std::move(to); }

 private:
  const config::Pool* AssignedOf(const Assigned& from, std::string_view tenant,
                                 std::string_view campaign) const;

  std::shared_ptr<const config::Config> config_;
  std::map<std::string, config::Pool, std::less<>> by_name_;  // pools and sources
  Assigned configured_;
  Assigned rerouted_;
};

}  // namespace sluice::engine

#endif  // SLUICE_ENGINE_SHARD_POOL_TABLE_H_
