// What the owner of a path does: gives out the day's count, judges the day, keeps rows.

#include <algorithm>
#include <utility>

#include "engine/shard/warmup.h"

namespace sluice::engine {

using config::WarmupPlan;

namespace {

std::string_view ProviderOf(std::string_view receiver) {
  return receiver.starts_with('@') ? receiver.substr(1) : std::string_view();
}

WarmupPlan ToPlan(const std::string& text, std::string_view provider) {
  if (text == config::kWarmupByProvider) return config::DefaultWarmupPlan(provider);
  // The checks of the configuration have read it before.
  return config::ParseWarmupPlan(text).value_or(WarmupPlan{});
}

WarmupPlan PlanOf(const config::Source& source, const std::string& receiver) {
  const std::string_view provider = ProviderOf(receiver);
  for (const config::WarmupFor& one : source.warmup_for)
    if (one.provider == provider) return ToPlan(one.plan, provider);
  return source.warmup.empty() ? WarmupPlan{} : ToPlan(source.warmup, provider);
}

}  // namespace

void Warmup::Load(std::span<const queue::Suspension> kept) {
  for (const queue::Suspension& row : kept) {
    auto state = WarmupStateOf(row);
    if (state && OwnerOf(row.id.key) == shard_) tracks_[row.id.key].state = std::move(*state);
  }
  RenewPlans();
}

void Warmup::RenewPlans() {
  for (auto& [path, track] : tracks_)
    if (const config::Source* source = SourceOf(track.state.source))
      track.plan = PlanOf(*source, track.state.receiver);
  next_day_ = {};  // the zone may be another
}

// Null: the source is not in warm-up, or there are too many paths.
Warmup::Track* Warmup::TrackOf(const std::string& source, const std::string& receiver) {
  const config::Source* rules = SourceOf(source);
  const std::string path = WarmupPathOf(source, receiver);
  if (rules == nullptr || path.size() > queue::kMaxSuspensionKey) return nullptr;
  auto it = tracks_.find(path);
  if (it == tracks_.end()) {
    if (tracks_.size() == kPathsMax) return nullptr;
    it = tracks_.try_emplace(path).first;
    it->second.state.source = source;
    it->second.state.receiver = receiver;
    it->second.plan = PlanOf(*rules, receiver);
  }
  Roll(it->second);
  return &it->second;
}

// Midnight may have come. When the clock was set back, the day goes on.
void Warmup::Roll(Track& track) {
  const WallTime today = config_->zone.DayOf(clock_.Wall());
  WarmupState& state = track.state;
  const config::Source* source = SourceOf(state.source);
  if (today <= state.day || source == nullptr) return;
  track.changed = true;
  if (state.day == WallTime{} || state.warm(track.plan)) {
    state.day = today;
    return;
  }
  const bool well = EndDay(state, track.plan, *source, today);
  if (well && !state.warm(track.plan)) return;
  Tell(state, queue::EventType::kAlert, "warmup", Describe(state, track.plan) + "; " + state.last,
       "");
}

void Warmup::GiveHere(const std::string& source, const std::string& receiver, uint64_t want,
                      const GrantFn& done) {
  const WallTime now = clock_.Wall();
  Track* track = TrackOf(source, receiver);
  // A reload that only one of the shards has heard of: the other will ask anew.
  if (track == nullptr)
    return done({.day_end = config_->zone.DayAfter(now), .until = now + kAnswer});
  WarmupState& state = track->state;
  if (state.warm(track->plan)) return done({.warm = true});
  const uint64_t planned = track->plan[state.step];
  const uint64_t room = planned - std::min(planned, state.given);
  Grant grant{.day_end = config_->zone.DayAfter(std::max(now, state.day))};
  grant.why = Describe(state, track->plan);
  // Some may come back.
  const bool over = room == 0 && state.counts.tried >= state.given;
  grant.until = over ? grant.day_end : std::min(grant.day_end, now + kLookAgain);
  if (room < want) return done(grant);
  const uint64_t piece = std::clamp(room / (2 * peers_.size()), config::kWarmupLeast, kPiece);
  grant.count = std::max(want, std::min(piece, room));
  state.given += grant.count;
  track->changed = false;
  queue::Transaction transaction;
  transaction.suspensions.push_back(ToRow(state));
  links_.Submit(std::move(transaction), true,
                [grant, now, done](const queue::Committed& committed) mutable {
                  if (!committed.status) {
                    grant.count = 0;
                    grant.until = now + kLookAgain;
                  }
                  done(grant);
                });
}

void Warmup::PutBackHere(const std::string& path, WallTime day_end, uint64_t count) {
  const auto it = tracks_.find(path);
  if (it == tracks_.end()) return;
  WarmupState& state = it->second.state;
  if (config_->zone.DayAfter(state.day) != day_end) return;
  state.given -= std::min(state.given, count);
  it->second.changed = true;
}

void Warmup::CountHere(const Tally& tally) {
  Track* track = TrackOf(tally.source, tally.receiver);
  if (track == nullptr) return;
  WarmupCounts& counts = track->state.counts;
  counts.tried += tally.counts.tried;
  counts.deferred += tally.counts.deferred;
  counts.bounced += tally.counts.bounced;
  track->changed = true;
}

std::vector<WarmupView> Warmup::Views() {
  std::vector<WarmupView> out;
  for (auto& [path, track] : tracks_) {
    const config::Source* source = SourceOf(track.state.source);
    if (source == nullptr || track.plan.empty()) continue;
    Roll(track);
    out.push_back({.state = track.state,
                   .planned = track.state.warm(track.plan) ? 0 : track.plan[track.state.step],
                   .days = track.plan.size(),
                   .waits = WaitsOver(*source)});
  }
  return out;
}

size_t Warmup::Carry(WarmupOrder order, const std::string& source, const std::string& receiver,
                     const std::string& by) {
  size_t carried = 0;
  for (auto& [path, track] : tracks_) {
    WarmupState& state = track.state;
    if (state.source != source || (!receiver.empty() && state.receiver != receiver)) continue;
    if (SourceOf(source) == nullptr || track.plan.empty()) continue;
    Roll(track);
    ++carried;
    track.changed = true;
    const char* reason = "warmup_pause";
    if (order == WarmupOrder::kPause) {
      state.paused = true;
    } else if (order == WarmupOrder::kResume) {
      reason = "warmup_resume";
      state.paused = false;
    } else {
      reason = "warmup_reset";
      state.step = 0;
      state.counts = {};  // what has gone today has gone, but is no first day
      state.last = "begun anew";
      for (uint32_t i = 0; i < peers_.size(); ++i)
        out_.Send(i, [peer = peers_[i], path] { peer->Forget(path); });
    }
    Tell(state, queue::EventType::kOrder, reason, Describe(state, track.plan), by);
  }
  return carried;
}

void Warmup::Tell(const WarmupState& state, queue::EventType type, std::string reason,
                  std::string text, const std::string& by) {
  queue::Event event;
  event.type = type;
  event.time = clock_.Wall();
  event.source = state.source;
  event.user = by;
  event.reason = std::move(reason);
  event.text = std::move(text);
  event.text.resize(std::min(event.text.size(), queue::kMaxReplyText));
  queue::Transaction transaction;
  transaction.events.push_back(std::move(event));
  links_.Submit(std::move(transaction), false, {});
}

void Warmup::Flush() {
  for (auto& [path, tally] : std::exchange(counted_, {})) {
    const uint32_t owner = OwnerOf(path);
    if (owner == shard_) {
      CountHere(tally);
    } else {
      out_.Send(owner, [peer = peers_[owner], tally] { peer->CountHere(tally); });
    }
  }
  if (tracks_.empty()) return;
  if (clock_.Wall() >= next_day_) {
    for (auto& [path, track] : tracks_) Roll(track);
    next_day_ = config_->zone.DayAfter(clock_.Wall());
    SetTimer();
  }
  queue::Transaction transaction;
  for (auto& [path, track] : tracks_)
    if (std::exchange(track.changed, false)) transaction.suspensions.push_back(ToRow(track.state));
  if (!transaction.suspensions.empty()) links_.Submit(std::move(transaction), false, {});
}

}  // namespace sluice::engine
