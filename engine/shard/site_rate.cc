// engine/shard/site_rate.cc — the part of the Scheduler that asks the rates before anything goes:
// before a connection is opened, before an idle one is poked, and when a transaction begins.

#include <algorithm>
#include <ranges>
#include <string>
#include <utility>
#include <vector>

#include "engine/base/check.h"
#include "engine/base/text.h"
#include "engine/shard/scheduler.h"

namespace sluice::engine {

// What is counted where: on the path, or, where a table of the domain says how many, for its mail
// alone.
RateKey Scheduler::KeyOf(std::string_view kind, const RateLimit& limit, const std::string& path,
                         std::string_view domain) {
  RateKey key{std::string(kind) + path, limit.rate};
  if (limit.of_domain) key.name.append("|").append(domain);
  return key;
}

std::optional<RateKey> Scheduler::MessageRateOf(Site& site, std::string_view domain,
                                                const std::string& source) {
  // Counted apart, so that what was counted under another rate is left alone.
  if (const RateOrder* order = orders_.RateOf(source, site.name, site.replies_of))
    return RateKey{"m" + std::to_string(order->order.id) + "|" + PathOf(site, source), order->rate};
  const auto& limit = ShapeOf(site, domain, source)->message_rate;
  if (!limit) return std::nullopt;
  if (limit->of_domain) site.own_rates = true;
  return KeyOf("m|", *limit, PathOf(site, source), domain);
}

std::optional<RateKey> Scheduler::ConnectionRateOf(Site& site, std::string_view domain,
                                                   const std::string& source) {
  const auto& limit = ShapeOf(site, domain, source)->connection_rate;
  if (!limit) return std::nullopt;
  return KeyOf("c|", *limit, PathOf(site, source), domain);
}

// True: the site is woken when it may try again.
bool Scheduler::HeldByRate(Site& site, const RateKey& key, uint32_t units, Duration lead) {
  if (rates_.OpensAt(key, units) <= shard_.clock.Now() + lead) return false;
  rates_.Wait(key, site.key, units, lead);
  site.rate_held = shard_.clock.Wall();
  return true;
}

// What rates and pauses of ours have kept back is not late for it (design 12.1).
void Scheduler::CountHeld(const Site& site, Waiting& waiting) {
  site.CountHeld(waiting, site.rate_held);
  site.CountHeld(waiting, orders_.HeldUntil(waiting.message->message, waiting.recipient.address,
                                            site.name, site.replies_of, shard_.clock.Wall()));
}

bool Scheduler::MayExpireHere(const Lane& lane, Waiting& waiting) {
  CountHeld(*lane.site, waiting);
  // While the site is not known, nor is what has kept back those that were never tried.
  return !lane.site->provisional || waiting.recipient.attempts > 0;
}

// Has the recipient's time run out? Not while rates of ours kept it back, those of earlier runs
// among them (design 12.1).
bool Scheduler::IsOver(Site& site, std::string_view domain, Waiting& waiting) {
  const config::Retry& retry = ShapeOf(site, domain, {})->retry;
  const auto over = [&] {
    return IsExpired(retry, waiting.message->message, waiting.recipient, shard_.clock.Wall());
  };
  CountHeld(site, waiting);
  if (!over()) return false;
  for (size_t i = 0; i < site.rotation.size(); ++i) {
    const std::string& source = site.rotation[i].source;
    const Shape& shape = *ShapeOf(site, domain, source);
    if (shape.message_rate || shape.tenant_rate || shape.campaign_rate || warmup_.Warms(source))
      site.CountHeld(waiting, started_);
  }
  return over();
}

// By the configured rate, or by what the path has learnt.
bool Scheduler::HeldByMessageRates(Site& site, std::string_view domain, const std::string& source,
                                   size_t recipients, uint32_t before, Duration lead) {
  if (const auto key = MessageRateOf(site, domain, source)) {
    const auto most = uint32_t(std::min<uint64_t>(recipients, key->rate.burst));
    if (HeldByRate(site, *key, most + before, lead)) return true;
  }
  const auto learnt = LearntRateOf(site, source);
  return learnt && HeldByRate(site, *learnt, 1 + before, lead);
}

bool Scheduler::JobHeldByRate(Site& site, const Job& job, const std::string& source,
                              uint32_t before) {
  return HeldByMessageRates(site, DomainOf(job.recipients.front().address), source,
                            job.recipients.size(), before, Duration(0));
}

// A connection that waits for its slot makes another one needless.
bool Scheduler::MayOpenFrom(Site& site, const std::string& source, std::string_view domain) {
  for (const DeliveryHandle handle : site.idle) {
    const OpenDelivery& open = *deliveries_.Get(handle);
    if (open.delivery->path().source == source && open.delivery->idle()) return false;
  }
  if (HeldByMessageRates(site, domain, source, 1, 0, site.lead)) return false;
  const auto connections = ConnectionRateOf(site, domain, source);
  return !connections || !HeldByRate(site, *connections, 1, Duration(0));
}

// Is it the rates alone that keep a connection from being opened?
bool Scheduler::RatesForbidOpening(Site& site, std::string_view domain) {
  if (site.provisional) return false;
  bool held = false;
  for (size_t i = 0; i < site.rotation.size(); ++i) {
    const std::string& source = site.rotation[i].source;
    if (PathBlocked(source, site)) continue;
    if (MayOpenFrom(site, source, domain)) return false;
    held = true;
  }
  return held;
}

// What waits long is free to expire, or to be overtaken.
void Scheduler::RestForRate(Site& site, std::string_view domain) {
  if (site.prepared.empty()) return;
  Instant until{};
  if (const auto wait = WaitOfRate(site, domain)) until = wait->until;
  if (const auto learnt = WaitOfLearnt(site)) until = std::max(until, learnt->until);
  if (until == kNever || until < shard_.clock.Now() + kPreparedMax) return;
  ReturnAllPrepared(site);
}

// True: a rate of the domain's own keeps its mail back at every source, and the site is woken.
bool Scheduler::HeldByOwnRate(Site& site, std::string_view domain) {
  // Who has no connection yet needs time to open one.
  const Duration lead = site.open == 0 ? site.lead : Duration(0);
  bool held = false;
  for (size_t i = 0; i < site.rotation.size(); ++i) {
    const std::string& source = site.rotation[i].source;
    if (PathBlocked(source, site)) continue;
    const auto& limit = ShapeOf(site, domain, source)->message_rate;
    if (!limit || !limit->of_domain) return false;
    const RateKey key = KeyOf("m|", *limit, PathOf(site, source), domain);
    if (!HeldByRate(site, key, 1, lead)) return false;
    held = true;
  }
  return held;
}

void Scheduler::SetAside(Site& site, LaneHandle handle) {
  // Should nobody bring it back: a reload forgets who waits for a rate.
  Lane& lane = *lanes_.Get(handle);
  report_pace_.Park(lane, handle, shard_.clock.Now() + kAsideMax);
  Requeue(lane, handle);
  site.aside.push_back(handle);
}

// The site has been woken by a rate.
void Scheduler::BringBack(Site& site) {
  for (const LaneHandle handle : std::exchange(site.aside, {})) OnPaceOver(handle);
  Touch(site);
}

// A domain that waits for a rate of its own stands aside, so that the others of the site go on. True:
// there was one.
bool Scheduler::SetAsideByRate(Site& site) {
  if (!site.own_rates) return false;
  std::vector<uint64_t> held;
  for (const uint64_t id : site.prepared) {
    const JobState& state = jobs_.at(id);
    if (!HeldByOwnRate(site, DomainOf(state.job.recipients.front().address))) continue;
    SetAside(site, state.lanes.front());
    held.push_back(id);
  }
  for (const uint64_t id : held) std::erase(site.prepared, id);
  // The last one first: each goes to the front of its lane.
  for (const uint64_t id : std::views::reverse(held)) ReturnPrepared(id);
  bool aside = !held.empty();
  while (site.queue.CanGo()) {
    const LaneHandle handle = site.queue.Next();
    if (!HeldByOwnRate(site, lanes_.Get(handle)->key.domain)) break;
    SetAside(site, handle);
    aside = true;
  }
  return aside;
}

bool Scheduler::TakeConnection(Site& site, OpenDelivery& open, const std::string& source,
                               std::string_view domain) {
  open.connections = ConnectionRateOf(site, domain, source);
  open.opened = shard_.clock.Now();
  return !open.connections || rates_.Take(*open.connections, 1);
}

// The first one was counted when it was allowed; a receiver counts the others as well.
void Scheduler::OnConnect(Delivery& delivery) {
  OpenDelivery& open = Find(delivery);
  if (std::exchange(open.connected, true) && open.connections) rates_.Owe(*open.connections, 1);
}

bool Scheduler::MayBegin(Delivery& delivery, const Job& job) {
  OpenDelivery& open = Find(delivery);
  Site& site = *open.site;
  if (open.opened != kNever) {
    const Duration took = shard_.clock.Now() - std::exchange(open.opened, kNever);
    site.lead = Site::kLead + std::min(took, kLearnedLeadMax);
    TellPath(site, delivery.path().source, DomainOf(job.recipients.front().address),
             {.kind = PathFact::Kind::kConnected});
  }
  const std::string_view domain = DomainOf(job.recipients.front().address);
  const std::string& source = delivery.path().source;
  JobState& state = jobs_.at(job.id);
  state.sent = shard_.clock.Now();
  std::vector<RateKey> keys = OwnerRatesOf(site, lanes_.Get(state.lanes.front())->key);
  if (auto path = MessageRateOf(site, domain, source)) keys.push_back(std::move(*path));
  if (auto path = LearntRateOf(site, source)) keys.push_back(std::move(*path));
  if (state.begun) {  // at another host, within one attempt
    for (const RateKey& key : keys) rates_.Owe(key, uint32_t(state.unanswered));
    return true;
  }
  // All or none: what is in hand is there for all.
  const auto units = uint32_t(job.recipients.size());
  for (const RateKey& key : keys) {
    const auto most = uint32_t(std::min<uint64_t>(units, key.rate.burst));
    if (rates_.OpensAt(key, most) > state.sent) return false;
  }
  if (!warmup_.Take(delivery.path().source, WarmedAt(site), units)) return false;
  for (const RateKey& key : keys) CHECK(rates_.Take(key, units));
  state.begun = true;
  return true;
}

std::optional<RateWait> Scheduler::WaitOfRate(Site& site, std::string_view domain) {
  if (site.provisional) return std::nullopt;
  const Instant now = shard_.clock.Now();
  std::optional<RateWait> first;
  for (size_t i = 0; i < site.rotation.size(); ++i) {
    const std::string& source = site.rotation[i].source;
    if (PathBlocked(source, site)) continue;
    const auto messages = MessageRateOf(site, domain, source);
    const auto connections = ConnectionRateOf(site, domain, source);
    const Instant opens = messages ? rates_.Peek(messages->name) : Instant{};
    const Instant connects =
        connections && site.open == 0 ? rates_.Peek(connections->name) : Instant{};
    const bool by_messages = opens >= connects;
    const Instant until = std::max(opens, connects);
    if (until <= now) return std::nullopt;
    if (first && first->until <= until) continue;
    const RateOrder* order =
        by_messages ? orders_.RateOf(source, site.name, site.replies_of) : nullptr;
    first = {
        .source = source,
        .key = by_messages ? config::ShapingKey::kMessageRate : config::ShapingKey::kConnectionRate,
        .rate = by_messages ? messages->rate : connections->rate,
        .until = until,
        .order = order == nullptr ? 0 : order->order.id};
  }
  return first;
}

}  // namespace sluice::engine
