// engine/shard/owner_rate.cc — the part of the Scheduler that keeps the rates of tenants and
// campaigns: a lane that is over one leaves the queue of its site, and comes back with a slot.

#include <algorithm>
#include <charconv>
#include <string>
#include <utility>
#include <vector>

#include "engine/base/text.h"
#include "engine/shard/scheduler.h"

namespace sluice::engine {
namespace {

// How a lane is called where it waits; no site's name has a space.
constexpr std::string_view kLane = "lane ";

std::string NameOf(LaneHandle handle) {
  return std::string(kLane) + std::to_string(handle.ToU64());
}

}  // namespace

// Where it is counted: everywhere, at the provider, or for the domain, as the table that says so.
std::string Scheduler::PlaceOf(const RateLimit& limit, Site& site, std::string_view domain) {
  if (limit.of_domain) return std::string(domain);
  const config::ShapingBlock* provider = limit.of_provider ? ProviderOf(site) : nullptr;
  return provider == nullptr ? "*" : "@" + provider->name;
}

std::vector<RateKey> Scheduler::OwnerRatesOf(Site& site, const LaneName& mail) {
  std::vector<RateKey> keys;
  const Shape& shape = *ShapeOf(site, mail.domain, {});
  if ((!shape.tenant_rate && !shape.campaign_rate) || queue::IsReportLane(mail.campaign))
    return keys;
  if (shape.tenant_rate)
    keys.push_back({"t|" + mail.tenant + "|" + PlaceOf(*shape.tenant_rate, site, mail.domain),
                    shape.tenant_rate->rate});
  if (shape.campaign_rate && !queue::CampaignOf(mail.campaign).empty())
    keys.push_back({"k|" + mail.tenant + "|" + std::string(queue::CampaignOf(mail.campaign)) + "|" +
                        PlaceOf(*shape.campaign_rate, site, mail.domain),
                    shape.campaign_rate->rate});
  return keys;
}

// A site without a connection makes one ahead of the slot.
bool Scheduler::HeldByOwnerRate(Site& site, LaneHandle handle, size_t units) {
  Lane& lane = *lanes_.Get(handle);
  const Duration lead = site.open == 0 ? site.lead : Duration(0);
  for (const RateKey& key : OwnerRatesOf(site, lane.key)) {
    const auto most = uint32_t(std::min<uint64_t>(units, key.rate.burst));
    if (rates_.OpensAt(key, most) <= shard_.clock.Now() + lead) continue;
    rates_.Wait(key, NameOf(handle), most, lead);
    lane.Window().paced = true;
    Requeue(lane, handle);
    site.rate_held = shard_.clock.Wall();
    return true;
  }
  return false;
}

// Those at this place that were taken out of their lanes before the rate was used up go back to
// them.
void Scheduler::ReturnForRate(Site& site, size_t place) {
  while (place < site.prepared.size()) {
    const uint64_t id = site.prepared[place];
    const JobState& state = jobs_.at(id);
    if (!HeldByOwnerRate(site, state.lanes.front(), state.lanes.size())) return;
    site.prepared.erase(site.prepared.begin() + std::ptrdiff_t(place));
    ReturnPrepared(id);
  }
}

void Scheduler::OnRateOpen(const std::string& who) {
  if (const auto site = sites_.find(who); site != sites_.end()) return BringBack(*site->second);
  if (!who.starts_with(kLane)) return;
  uint64_t handle = 0;
  std::from_chars(who.data() + kLane.size(), who.data() + who.size(), handle);
  OnPaceOver(LaneHandle::FromU64(handle));
}

// After a reload whoever waits asks anew.
void Scheduler::ReleaseLanes() {
  std::vector<LaneHandle> paced;
  lanes_.ForEach([&paced](LaneHandle handle, Lane& lane) {
    if (lane.window && lane.window->paced && !queue::IsReportLane(lane.key.campaign))
      paced.push_back(handle);
  });
  for (const LaneHandle handle : paced) OnPaceOver(handle);
}

std::optional<RateWait> Scheduler::WaitOfOwner(Site& site, const LaneName& mail) {
  for (const RateKey& key : OwnerRatesOf(site, mail)) {
    const Instant opens = rates_.Peek(key.name);
    if (opens <= shard_.clock.Now()) continue;
    const bool tenant = key.name.starts_with("t|");
    return RateWait{
        .source = {},
        .key = tenant ? config::ShapingKey::kTenantRate : config::ShapingKey::kCampaignRate,
        .rate = key.rate,
        .until = opens};
  }
  return std::nullopt;
}

}  // namespace sluice::engine
