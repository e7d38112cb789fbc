// engine/shard/sites.cc — the part of the Scheduler that opens connections and handles trouble:
// routes, permits, suspended sites and domains that DNS has no place for.

#include <algorithm>
#include <utility>

#include "engine/base/check.h"
#include "engine/base/text.h"
#include "engine/shard/route_table.h"
#include "engine/shard/scheduler.h"

namespace sluice::engine {
namespace {

std::optional<io::ProxySettings> ProxyOf(const config::Source& source) {
  if (!source.proxy.has_value()) return std::nullopt;
  const bool socks = source.proxy_kind == config::Source::ProxyKind::kSocks5;
  using Kind = io::ProxySettings::Kind;
  return io::ProxySettings{.kind = socks ? Kind::kSocks5 : Kind::kProxyV2,
                           .at = *source.proxy,
                           .user = source.proxy_user,
                           .password = source.proxy_password};
}

}  // namespace

void Scheduler::Pump(Site& site) {
  const Instant now = shard_.clock.Now();
  if (!MaySend() || now < site.suspended_until) return;
  (void)SetAsideByRate(site);
  PokeIdle(site);
  if (site.waiting() <= site.poked || site.opening) return;
  if ((site.probing || !site.proven) && site.open > 0) return;
  const std::string_view next = NextDomain(site);
  if (site.open >= std::min(ConnectionsOf(site, next), GrownConnections(site, next))) return;
  if (now < site.open_not_before) return site.timer.Set(site.open_not_before);
  if (RatesForbidOpening(site, next)) return RestForRate(site, next);
  if (!Prepare(site)) return;
  if (site.provisional || NextSource(site) != Rotation::kNobody) return Open(site);
  if (AllOut(site)) WaitForSource(site);
}

void Scheduler::Open(Site& site) {
  CHECK(!site.prepared.empty());
  site.opening = true;
  const Job& job = jobs_.at(site.prepared.front()).job;
  const std::string domain(DomainOf(job.recipients.front().address));
  WithRoute(domain,
            [this, key = site.key, domain](const Route& route) { OnRoute(key, domain, route); });
}

void Scheduler::WithRoute(const std::string& domain, std::function<void(const Route&)> done) {
  const config::Route* match = FindRoute(shard_.config->routes, domain);
  if (match != nullptr && !match->hosts.empty()) {
    ConfiguredRoute configured = ToConfiguredRoute(*match);
    return done({.detail = {},
                 .site = std::move(configured.site),
                 .hosts = std::move(configured.hosts),
                 .configured = true});
  }
  router_.Find(domain, [done = std::move(done)](const dns::MxRoute& mx) {
    done({mx.fault, mx.detail, mx.site, mx.hosts, false});
  });
}

void Scheduler::OnRoute(const std::string& site_key, const std::string& domain,
                        const Route& route) {
  const auto it = sites_.find(site_key);
  CHECK(it != sites_.end());  // `opening` keeps it
  Site& site = *it->second;
  CHECK(site.opening);
  if (route.fault == dns::RouteFault::kNone && route.site == site.name) {
    KnowHosts(site, route.hosts);
    KnowReceiver(site, route.hosts);
    const size_t next = NextSource(site);
    if (next == Rotation::kNobody) {
      site.opening = false;
      if (AllOut(site) && WaitForSource(site)) return;
      if (RatesForbidOpening(site, domain)) RestForRate(site, domain);
      return Touch(site);
    }
    const config::Source& source = SourceNamed(site.rotation[next].source);
    Opening opening{.site = site_key,
                    .domain = domain,
                    .path = PathOf(site, source.name),
                    .source = source,
                    .route = route,
                    .shape = Narrowed(site, source.name, ShapeOf(site, domain, source.name)),
                    .generation = shapes_.generation()};
    const std::string path = opening.path;
    const uint32_t most = opening.shape->connections;
    return limits_.Acquire(path, most, [this, opening = std::move(opening)] { OnPermit(opening); });
  }
  site.opening = false;
  if (route.fault != dns::RouteFault::kNone) {
    OnRouteFault(site, route);
  } else {
    ReturnAllPrepared(site);
    if (site.failures > 0) {  // of DNS, which answers again
      suspensions_.Lift({queue::SuspensionKind::kSite, site.name});
      site.failures = 0;
      site.probing = false;
    }
    Site& to = SiteNamed(route.site, site.pool, false);
    KnowHosts(to, route.hosts);
    const std::vector<LaneHandle> lanes = site.lanes;
    for (const LaneHandle handle : lanes)
      if (lanes_.Get(handle)->key.domain == domain) MoveLane(handle, to);
    if (shard_.clock.Now() < to.suspended_until) Evict(to);
    Pump(to);
    Pump(site);
  }
  Touch(site);
}

void Scheduler::OnPermit(const Opening& opening) {
  const auto it = sites_.find(opening.site);
  CHECK(it != sites_.end());
  Site& site = *it->second;
  CHECK(site.opening);
  site.opening = false;
  // After a reload the permit may be of a path that is counted otherwise, or one too many.
  const bool may_open = MaySend() && opening.generation == shapes_.generation() &&
                        shard_.clock.Now() >= site.suspended_until &&
                        (!site.probing || site.open == 0) &&
                        !PathBlocked(opening.source.name, site);
  const config::Source& source = opening.source;
  const size_t who = site.rotation.Find(source.name);
  const auto place = may_open && Prepare(site) ? JobFor(site, who, std::nullopt) : std::nullopt;
  OpenDelivery next;
  next.site = &site;
  next.path = opening.path;
  if (!place.has_value() || !TakeConnection(site, next, source.name, opening.domain)) {
    limits_.Release(opening.path);
    return Touch(site);
  }
  DeliveryPath where{.site = site.name,
                     .source = source.name,
                     .ehlo = source.ehlo.empty() ? shard_.config->hostname : source.ehlo,
                     .address = source.address,
                     .proxy = ProxyOf(source),
                     .hosts = opening.route.hosts,
                     .configured = opening.route.configured,
                     .shape = opening.shape};
  const DeliveryHandle handle = deliveries_.Emplace();
  OpenDelivery& open = *deliveries_.Get(handle);
  open = std::move(next);
  open.delivery = std::make_unique<Delivery>(shared_, *this, std::move(where));
  by_delivery_.emplace(open.delivery.get(), handle);
  ++site.open;
  ++site.rotation[who].open;
  site.rotation[who].asked = shard_.clock.Now();
  ++open_on_[open.path];
  ProbePath(site, source.name);
  open.delivery->Start(HandOut(site, *place, who));
  Pump(site);
}

// ---- trouble ---------------------------------------------------------------------------------

// What an earlier run knew of a site that comes to life.
void Scheduler::RememberTrouble(Site& site) {
  const Suspensions::Entry* known = suspensions_.TakeUp({queue::SuspensionKind::kSite, site.name});
  if (known == nullptr) return;
  const Duration left = known->until - shard_.clock.Wall();
  site.failures = std::max(1u, known->failures);
  site.probing = left <= Duration(0);
  site.trouble = known->reason;
  // Should the clock have been set back meanwhile, it is no longer than a new suspension.
  if (!site.probing) Rest(site, shard_.clock.Now() + std::min(left, kSuspendMax), known->reason);
}

void Scheduler::ReturnAllPrepared(Site& site) {
  while (!site.prepared.empty()) {
    const uint64_t id = site.prepared.back();
    site.prepared.pop_back();
    ReturnPrepared(id);
  }
}

void Scheduler::Suspend(Site& site, std::string why) {
  const std::vector<Duration>& gaps = ShapeOf(site, {}, {})->retry.gaps;
  const size_t step = std::min<size_t>(site.failures, gaps.size() - 1);
  const Duration gap = std::min(gaps[step], kSuspendMax);
  ++site.failures;
  site.suspended_at = shard_.clock.Now();
  Rest(site, shard_.clock.Now() + gap, std::move(why));
  const queue::SuspensionId id{queue::SuspensionKind::kSite, site.name};
  suspensions_.Put(id, shard_.clock.Wall() + gap, site.failures, site.trouble);
  const Suspensions::Entry* entry = suspensions_.Find(id);
  if (entry == nullptr) return;  // there was no room to keep it
  // It is dead for the other pools, too.
  const Suspensions::Entry told = *entry;
  for (Site* other : std::vector<Site*>(by_name_.at(site.name)))
    if (other != &site) HearOfSite(*other, &told);
}

void Scheduler::Rest(Site& site, Instant until, std::string why) {
  site.suspended_until = until;
  site.trouble = std::move(why);
  site.timer.Set(until);
  ReturnAllPrepared(site);
  Evict(site);
}

// Another shard has something to say of the site: it could not be reached, or (null) it lives.
void Scheduler::HearOfSite(Site& site, const Suspensions::Entry* entry) {
  const queue::SuspensionId id{queue::SuspensionKind::kSite, site.name};
  const Instant now = shard_.clock.Now();
  if (entry == nullptr) {
    if (site.failures == 0) return;
    // Whoever found it dead a moment ago must not find it so again and again.
    const bool contradicted = now - site.suspended_at < kOpenBackoff;
    Revive(site);
    if (contradicted) site.open_not_before = now + kOpenBackoff;
    return Touch(site);
  }
  if (IsWorking(site.name)) return suspensions_.Lift(id);
  (void)suspensions_.TakeUp(id);
  site.failures = std::max(1u, entry->failures);
  site.probing = false;
  const Duration left = std::max(Duration(0), entry->until - shard_.clock.Wall());
  Rest(site, now + std::min(left, kSuspendMax) + kProbeLead, entry->reason);
}

bool Scheduler::IsWorking(const std::string& site) {
  bool working = false;
  deliveries_.ForEach([&](DeliveryHandle, OpenDelivery& open) {
    working |= open.site->name == site && open.worked && open.delivery->ready();
  });
  return working;
}

void Scheduler::Resume(Site& site) {
  const Instant now = shard_.clock.Now();
  if (now < site.suspended_until) return site.timer.Set(site.suspended_until);
  site.probing = site.failures > 0;
  const std::vector<LaneHandle> lanes = site.lanes;
  for (const LaneHandle handle : lanes)
    if (Lane* lane = lanes_.Get(handle)) lanes_.Refill(*lane, handle);
  Pump(site);
}

void Scheduler::OnSuccess(Site& site) {
  suspensions_.Lift({queue::SuspensionKind::kSite, site.name});
  const std::vector<Site*> named = by_name_.at(site.name);
  for (Site* one : named) {
    if (one->failures == 0) continue;
    Revive(*one);
    Pump(*one);
  }
}

void Scheduler::Revive(Site& site) {
  site.failures = 0;
  site.probing = false;
  site.suspended_until = {};  // set by a round that failed while another was under way
  site.trouble.clear();
  site.open_not_before = {};
  const std::vector<LaneHandle> lanes = site.lanes;
  for (const LaneHandle handle : lanes)
    if (Lane* lane = lanes_.Get(handle)) lanes_.Refill(*lane, handle);
}

void Scheduler::OnRoundFailed(Site& site, const JobState& state, const Job& job,
                              const std::vector<size_t>& untried, const RoundFailure& failure,
                              const DeliveryPath& path) {
  if (OnSourceFailed(site, state, job, untried, failure, path.source)) return;
  if (!untried.empty())
    TellRoundFailed(site, path.source, DomainOf(job.recipients[untried.front()].address),
                    state.sent, failure.last);
  bool blocked = false;
  for (const size_t r : untried) {
    const Judge judge = MakeJudge(site, DomainOf(job.recipients[r].address), path.source);
    Verdict verdict = JudgeRound(judge, failure, job.message->message, job.recipients[r]);
    if (verdict.rule != nullptr)
      Refine(site, path.source, ContextOf(site, path.source, ReceiverOf(site), job, r),
             job.recipients[r].attempts, verdict);
    if (r == untried.front()) {
      React(site, path.source, job, r, failure.last, verdict, nullptr);
      blocked = PathBlocked(path.source, site);
    }
    recorder_.Record(state.lanes[r],
                     {job.message, job.recipients[r], job.content, state.indexed[r]}, verdict,
                     {path.site, path.source, &failure.last});
  }
  if (failure.last.fault == Fault::kShutdown || failure.domains_own) return;
  if (blocked || failure.of_source()) return;  // it is the source's trouble, not the site's
  if (IsWorking(site.name)) {
    site.open_not_before = shard_.clock.Now() + kOpenBackoff;
    site.trouble = failure.last.host + ": " + failure.last.text;
  } else if (shard_.clock.Now() >= site.suspended_until) {
    Suspend(site, failure.last.host + ": " + failure.last.text);
  }
}

void Scheduler::OnRouteFault(Site& site, const Route& route) {
  // The first recipient is the probe: when it is deferred, all of the site wait.
  bool deferred = false;
  int budget = kFaultSlice;
  const auto settle = [&](LaneHandle handle, Waiting waiting) {
    const Judge judge = MakeJudge(site, DomainOf(waiting.recipient.address), {});
    const Verdict verdict =
        JudgeRoute(judge, route.fault, route.detail, waiting.message->message, waiting.recipient);
    deferred |= verdict.outcome == Outcome::kDeferred;
    recorder_.Record(handle, std::move(waiting), verdict, {.site = {}, .source = {}});
    --budget;
  };
  while (!site.prepared.empty() && !deferred && budget > 0) {
    JobState state = std::move(jobs_.at(site.prepared.front()));
    jobs_.erase(site.prepared.front());
    site.prepared.pop_front();
    for (size_t r = 0; r < state.lanes.size(); ++r)
      settle(state.lanes[r], {state.job.message, std::move(state.job.recipients[r]),
                              state.job.content, state.indexed[r]});
  }
  while (!deferred && budget > 0) {
    auto next = TakeNext(site);
    if (!next) break;
    settle(next->first, std::move(next->second));
  }
  if (deferred) return Suspend(site, route.detail);
  if (site.ready > 0) site.timer.Set(shard_.clock.Now());  // the next slice, in the next turn
}

}  // namespace sluice::engine
