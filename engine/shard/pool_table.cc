#include "engine/shard/pool_table.h"

#include <algorithm>

namespace sluice::engine {

void PoolTable::Renew(std::shared_ptr<const config::Config> config) {
  config_ = std::move(config);
  by_name_.clear();
  configured_.clear();
  for (const config::Pool& pool : config_->pools) by_name_.emplace(pool.name, pool);
  for (const config::Source& source : config_->sources)
    by_name_.try_emplace(source.name, config::Pool{source.name, {{source.name, 1}}});
  for (const config::Tenant& tenant : config_->tenants)
    if (!tenant.pool.empty()) configured_[{tenant.name, ""}] = tenant.pool;
  for (const config::Campaign& campaign : config_->campaigns)
    configured_[{campaign.tenant, campaign.name}] = campaign.pool;
}

const config::Pool* PoolTable::Named(std::string_view name) const {
  const auto it = by_name_.find(name);
  return it == by_name_.end() ? nullptr : &it->second;
}

const config::Pool* PoolTable::AssignedOf(const Assigned& from, std::string_view tenant,
                                          std::string_view campaign) const {
  if (from.empty()) return nullptr;
  const auto it = from.find({std::string(tenant), std::string(campaign)});
  return it == from.end() ? nullptr : Named(it->second);
}

const config::Pool& PoolTable::Of(std::string_view tenant, std::string_view in_key) const {
  const std::string_view campaign = queue::CampaignOf(in_key);
  const std::string_view none;
  if (!queue::IsReportLane(in_key)) {  // reports are no mail of the tenant's
    if (const auto* pool = AssignedOf(rerouted_, tenant, campaign)) return *pool;
    if (const auto* pool = AssignedOf(rerouted_, tenant, none)) return *pool;
  }
  if (const auto* pool = Named(queue::PoolOf(in_key))) return *pool;
  if (!campaign.empty()) {
    if (const auto* pool = AssignedOf(configured_, tenant, campaign)) return *pool;
    if (const auto* pool = AssignedOf(configured_, none, campaign)) return *pool;
  }
  if (const auto* pool = AssignedOf(configured_, tenant, none)) return *pool;
  return by_name_.find(Default().name)->second;
}

}  // namespace sluice::engine
