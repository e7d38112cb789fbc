// What a shard holds in hand; the owner's part is in warmup_owner.cc.

#include "engine/shard/warmup.h"

#include <algorithm>
#include <utility>

namespace sluice::engine {

Warmup::Warmup(uint32_t shard, const Clock& clock, TimerQueue& timers, Links& links,
               Switchboard& out)
    : shard_(shard), clock_(clock), links_(links), out_(out), timer_(timers, [this] {
        OnTimer();
      }) {}

uint32_t Warmup::OwnerOf(const std::string& path) const {
  return uint32_t(std::hash<std::string>{}(path) % peers_.size());
}

void Warmup::SetConfig(std::shared_ptr<const config::Config> config) {
  for (auto& [path, hand] : hands_) PutBack(path, hand);
  hands_.clear();
  rules_.clear();
  mates_.clear();
  config_ = std::move(config);
  for (const config::Source& source : config_->sources) {
    if (source.warmup.empty() && source.warmup_for.empty()) continue;
    Rules& rules = rules_[source.name];
    rules.source = &source;
    if (const auto date = config::ParseDate(source.warmup_start))
      rules.start = config::BeginOfDate(*date, config_->zone);
    KnowMates(source.name);
  }
  RenewPlans();
}

void Warmup::KnowMates(const std::string& warming) {
  for (const config::Pool& pool : config_->pools) {
    if (std::ranges::find(pool.members, warming, &config::PoolMember::source) == pool.members.end())
      continue;
    for (const config::PoolMember& member : pool.members)
      if (member.source != warming) mates_[member.source].insert(warming);
  }
}

const config::Source* Warmup::SourceOf(const std::string& name) const {
  const auto it = rules_.find(name);
  return it == rules_.end() ? nullptr : it->second.source;
}

// What was given yesterday is over.
Warmup::Hand& Warmup::HandOf(const std::string& path) {
  Hand& hand = hands_[path];
  if (!hand.warm && hand.day_end <= clock_.Wall()) {
    hand.left = 0;
    hand.full = false;
    hand.full_until = {};
  }
  return hand;
}

// The others of its pools wait while it is not known whether a new source may take the mail, and
// where the policy is to wait.
WallTime Warmup::Until(const std::string& source, const std::string& receiver, std::string* why) {
  if (rules_.empty()) return {};
  Block last = BlockOf(source, receiver);
  const auto mates = mates_.find(source);
  if (mates != mates_.end()) {
    for (const std::string& mate : mates->second) {
      Block theirs = BlockOf(mate, receiver);
      const bool waits = WaitsOver(*SourceOf(mate)) && theirs.kind == Block::Kind::kFull;
      if ((waits || theirs.kind == Block::Kind::kAsking) && theirs.until > last.until)
        last = std::move(theirs);
    }
  }
  if (why != nullptr && last.until != WallTime{}) *why = std::move(last.why);
  return last.until;
}

Warmup::Block Warmup::BlockOf(const std::string& source, const std::string& receiver) {
  const auto rules = rules_.find(source);
  if (rules == rules_.end()) return {};
  const WallTime now = clock_.Wall();
  if (now < rules->second.start)
    return {Block::Kind::kStart, rules->second.start,
            "warm-up of source " + source + " begins on " + rules->second.source->warmup_start};
  Hand& hand = HandOf(WarmupPathOf(source, receiver));
  if (hand.warm) return {};
  if (hand.full_until > now) return {Block::Kind::kFull, hand.full_until, hand.why};
  const uint64_t need = std::max<uint64_t>(1, hand.need);
  if (hand.left >= need) return {};
  Ask(source, receiver, hand, need);
  return {hand.full ? Block::Kind::kFull : Block::Kind::kAsking, now + kAnswer,
          "warm-up of source " + source + ": more is being asked for"};
}

bool Warmup::Take(const std::string& source, const std::string& receiver, uint64_t recipients) {
  if (!Warms(source)) return true;
  const std::string path = WarmupPathOf(source, receiver);
  Hand& hand = HandOf(path);
  if (hand.warm) return true;
  hand.used = clock_.Now();
  if (hand.left < recipients) {
    hand.need = recipients;
    Ask(source, receiver, hand, recipients);
    return false;
  }
  hand.left -= recipients;
  hand.need = 0;
  // Ahead, so that nothing stands still while the owner writes.
  if (hand.left < kPiece / 2) Ask(source, receiver, hand, 1);
  return true;
}

void Warmup::Ask(const std::string& source, const std::string& receiver, Hand& hand,
                 uint64_t want) {
  if (std::exchange(hand.asked, true)) return;
  const std::string path = WarmupPathOf(source, receiver);
  const uint32_t owner = OwnerOf(path);
  out_.Send(owner, [this, peer = peers_[owner], source, receiver, path, want] {
    peer->GiveHere(source, receiver, want, [this, peer, path](const Grant& grant) {
      peer->out_.Send(shard_, [this, path, grant] { OnGrant(path, grant); });
    });
  });
}

void Warmup::OnGrant(const std::string& path, const Grant& grant) {
  Hand& hand = HandOf(path);
  hand.asked = false;
  hand.used = clock_.Now();
  hand.warm = grant.warm;
  if (grant.warm) return;
  if (grant.day_end <= clock_.Wall()) return;  // the day has ended on the way
  hand.day_end = grant.day_end;
  hand.left += grant.count;
  hand.full = hand.left < std::max<uint64_t>(1, hand.need);
  if (hand.full) {
    PutBack(path, hand);
    hand.full_until = grant.until;
    hand.why = grant.why;
  }
  hand.need = 0;
  SetTimer();
}

void Warmup::PutBack(const std::string& path, Hand& hand) {
  const uint64_t count = std::exchange(hand.left, 0);
  if (count == 0 || hand.day_end <= clock_.Wall()) return;
  const uint32_t owner = OwnerOf(path);
  out_.Send(owner, [peer = peers_[owner], path, day_end = hand.day_end, count] {
    peer->PutBackHere(path, day_end, count);
  });
}

void Warmup::Forget(const std::string& path) {
  PutBack(path, HandOf(path));
  hands_.erase(path);
}

void Warmup::OnTimer() {
  const Instant now = clock_.Now();
  for (auto& [path, hand] : hands_)
    if (hand.left > 0 && hand.used + kHold <= now) PutBack(path, hand);
  SetTimer();
}

// When something goes back, or the day ends.
void Warmup::SetTimer() {
  const Instant now = clock_.Now();
  Instant next = kNever;
  for (const auto& [path, hand] : hands_)
    if (hand.left > 0) next = std::min(next, hand.used + kHold);
  if (!tracks_.empty())
    next = std::min(next, now + std::max(Duration(0), next_day_ - clock_.Wall()));
  if (next == kNever) return timer_.Cancel();
  timer_.Set(next);
}

void Warmup::Count(const std::string& source, const std::string& receiver,
                   const WarmupCounts& counts) {
  if (!Warms(source)) return;
  const auto hand = hands_.find(WarmupPathOf(source, receiver));
  if (hand != hands_.end() && hand->second.warm) return;
  Tally& tally = counted_[WarmupPathOf(source, receiver)];
  tally.source = source;
  tally.receiver = receiver;
  tally.counts.tried += counts.tried;
  tally.counts.deferred += counts.deferred;
  tally.counts.bounced += counts.bounced;
}

}  // namespace sluice::engine
