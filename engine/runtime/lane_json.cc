#include "engine/runtime/lane_json.h"

#include <nlohmann/json.hpp>

namespace sluice::engine {

using Json = nlohmann::json;

Json TimeOrNull(WallTime t) {
  if (t == WallTime::max() || t == WallTime{}) return nullptr;
  return FormatRfc3339(t);
}

Json NextTryJson(WallTime t, WallTime now) {
  if (t <= now) return "now";
  return TimeOrNull(t);
}

Json ToJson(const SuspensionReport& suspension) {
  return {{"kind", SuspensionKindName(suspension.id.kind)},
          {"key", suspension.id.key},
          {"until", TimeOrNull(suspension.entry.until)},
          {"failures", suspension.entry.failures},
          {"reason", suspension.entry.reason}};
}

Json ToJson(const LaneReport& lane, WallTime now) {
  const std::string campaign = queue::IsReportLane(lane.key.campaign)
                                   ? "reports to " + lane.key.campaign.substr(1)
                                   : std::string(queue::CampaignOf(lane.key.campaign));
  return {{"domain", lane.key.domain},
          {"tenant", lane.key.tenant},
          {"campaign", campaign},
          {"site", lane.site},
          {"waiting", lane.waiting},
          {"in_flight", lane.in_flight},
          {"connections", lane.connections},
          {"next_due", TimeOrNull(lane.next_due)},
          {"next_try", NextTryJson(lane.next_try, now)},
          {"reason", lane.reason},
          {"until", TimeOrNull(lane.until)},
          {"suspension", lane.suspension ? ToJson(*lane.suspension) : Json()}};
}

}  // namespace sluice::engine
