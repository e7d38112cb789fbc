#include "engine/shard/scheduler.h"

#include <algorithm>
#include <utility>

#include "engine/base/check.h"
#include "engine/shard/route_table.h"
#include "engine/submission/bulk_rules.h"

namespace sluice::engine {

Scheduler::Scheduler(ShardContext& shard, const queue::Queue& queue, Links& links, Limits& limits,
                     Rates& rates, PathRates& path_rates, Warmup& warmup, Suspensions& suspensions,
                     dns::MxRouter& router, RecorderOwner& owner, const ReplyRules& rules,
                     TlsPolicies* policies)
    : shard_(shard),
      links_(links),
      limits_(limits),
      rates_(rates),
      path_rates_(path_rates),
      warmup_(warmup),
      started_(shard.clock.Wall()),
      suspensions_(suspensions),
      router_(router),
      owner_(owner),
      rules_(rules),
      shapes_(shard.config),
      pools_(shard.config),
      shared_{.shard = shard,
              .router = router,
              .broken_tls = broken_tls_,
              .rules = rules,
              .tls = {},
              .policies = policies},
      queue_nodes_(
          [this](std::string_view tenant) { return TenantOf(*shard_.config, tenant).weight; }),
      lanes_(shard, queue, links, *this),
      recorder_(shard, links, lanes_, orders_, owner),
      report_pace_(shard, [this](LaneHandle lane) { OnPaceOver(lane); }),
      reap_(shard.timers,
            [this] {
              for (const DeliveryHandle handle : closed_) deliveries_.Erase(handle);
              closed_.clear();
            }),
      opening_timer_(shard.timers, [this] { OnOpening(); }),
      wanted_timer_(shard.timers, [this] { OnWantedTimer(); }) {
  RenewTls();
  rates_.OnOpen([this](const std::string& who) { OnRateOpen(who); });
  limits_.OnWanted([this](const std::string& path) { OnWanted(path); });
  suspensions_.OnHeard([this](const queue::SuspensionId& id, const Suspensions::Entry* entry) {
    if (id.kind != queue::SuspensionKind::kSite) return HearOfStop(id, entry);
    const auto it = by_name_.find(id.key);
    if (it == by_name_.end()) return;
    for (Site* site : it->second) HearOfSite(*site, entry);
  });
}

Scheduler::~Scheduler() = default;

Judge Scheduler::MakeJudge(Site& site, std::string_view domain, std::string_view source) {
  return {ShapeOf(site, domain, source)->retry, rules_, shard_.random, shard_.clock.Wall()};
}

// ---- sites and lanes -------------------------------------------------------------------------

Site& Scheduler::SiteNamed(const std::string& name, const std::string& pool, bool provisional) {
  const std::string key = Site::KeyOf(name, pool);
  std::unique_ptr<Site>& slot = sites_[key];
  if (!slot) {
    slot = std::make_unique<Site>(
        name, pool, shard_.timers, queue_nodes_, [this, key] { Resume(*sites_.at(key)); },
        [this, key] { OnOpening(*sites_.at(key)); });
    slot->provisional = provisional;
    if (const config::Pool* known = pools_.Named(pool)) slot->rotation.Renew(known->members);
    by_name_[name].push_back(slot.get());
    RememberTrouble(*slot);
    RenewStopsAt(*slot);
  }
  return *slot;
}

void Scheduler::DropSiteIfIdle(Site& site) {
  if (!site.idle_for_good() || site.pump_pending) return;
  const auto named = by_name_.find(site.name);
  std::erase(named->second, &site);
  if (named->second.empty()) {
    if (site.failures > 0) suspensions_.Leave({queue::SuspensionKind::kSite, site.name});
    by_name_.erase(named);
  }
  sites_.erase(std::string(site.key));
}

void Scheduler::OnLaneAwake(Lane& lane, LaneHandle handle) {
  SiteNamed("?" + lane.key.domain, pools_.Of(lane.key.tenant, lane.key.campaign).name, true)
      .AddLane(lane, handle);
}

void Scheduler::OnLaneAsleep(Lane& lane, LaneHandle) {
  Touch(*lane.site);
  lane.site->DropLane(lane, [this](LaneHandle other) -> Lane& { return *lanes_.Get(other); });
}

// Looked after at the end of the turn, once, however often it is touched. Only there may a site go,
// so that a Site& is good for the whole turn.
void Scheduler::Touch(Site& site) {
  if (site.pump_pending) return;
  site.pump_pending = true;
  pump_.push_back(site.key);
}

void Scheduler::MoveLane(LaneHandle handle, Site& to) {
  Lane& lane = *lanes_.Get(handle);
  Site& from = *lane.site;
  CHECK(&from != &to);
  if (lane.window && lane.window->queued != kNoPlace)
    from.queue.Remove(std::exchange(lane.window->queued, kNoPlace));
  from.DropLane(lane, [this](LaneHandle other) -> Lane& { return *lanes_.Get(other); });
  to.AddLane(lane, handle);
  from.ready -= lane.ready();
  to.ready += lane.ready();
  Requeue(lane, handle);
}

// Brings the queue of the lane's site in line with its window.
void Scheduler::Requeue(Lane& lane, LaneHandle handle) {
  if (!lane.window) return;
  LaneWindow& window = *lane.window;
  SiteQueue& queue = lane.site->queue;
  if (window.ready.empty()) {
    if (window.queued != kNoPlace) queue.Remove(std::exchange(window.queued, kNoPlace));
    return;
  }
  const WallTime due = window.ready.front().recipient.due;
  if (window.queued == kNoPlace) {
    window.queued = queue.Add(handle, lane.key.tenant, lane.key.campaign, due);
  } else {
    queue.Move(window.queued, due);
  }
  if (window.paced) {
    queue.Park(window.queued);
  } else {
    queue.Unpark(window.queued);
  }
}

// It was taken, and not tried: it and its owners are as they were.
void Scheduler::PutBack(LaneHandle handle, Waiting waiting) {
  lanes_.PutBack(handle, std::move(waiting));
  Lane* lane = lanes_.Get(handle);
  if (lane == nullptr || !lane->window) return;
  if (lane->window->paced) Requeue(*lane, handle);
  if (lane->window->queued != kNoPlace) lane->site->queue.GaveBack(lane->window->queued);
}

// Nothing of the site stays in memory but what is under way.
void Scheduler::Evict(Site& site) {
  const std::vector<LaneHandle> lanes = site.lanes;
  for (const LaneHandle handle : lanes) {
    Lane* lane = lanes_.Get(handle);
    if (lane == nullptr || lane->site != &site || !lane->window) continue;
    lanes_.Evict(*lane, handle);
    Requeue(*lane, handle);
    lanes_.Tidy(handle);
  }
}

void Scheduler::OnPaceOver(LaneHandle handle) {
  Lane* lane = lanes_.Get(handle);
  if (lane == nullptr || !lane->window) return;
  lane->window->paced = false;
  if (lane->ready() > 0) OnReady(*lane, handle);  // it lost its place meanwhile
}

void Scheduler::OnReady(Lane& lane, LaneHandle handle) {
  if (lane.window->paced) return;  // OnPaceOver brings it back
  Requeue(lane, handle);
  Touch(*lane.site);
}

bool Scheduler::Settle() {
  for (int round = 0; round < 4 && !pump_.empty(); ++round) {
    pumping_.clear();
    std::swap(pump_, pumping_);
    for (const std::string& key : pumping_) {
      const auto it = sites_.find(key);
      CHECK(it != sites_.end());
      it->second->pump_pending = false;
      Pump(*it->second);
      DropSiteIfIdle(*it->second);
    }
  }
  return pump_.empty();
}

void Scheduler::OnExpired(Lane&, LaneHandle handle, Waiting waiting) {
  const Verdict verdict = JudgeExpired(shard_.config->retry, waiting.message->message,
                                       waiting.recipient, shard_.clock.Wall());
  recorder_.Record(handle, std::move(waiting), verdict, {});
}

// ---- work out of lanes -----------------------------------------------------------------------

std::optional<std::pair<LaneHandle, Waiting>> Scheduler::TakeNext(Site& site) {
  while (site.queue.CanGo()) {
    const LaneHandle handle = site.queue.Next();
    Lane* lane = lanes_.Get(handle);
    if (OutOfHours(*lane)) continue;
    if (report_pace_.MustWait(*lane, handle) || HeldByOwnerRate(site, handle, 1)) {
      Requeue(*lane, handle);
      continue;
    }
    site.queue.Took(lane->window->queued);
    Waiting waiting = lanes_.Take(*lane);
    if (queue::IsReportLane(lane->key.campaign)) report_pace_.Took(*lane);
    Requeue(*lane, handle);
    lanes_.Refill(*lane, handle);
    if (CancelIfOrdered(handle, waiting)) continue;
    if (IsOver(site, lane->key.domain, waiting)) {
      OnExpired(*lane, handle, std::move(waiting));
      continue;
    }
    if (!MailStopped(site, handle, waiting)) return std::pair(handle, std::move(waiting));
  }
  return std::nullopt;
}

// ---- deliveries ------------------------------------------------------------------------------

OpenDelivery& Scheduler::Find(Delivery& delivery) {
  const auto it = by_delivery_.find(&delivery);
  CHECK(it != by_delivery_.end());
  return *deliveries_.Get(it->second);
}

std::optional<Job> Scheduler::NextJob(Delivery& delivery) {
  OpenDelivery& open = Find(delivery);
  Site& site = *open.site;
  if (open.poked) {
    open.poked = false;
    --site.poked;
  }
  const Instant now = shard_.clock.Now();
  const std::string& source = delivery.path().source;
  const size_t who = site.rotation.Find(source);
  if (who == Rotation::kNobody || PathBlocked(source, site) || TooManyOpen(site, source, 0)) {
    delivery.Recycle();
    Touch(site);  // others go on
    return std::nullopt;
  }
  site.rotation[who].asked = now;
  const bool may_work = MaySend() && now >= site.suspended_until;
  for (bool again = may_work; again && Prepare(site);) {
    if (!site.idle.empty()) Touch(site);  // somebody else's turn may come with this
    if (const auto place = JobFor(site, who, 0u)) {
      ProbePath(site, source);
      return HandOut(site, *place, who);
    }
    Touch(site);
    again = SetAsideByRate(site);
  }
  if (GivesUp(open.path)) {
    delivery.Recycle();  // somebody else has work for it
  } else if (!stopping_) {
    site.idle.push_back(by_delivery_.at(&delivery));
  }
  return std::nullopt;
}

void Scheduler::OnResult(Delivery& delivery, Job& job, size_t recipient,
                         const AttemptResult& result) {
  OpenDelivery& open = Find(delivery);
  const DeliveryPath& path = delivery.path();
  JobState& state = jobs_.at(job.id);
  const Verdict verdict = RecordAttempt(state, job, recipient, result, path.site, path.source);
  if (result.fault == Fault::kNone && result.stage >= Stage::kMail) {
    open.worked = true;
    if (const size_t who = open.site->rotation.Find(path.source); who != Rotation::kNobody)
      open.site->rotation[who].failures = 0;
    TellAnswer(*open.site, path.source, DomainOf(job.recipients[recipient].address), state.sent,
               delivery.transactions() <= 1, result, verdict);
    if (!std::exchange(open.site->proven, true)) Touch(*open.site);
    if (open.site->failures > 0) OnSuccess(*open.site);
    const bool own = result.stage == Stage::kRcpt || verdict.outcome == Outcome::kDelivered;
    if (own || !std::exchange(state.reacted, true))
      React(*open.site, path.source, job, recipient, result, verdict, &delivery);
  }
  Answered(job.id, 1);
}

void Scheduler::OnJobReturned(Delivery& delivery, Job job, std::vector<size_t> untried,
                              const RoundFailure* failure) {
  OpenDelivery& open = Find(delivery);
  Site& site = *open.site;
  JobState& state = jobs_.at(job.id);
  if (failure != nullptr) {
    OnRoundFailed(site, state, job, untried, *failure, delivery.path());
  } else {
    const size_t who = site.rotation.Find(delivery.path().source);
    if (who != Rotation::kNobody) site.rotation.GaveBack(who, uint32_t(untried.size()));
    for (size_t i = untried.size(); i-- > 0;) {
      const size_t r = untried[i];
      PutBack(state.lanes[r],
              {job.message, std::move(job.recipients[r]), job.content, state.indexed[r]});
    }
  }
  Answered(job.id, untried.size());
}

void Scheduler::OnClosed(Delivery& delivery) {
  const DeliveryHandle handle = by_delivery_.at(&delivery);
  OpenDelivery& open = *deliveries_.Get(handle);
  Site& site = *open.site;
  if (open.poked) --site.poked;
  std::erase(site.idle, handle);
  CHECK(site.open > 0);
  --site.open;
  const size_t who = site.rotation.Find(delivery.path().source);
  if (who != Rotation::kNobody && site.rotation[who].open > 0) --site.rotation[who].open;
  limits_.Release(open.path);
  if (--open_on_.at(open.path) == 0) open_on_.erase(open.path);
  by_delivery_.erase(&delivery);
  closed_.push_back(handle);
  reap_.Set(shard_.clock.Now());
  Pump(site);
  Touch(site);
}

void Scheduler::LoadWindow(const Job& job, uint32_t offset, uint32_t length,
                           std::function<void(Result<std::string>)> done) {
  links_.Ask([body = job.message->message.body, offset, length,
              done = std::move(done)](queue::Queue& queue) mutable -> Task {
    return [done = std::move(done), bytes = queue.ReadBody(body, offset, length)]() mutable {
      done(std::move(bytes));
    };
  });
}

void Scheduler::Stop() {
  stopping_ = true;
  deliveries_.ForEach([](DeliveryHandle, OpenDelivery& open) { open.delivery->Stop(); });
}

void Scheduler::Abort() {
  stopping_ = true;
  deliveries_.ForEach([](DeliveryHandle, OpenDelivery& open) { open.delivery->Abort(); });
}

}  // namespace sluice::engine
