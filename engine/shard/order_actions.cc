// engine/shard/order_actions.cc — the part of the Scheduler that does what operators order.

#include <algorithm>
#include <utility>

#include "engine/shard/scheduler.h"

namespace sluice::engine {

void Scheduler::TakeOrder(const queue::Order& order) {
  orders_.Put(order);
  if (order.kind == queue::OrderKind::kPause) RenewPause(order);
  if (order.kind == queue::OrderKind::kReroute) RenewReroutes();
  if (order.kind != queue::OrderKind::kRate) return;
  for (const auto& [name, site] : sites_) Touch(*site);
}

void Scheduler::DropOrder(uint64_t id) {
  const bool rerouted = orders_.reroutes().contains(id);
  orders_.Drop(id);
  if (rerouted) RenewReroutes();
  for (const auto& [name, site] : sites_) Touch(*site);
}

// A pause has come or gone; there may be others of the same mail.
void Scheduler::RenewPause(const queue::Order& order) {
  const bool of_campaign = order.scope == queue::OrderScope::kCampaign;
  if (!of_campaign && order.scope != queue::OrderScope::kTenant) {
    if (order.ended != WallTime{}) LookForSources();
    for (const auto& [key, site] : sites_) Touch(*site);  // other sources may have the turn
    return;
  }
  MailOwner owner{.tenant = of_campaign ? order.tenant : order.name};
  if (of_campaign) owner.campaign = order.name;
  const Closing closing{.owner = owner, .reason = CloseReason::kPause};
  if (!orders_.Pauses(order.scope, order.tenant, order.name)) return OpenMail(closing);
  CloseMail(closing, kNever);
  for (const auto& [name, site] : sites_)
    ReturnPreparedIf(*site, [&order](const Waiting& waiting) {
      return Concerns(order, waiting.message->message, waiting.recipient.address);
    });
}

// Of several orders of the same target the latest counts.
void Scheduler::RenewReroutes() {
  PoolTable::Assigned to;
  for (const auto& [id, order] : orders_.reroutes()) {
    const bool of_campaign = order.scope == queue::OrderScope::kCampaign;
    to[{of_campaign ? order.tenant : order.name, of_campaign ? order.name : ""}] = order.value;
  }
  pools_.Reroute(std::move(to));
  Repool();
}

// Sites that wait for a source may find one now.
void Scheduler::LookForSources() {
  const Instant now = shard_.clock.Now();
  for (const auto& [name, site] : sites_) {
    // One that could not be reached has its own time.
    if (site->failures > 0 || now >= site->suspended_until) continue;
    site->suspended_until = now;
    site->timer.Set(now);
  }
}

std::vector<Waiting> Scheduler::TakeAll(Lane& lane, LaneHandle handle,
                                        const std::function<bool(const Waiting&)>& meant) {
  if (lane.site == nullptr) return {};
  ReturnPreparedIf(*lane.site, meant);
  if (lane.ready() == 0) return {};
  Touch(*lane.site);
  std::vector<Waiting> taken = lanes_.TakeIf(lane, meant);
  Requeue(lane, handle);
  return taken;
}

// Jobs that wait for a connection.
void Scheduler::ReturnPreparedIf(Site& site, const std::function<bool(const Waiting&)>& meant) {
  std::vector<uint64_t> returned;
  for (const uint64_t id : site.prepared) {
    const Job& job = jobs_.at(id).job;
    const bool any = std::ranges::any_of(job.recipients, [&](const queue::Recipient& recipient) {
      return meant({job.message, recipient, {}, false});
    });
    if (any) returned.push_back(id);
  }
  for (const uint64_t id : returned) {
    std::erase(site.prepared, id);
    ReturnPrepared(id);
  }
}

// `waiting` was taken; true: it ends here.
bool Scheduler::CancelIfOrdered(LaneHandle handle, Waiting& waiting) {
  const queue::Order* order = orders_.CancelOf(waiting.message->message, waiting.recipient.address);
  if (order != nullptr) Cancel(handle, std::move(waiting), *order);
  return order != nullptr;
}

void Scheduler::Cancel(LaneHandle handle, Waiting waiting, const queue::Order& order) {
  recorder_.Record(handle, std::move(waiting), JudgeCancelled(order), {});
}

void Scheduler::MakeDue(LaneHandle handle, Waiting waiting) {
  recorder_.MakeDue(handle, std::move(waiting), shard_.clock.Wall());
}

void Scheduler::ProbeNow(Lane& lane) {
  Site* site = lane.site;
  if (site == nullptr || shard_.clock.Now() >= site->suspended_until) return;
  site->suspended_until = shard_.clock.Now();
  Resume(*site);
}

}  // namespace sluice::engine
