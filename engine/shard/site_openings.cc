// engine/shard/site_openings.cc — the part of the Scheduler that closes and opens the mail of
// tenants and campaigns, at one site or at all.

#include "engine/shard/scheduler.h"

namespace sluice::engine {

void Scheduler::RefreshQueues(const MailOwner& owner) {
  for (const auto& [name, site] : sites_) {
    site->queue.Refresh(owner);
    if (site->queue.CanGo()) Touch(*site);
  }
}

void Scheduler::CloseMail(const Closing& closing, Instant until) {
  queue_nodes_.closings.Set(closing, until);
  opening_timer_.Set(queue_nodes_.closings.next());
  RefreshQueues(closing.owner);
}

void Scheduler::OpenMail(const Closing& closing) {
  if (queue_nodes_.closings.Clear(closing)) RefreshQueues(closing.owner);
}

void Scheduler::OnOpening() {
  for (const MailOwner& owner : queue_nodes_.closings.TakeDue(shard_.clock.Now()))
    RefreshQueues(owner);
  opening_timer_.Set(queue_nodes_.closings.next());
}

// The hours of the day in which its next message may go are over: its campaign rests until the next.
// The others of it have the same, as a rule; none but those of this class wait for it.
bool Scheduler::OutOfHours(const Lane& lane) {
  const queue::SendWindow& window = lane.window->ready.front().message->message.window;
  const WallTime wall = shard_.clock.Wall();
  const WallTime next = queue::NextInHours(window, wall);
  if (next == wall || (window.end != WallTime{} && wall >= window.end)) return false;
  CloseMail({.owner = {.tenant = lane.key.tenant,
                       .campaign = std::string(queue::CampaignOf(lane.key.campaign))},
             .reason = CloseReason::kSchedule,
             .mail_class = queue::MailClassOf(lane.key.campaign)},
            shard_.clock.Now() + (next - wall));
  return true;
}

std::optional<std::pair<CloseReason, Instant>> Scheduler::ClosedBy(const Lane& lane) const {
  std::optional<std::pair<CloseReason, Instant>> out;
  const auto look = [&](const Closings& closings, const MailOwner& owner) {
    const auto found = closings.Last(queue::MailClassOf(lane.key.campaign), owner);
    if (found && (!out || out->second < found->second)) out = found;
  };
  const MailOwner tenant{.tenant = lane.key.tenant};
  const MailOwner campaign{.tenant = lane.key.tenant,
                           .campaign = std::string(queue::CampaignOf(lane.key.campaign))};
  for (const MailOwner& owner : {tenant, campaign}) {
    look(queue_nodes_.closings, owner);
    if (lane.site != nullptr && lane.site->queue.closings() != nullptr)
      look(*lane.site->queue.closings(), owner);
  }
  return out;
}

void Scheduler::CloseMailAt(const std::string& site, const Closing& closing, Instant until) {
  const auto it = by_name_.find(site);
  if (it == by_name_.end()) return;
  for (Site* one : it->second) {
    one->queue.Close(closing, until);
    one->opening_timer.Set(one->queue.next_opening());
  }
}

void Scheduler::OpenMailAt(const std::string& site, const Closing& closing) {
  const auto it = by_name_.find(site);
  if (it == by_name_.end()) return;
  for (Site* one : it->second) {
    one->queue.Open(closing);
    Touch(*one);
  }
}

void Scheduler::OnOpening(Site& site) {
  site.queue.OpenDue(shard_.clock.Now());
  site.opening_timer.Set(site.queue.next_opening());
  Touch(site);
}

}  // namespace sluice::engine
