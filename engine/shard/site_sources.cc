// engine/shard/site_sources.cc — the part of the Scheduler that chooses sources: pools, turns,
// recipients that wait for one source, and what fails on our own side.

#include <algorithm>
#include <utility>

#include "engine/base/check.h"
#include "engine/base/text.h"
#include "engine/shard/scheduler.h"

namespace sluice::engine {
namespace {

// A source without an address of a receiver's family is not tried there again for this long.
constexpr Duration kOtherFamilyRest = std::chrono::hours(1);

// So long others wait for a connection of a path that stands idle, and between two of them.
constexpr Duration kWantedPatience{1'000'000};

}  // namespace

// Pools, or what leaves by them, have changed: every lane goes to where its mail belongs now.
void Scheduler::Repool() {
  std::vector<Site*> sites;
  for (const auto& [key, site] : sites_) sites.push_back(site.get());
  for (Site* site : sites) {
    const config::Pool* pool = pools_.Named(site->pool);
    site->rotation.Renew(pool == nullptr ? std::vector<config::PoolMember>() : pool->members);
    for (size_t i = 0; i < site->rotation.size(); ++i) site->rotation[i].open = 0;
  }
  deliveries_.ForEach([](DeliveryHandle, OpenDelivery& open) {
    const size_t who = open.site->rotation.Find(open.delivery->path().source);
    if (who != Rotation::kNobody) ++open.site->rotation[who].open;
  });
  for (Site* site : sites) {
    bool returned = false;
    const std::vector<LaneHandle> lanes = site->lanes;
    for (const LaneHandle handle : lanes) {
      const LaneName& key = lanes_.Get(handle)->key;
      const std::string& pool = pools_.Of(key.tenant, key.campaign).name;
      if (pool == site->pool) continue;
      if (!std::exchange(returned, true)) ReturnAllPrepared(*site);
      Site& to = SiteNamed(site->name, pool, site->provisional);
      if (to.hosts.empty()) {
        to.hosts = site->hosts;
        to.replies_of = site->replies_of;
      }
      MoveLane(handle, to);
      if (shard_.clock.Now() < to.suspended_until) {
        Evict(to);
      } else if (Lane* lane = lanes_.Get(handle)) {
        lanes_.Refill(*lane, handle);  // it may have been put to sleep where it came from
      }
      Touch(to);
    }
    Touch(*site);
  }
}

const config::Source& Scheduler::SourceNamed(const std::string& name) const {
  const auto& sources = shard_.config->sources;
  const auto it = std::ranges::find(sources, name, &config::Source::name);
  CHECK(it != sources.end());  // the parser has checked it
  return *it;
}

// ---- turns -----------------------------------------------------------------------------------

bool Scheduler::AllOut(const Site& site) {
  for (size_t i = 0; i < site.rotation.size(); ++i)
    if (!PathBlocked(site.rotation[i].source, site)) return false;
  return true;
}

Rotation::StandingOf Scheduler::Standings(Site& site, bool busy) {
  const std::string domain(NextDomain(site));
  const Instant now = shard_.clock.Now();
  const bool room = !(busy && site.opening) && !((site.probing || !site.proven) && site.open > 0) &&
                    now >= site.open_not_before && site.open < ConnectionsOf(site, domain);
  return [this, &site, domain, room, now](size_t i) {
    const Rotation::Member& member = site.rotation[i];
    if (PathBlocked(member.source, site)) return Rotation::Standing::kOut;
    // One that its rate keeps from sending gives its share to the others.
    for (const auto& rate :
         {MessageRateOf(site, domain, member.source), LearntRateOf(site, member.source)})
      if (rate && rates_.Peek(rate->name) > now + site.lead) return Rotation::Standing::kOut;
    const bool may_open = room && !TooManyOpen(site, member.source, 1) &&
                          member.open < ShapeOf(site, domain, member.source)->connections &&
                          MayOpenFrom(site, member.source, domain);
    return may_open ? Rotation::Standing::kMayOpen : Rotation::Standing::kMayNotOpen;
  };
}

bool Scheduler::InTurn(Site& site, size_t who) {
  if (site.rotation.size() == 1) return true;
  return site.rotation.InTurn(who, Standings(site, true), shard_.clock.Now());
}

// Has this source a connection that asks for work, or may it have one?
bool Scheduler::IsAwaited(Site& site, size_t who) {
  const Rotation::Standing stands = Standings(site, false)(who);
  if (stands != Rotation::Standing::kMayNotOpen) return stands == Rotation::Standing::kMayOpen;
  const Rotation::Member& member = site.rotation[who];
  return member.open > 0 && shard_.clock.Now() - member.asked < Rotation::kPatience;
}

std::optional<size_t> Scheduler::JobFor(Site& site, size_t who, std::optional<uint32_t> before) {
  if (who == Rotation::kNobody) return std::nullopt;
  std::optional<bool> in_turn;
  for (size_t place = 0; place < site.prepared.size(); ++place) {
    if (before) ReturnForRate(site, place);
    if (place == site.prepared.size()) break;
    const JobState& state = jobs_.at(site.prepared[place]);
    const size_t kept = site.rotation.FindMark(state.source);
    if (kept != who) {
      if (!in_turn) in_turn = InTurn(site, who);
      if (!*in_turn || (kept != Rotation::kNobody && IsAwaited(site, kept))) continue;
    }
    if (!before || !JobHeldByRate(site, state.job, site.rotation[who].source, *before))
      return place;
  }
  return std::nullopt;
}

size_t Scheduler::NextSource(Site& site) {
  const Rotation::StandingOf standings = Standings(site, false);
  if (!site.prepared.empty()) {
    const size_t kept = site.rotation.FindMark(jobs_.at(site.prepared.front()).source);
    if (kept != Rotation::kNobody && standings(kept) == Rotation::Standing::kMayOpen) return kept;
  }
  const size_t next = site.rotation.NextToOpen(standings);
  if (next == Rotation::kNobody || site.prepared.empty()) return next;
  return JobFor(site, next, std::nullopt) ? next : Rotation::kNobody;
}

// Gives idle connections work. Among several sources one at a time: what it takes decides whose
// turn is next.
void Scheduler::PokeIdle(Site& site) {
  const bool alone = site.rotation.size() <= 1;
  for (size_t i = site.idle.size(); i-- > 0 && site.waiting() > site.poked;) {
    if (!alone && site.poked > 0) return;
    OpenDelivery& open = *deliveries_.Get(site.idle[i]);
    const bool leaving = !open.delivery->idle();  // it is saying goodbye
    const std::string& source = open.delivery->path().source;
    const size_t who = site.rotation.Find(source);
    // One whose source may not be used (any more) closes when it asks.
    const bool usable = who != Rotation::kNobody && !PathBlocked(source, site);
    if (!leaving && usable && !MayPoke(site, who)) continue;
    site.idle.erase(site.idle.begin() + std::ptrdiff_t(i));
    if (leaving) continue;
    open.poked = true;
    ++site.poked;
    open.delivery->Poke();
  }
  // Those that are waited for may keep silent.
  const Instant look_again = shard_.clock.Now() + Rotation::kPatience;
  if (!alone && !site.idle.empty() && site.waiting() > site.poked && site.timer.when() > look_again)
    site.timer.Set(look_again);
}

bool Scheduler::MayPoke(Site& site, size_t who) {
  if (!site.prepared.empty()) return JobFor(site, who, site.poked).has_value();
  if (!InTurn(site, who)) return false;
  return !HeldByMessageRates(site, NextDomain(site), site.rotation[who].source, 1, site.poked,
                             Duration(0));
}

// ---- connections for others -------------------------------------------------------------------

// Somebody waits for a connection of the path. Those that stand idle wait for a rate as a rule, and
// would be missed at once where it is a fast one: one goes after a while, then another.
void Scheduler::OnWanted(const std::string& path) {
  wanted_[path] = shard_.clock.Now() + kWantedPatience;
  wanted_timer_.Set(shard_.clock.Now() + kWantedPatience);
}

// Is an idle connection of the path to be closed now?
bool Scheduler::GivesUp(const std::string& path) {
  const auto it = wanted_.find(path);
  if (it == wanted_.end() || !limits_.IsWanted(path)) return false;
  const Instant now = shard_.clock.Now();
  if (now < it->second) return false;
  it->second = now + kWantedPatience;
  return true;
}

// Asks one idle connection of each path whether it has work now; else it closes (NextJob).
void Scheduler::OnWantedTimer() {
  std::erase_if(wanted_, [this](const auto& one) { return !limits_.IsWanted(one.first); });
  std::unordered_map<std::string, DeliveryHandle> idle;
  if (!wanted_.empty())
    deliveries_.ForEach([&](DeliveryHandle handle, OpenDelivery& open) {
      if (!open.poked && wanted_.contains(open.path) && open.delivery->idle())
        idle.emplace(open.path, handle);
    });
  for (const auto& [path, handle] : idle) {
    OpenDelivery& open = *deliveries_.Get(handle);
    if (std::erase(open.site->idle, handle) == 0) continue;
    open.poked = true;
    ++open.site->poked;
    open.delivery->Poke();
  }
  if (!wanted_.empty()) wanted_timer_.Set(shard_.clock.Now() + kWantedPatience);
}

// ---- sources that cannot be used -------------------------------------------------------------

bool Scheduler::OnSourceFailed(Site& site, const JobState& state, const Job& job,
                               const std::vector<size_t>& untried, const RoundFailure& failure,
                               const std::string& source) {
  const size_t who = site.rotation.Find(source);
  if (!failure.of_source() || who == Rotation::kNobody) return false;
  const bool first = site.rotation[who].failures == 0;
  const Duration rest = failure.other_family ? kOtherFamilyRest : site.rotation.Failed(who);
  PutStop(queue::SuspensionKind::kPath, source + " > " + site.name, rest, false, failure.last.text);
  if (!PathBlocked(source, site))  // there was no room to keep it
    site.open_not_before = shard_.clock.Now() + kOpenBackoff;
  if (first && !failure.other_family)
    owner_.Alert(std::string(failure.last.fault == Fault::kProxy ? reason::kProxyFailed
                                                                 : reason::kSourceAddress),
                 "source " + source + " cannot be used: " + failure.last.text);
  // Without another one the recipients hear of it, and the site waits for this one.
  if (AllOut(site)) {
    for (const size_t r : untried)
      recorder_.Record(state.lanes[r],
                       {job.message, job.recipients[r], job.content, state.indexed[r]},
                       JudgeRound(MakeJudge(site, DomainOf(job.recipients[r].address), source),
                                  failure, job.message->message, job.recipients[r]),
                       {site.name, source, &failure.last});
    WaitForSource(site);
    return true;
  }
  site.rotation.GaveBack(who, uint32_t(untried.size()));
  for (size_t i = untried.size(); i-- > 0;) {
    const size_t r = untried[i];
    PutBack(state.lanes[r], {job.message, job.recipients[r], job.content, state.indexed[r]});
  }
  Touch(site);
  return true;
}

}  // namespace sluice::engine
