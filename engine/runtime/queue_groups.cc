#include "engine/runtime/queue_groups.h"

#include <algorithm>
#include <array>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "config/units.h"
#include "engine/runtime/gather.h"
#include "engine/shard/lane_report.h"

namespace sluice::engine {
namespace {

using Json = nlohmann::json;

enum class By : uint8_t { kSite, kTenant, kCampaign, kSource, kProvider, kReason };
// In the order of By.
constexpr std::array<std::string_view, 6> kNames = {"site",   "tenant",   "campaign",
                                                    "source", "provider", "reason"};

struct Group {
  uint64_t waiting = 0;
  uint64_t in_flight = 0;
  uint64_t lanes = 0;
  uint64_t connections = 0;
  uint64_t fullest = 0;  // of its lanes
  std::string reason;    // of that
};
using Groups = std::map<std::string, Group>;

// Nothing of a lane on disk alone has a site.
std::string SiteOf(const Lane& lane) {
  return lane.site == nullptr || lane.site->provisional ? std::string() : lane.site->name;
}

std::string NameIn(By by, const Lane& lane, Shard& shard) {
  switch (by) {
    case By::kSite:
      return SiteOf(lane);
    case By::kTenant:
      return lane.key.tenant;
    case By::kCampaign:
      return queue::IsReportLane(lane.key.campaign)
                 ? std::string()
                 : std::string(queue::CampaignOf(lane.key.campaign));
    case By::kProvider:
      return lane.site == nullptr ? std::string() : lane.site->replies_of;
    case By::kReason:
      return ReasonOf(lane, shard);
    case By::kSource:
      break;
  }
  return {};
}

void Add(Group& group, const Lane& lane, Shard& shard) {
  const uint64_t waiting = lane.waiting();
  group.waiting += waiting;
  group.in_flight += lane.window ? lane.window->in_flight : 0;
  ++group.lanes;
  if (waiting <= group.fullest) return;
  group.fullest = waiting;
  group.reason = ReasonOf(lane, shard);
}

Groups GroupsOf(Shard& shard, By by) {
  Groups out;
  Scheduler& scheduler = shard.scheduler();
  // Who waits has no source yet.
  if (by != By::kSource) {
    scheduler.lanes().ForEach([&](LaneHandle, const Lane& lane) {
      if (lane.waiting() > 0) Add(out[NameIn(by, lane, shard)], lane, shard);
    });
  }
  scheduler.ForEachOpen([&](const Site& site, const std::string& source) {
    if (by == By::kSource) ++out[source].connections;
    if (by == By::kSite) ++out[site.name].connections;
    if (by == By::kProvider) ++out[site.replies_of].connections;
  });
  return out;
}

Groups Merge(std::vector<Groups>& shards) {
  Groups all;
  for (Groups& shard : shards) {
    for (auto& [name, theirs] : shard) {
      Group& sum = all[name];
      sum.waiting += theirs.waiting;
      sum.in_flight += theirs.in_flight;
      sum.lanes += theirs.lanes;
      sum.connections += theirs.connections;
      if (theirs.fullest <= sum.fullest) continue;
      sum.fullest = theirs.fullest;
      sum.reason = std::move(theirs.reason);
    }
  }
  return all;
}

}  // namespace

void QueueGroups::Register(ControlServer& server) {
  server.On("queues_by", [this](const ControlRequest& r, const ControlDone& d) { Show(r, d); });
}

void QueueGroups::Show(const ControlRequest& request, const ControlDone& done) {
  const std::string name = RequestText(request, "by");
  const auto found = std::ranges::find(kNames, name);
  if (found == kNames.end())
    return done(ControlError(config::Quote(name) +
                             " is nothing to add up by: site, tenant, campaign, source, provider "
                             "or reason"));
  const By by = By(found - kNames.begin());
  Gather<Groups>(
      shards_, [by](ShardRuntime& runtime) { return GroupsOf(runtime.shard(), by); },
      [done](std::vector<Groups> shards) {
        const Groups all = Merge(shards);
        std::vector<const Groups::value_type*> order;
        for (const auto& one : all) order.push_back(&one);
        std::ranges::stable_sort(order, [](const auto* a, const auto* b) {
          return a->second.waiting > b->second.waiting;
        });
        Json groups = Json::array();
        for (size_t i = 0; i < std::min(order.size(), kShown); ++i) {
          const auto& [group_name, group] = *order[i];
          groups.push_back({{"name", group_name},
                            {"waiting", group.waiting},
                            {"in_flight", group.in_flight},
                            {"lanes", group.lanes},
                            {"connections", group.connections},
                            {"reason", group.reason}});
        }
        done(Dump(
            Json{{"ok", true}, {"groups", std::move(groups)}, {"more", order.size() > kShown}}));
      });
}

}  // namespace sluice::engine
