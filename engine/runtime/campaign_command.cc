#include "engine/runtime/campaign_command.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>

#include "config/units.h"
#include "engine/runtime/gather.h"

namespace sluice::engine {
namespace {

using Json = nlohmann::json;

// Further off, nobody can tell.
constexpr double kEstimateMax = 366.0 * 86'400;

struct Progress {
  CampaignCounts counts;
  uint64_t waiting = 0;
  uint64_t in_flight = 0;
  uint64_t lanes = 0;
};
using Progresses = std::map<CampaignName, Progress>;

Progresses ProgressOf(Shard& shard) {
  Progresses out;
  for (const auto& [name, known] : shard.scheduler().campaigns().all())
    out[name].counts = known.counts;
  shard.scheduler().lanes().ForEach([&](LaneHandle, const Lane& lane) {
    const std::string_view campaign = queue::CampaignOf(lane.key.campaign);
    if (queue::IsReportLane(lane.key.campaign) || campaign.empty()) return;
    const uint64_t waiting = lane.waiting();
    if (waiting == 0) return;
    Progress& progress = out[{lane.key.tenant, std::string(campaign)}];
    progress.waiting += waiting;
    progress.in_flight += lane.window ? lane.window->in_flight : 0;
    ++progress.lanes;
  });
  return out;
}

Json ToJson(const CampaignName& name, const Progress& progress, WallTime now) {
  const CampaignCounts& counts = progress.counts;
  const double rate = counts.Rate(now);
  const double left = rate > 0 ? double(progress.waiting) / rate : kEstimateMax;
  const bool ends = progress.waiting > 0 && left < kEstimateMax;
  return {
      {"tenant", name.first},
      {"campaign", name.second},
      {"waiting", progress.waiting},
      {"in_flight", progress.in_flight},
      {"lanes", progress.lanes},
      {"accepted", counts.accepted},
      {"delivered", counts.delivered},
      {"deferrals", counts.deferrals},
      {"bounced", counts.bounced},
      {"expired", counts.expired},
      {"cancelled", counts.cancelled},
      {"per_hour", std::llround(rate * 3'600)},
      {"estimated_end", ends ? Json(FormatRfc3339(now + Duration(int64_t(left * 1e6)))) : Json()}};
}

bool IsMeant(const CampaignName& name, const std::string& tenant, const std::string& campaign) {
  return (campaign.empty() || name.second == campaign) && (tenant.empty() || name.first == tenant);
}

std::string Unknown(const std::string& campaign, const Progresses& all) {
  std::vector<std::string_view> names;
  for (const auto& [name, progress] : all) names.push_back(name.second);
  const std::string_view near = config::Nearest(campaign, names);
  return "nothing of a campaign " + config::Quote(campaign) +
         " waits, or was accepted since the start" +
         (near.empty() || near == campaign ? "" : ": did you mean " + config::Quote(near) + "?");
}

}  // namespace

void CampaignCommand::Register(ControlServer& server) {
  server.On("campaign", [this](const ControlRequest& r, const ControlDone& d) { Show(r, d); });
}

void CampaignCommand::Show(const ControlRequest& request, const ControlDone& done) {
  const WallTime now = shards_.front()->loop().clock().Wall();
  Gather<Progresses>(
      shards_, [](ShardRuntime& runtime) { return ProgressOf(runtime.shard()); },
      [tenant = RequestText(request, "tenant"), campaign = RequestText(request, "campaign"), now,
       done](std::vector<Progresses> shards) {
        Progresses all;
        for (const Progresses& shard : shards) {
          for (const auto& [name, theirs] : shard) {
            Progress& sum = all[name];
            sum.counts.Add(theirs.counts);
            sum.waiting += theirs.waiting;
            sum.in_flight += theirs.in_flight;
            sum.lanes += theirs.lanes;
          }
        }
        std::vector<const Progresses::value_type*> meant;
        for (const auto& one : all)
          if (IsMeant(one.first, tenant, campaign)) meant.push_back(&one);
        if (meant.empty() && !campaign.empty()) return done(ControlError(Unknown(campaign, all)));
        std::ranges::sort(meant, [](const auto* a, const auto* b) {
          return a->second.counts.last > b->second.counts.last;
        });
        Json campaigns = Json::array();
        for (const auto* one : meant)
          if (campaigns.size() < kShown) campaigns.push_back(ToJson(one->first, one->second, now));
        done(Dump(Json{
            {"ok", true}, {"campaigns", std::move(campaigns)}, {"more", meant.size() > kShown}}));
      });
}

}  // namespace sluice::engine
