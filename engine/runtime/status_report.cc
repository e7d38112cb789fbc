#include "engine/runtime/status_report.h"

#include <algorithm>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <unordered_map>
#include <utility>

#include "engine/runtime/lane_json.h"

namespace sluice::engine {
namespace {

using Json = nlohmann::json;

constexpr size_t kSuspensionsShown = 100;

// What receivers of bulk mail missed, by tenant.
Json ToJson(const BulkTally::Rows& rows) {
  Json out = Json::array();
  for (const auto& [tenant, row] : rows) {
    Json faults = Json::object();
    for (size_t i = 0; i < kBulkFaults; ++i)
      faults[std::string(BulkFaultId(BulkFault(i)))] = row.faults[i];
    out.push_back({{"tenant", tenant},
                   {"messages", row.messages},
                   {"faulty", row.faulty},
                   {"faults", std::move(faults)}});
  }
  return out;
}

// Several shards may have mail for one site: it counts once, and as suspended when one of them
// leaves it alone.
void AddSites(const std::vector<ShardStatus>& shards, Json& status) {
  std::unordered_map<uint64_t, bool> by_name;
  for (const ShardStatus& shard : shards)
    for (const SiteMark& site : shard.sites) by_name[site.name] |= site.suspended;
  status["sites"] = by_name.size();
  status["sites_suspended"] =
      std::ranges::count_if(by_name, [](const auto& one) { return one.second; });
}

void AddSuspensions(const std::vector<ShardStatus>& shards, Json& status) {
  std::vector<std::vector<SuspensionReport>> reports;
  for (const ShardStatus& shard : shards) reports.push_back(shard.suspensions);
  const std::vector<SuspensionReport> all = MergeSuspensions(reports);
  Json list = Json::array();
  for (size_t i = 0; i < std::min(all.size(), kSuspensionsShown); ++i)
    list.push_back(ToJson(all[i]));
  status["suspensions"] = std::move(list);
  status["suspensions_more"] = all.size() > kSuspensionsShown;
}

}  // namespace

std::vector<SuspensionReport> MergeSuspensions(
    std::span<const std::vector<SuspensionReport>> shards) {
  std::map<queue::SuspensionId, SuspensionReport> by_id;
  for (const auto& shard : shards) {
    for (const SuspensionReport& one : shard) {
      const auto [it, fresh] = by_id.emplace(one.id, one);
      if (!fresh && it->second.entry.remembered) it->second = one;
    }
  }
  std::vector<SuspensionReport> all;
  for (auto& [id, one] : by_id) all.push_back(std::move(one));
  std::ranges::sort(all, {}, [](const auto& one) { return one.entry.until; });
  return all;
}

ShardStatus StatusOf(ShardRuntime& runtime) {
  Shard& shard = runtime.shard();
  Scheduler& scheduler = shard.scheduler();
  ShardStatus out;
  out.accepted = shard.accepted();
  out.outcomes = scheduler.counts();
  for (const auto& listener : runtime.listeners()) {
    out.sessions += listener->sessions();
    out.message_faults += listener->counters().message_faults;
    out.sender_refusals += listener->counters().sender_refusals;
    out.logins_failed += listener->counters().logins_failed;
  }
  out.bulk = shard.bulk_tally().rows();
  out.deliveries = scheduler.open_deliveries();
  out.lanes = scheduler.lanes().size();
  out.in_memory = scheduler.lanes().in_memory();
  const Instant now = shard.context().clock.Now();
  out.sites.reserve(scheduler.sites().size());
  for (const auto& [key, site] : scheduler.sites())
    out.sites.push_back({std::hash<std::string>()(site->name), now < site->suspended_until});
  out.damaged = scheduler.damaged();
  out.suspensions = ReportSuspensions(shard);
  return out;
}

Json MergeStatus(const std::vector<ShardStatus>& shards) {
  ShardStatus sum;
  for (const ShardStatus& s : shards) {
    sum.accepted += s.accepted;
    sum.outcomes.delivered += s.outcomes.delivered;
    sum.outcomes.deferred += s.outcomes.deferred;
    sum.outcomes.bounced += s.outcomes.bounced;
    sum.outcomes.expired += s.outcomes.expired;
    sum.outcomes.commit_failures += s.outcomes.commit_failures;
    sum.sessions += s.sessions;
    sum.deliveries += s.deliveries;
    sum.lanes += s.lanes;
    sum.in_memory += s.in_memory;
    sum.damaged += s.damaged;
    sum.message_faults += s.message_faults;
    sum.sender_refusals += s.sender_refusals;
    sum.logins_failed += s.logins_failed;
    BulkTally::Merge(s.bulk, sum.bulk);
  }
  Json status = {{"shards", shards.size()},
                 {"accepted", sum.accepted},
                 {"delivered", sum.outcomes.delivered},
                 {"deferred", sum.outcomes.deferred},
                 {"bounced", sum.outcomes.bounced},
                 {"expired", sum.outcomes.expired},
                 {"commit_failures", sum.outcomes.commit_failures},
                 {"connections_in", sum.sessions},
                 {"connections_out", sum.deliveries},
                 {"lanes", sum.lanes},
                 {"recipients_in_memory", sum.in_memory},
                 {"damaged_records", sum.damaged},
                 {"message_faults", sum.message_faults},
                 {"sender_refusals", sum.sender_refusals},
                 {"logins_failed", sum.logins_failed},
                 {"bulk_rules", ToJson(sum.bulk)}};
  AddSites(shards, status);
  AddSuspensions(shards, status);
  return status;
}

}  // namespace sluice::engine
