#include "engine/shard/path_rates.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <utility>

#include "engine/base/check.h"

namespace sluice::engine {
namespace {

// Changes smaller than this part are not told: they would cost more than they bring.
constexpr double kSmall = 0.01;

// As near as it can be written, in a time that makes it exact to a thousandth.
config::Rate ToRate(double per_second) {
  constexpr double kHour = 3'600;
  if (per_second >= 1'000) return {uint64_t(per_second), Duration(1'000'000)};
  const double per = std::max(1.0, 1'000 / per_second);
  if (per <= kHour) return {1'000, Duration(int64_t(1e9 / per_second))};
  // One in so long: slow ones need no more.
  return {1, Duration(int64_t(1e6 / per_second))};
}

}  // namespace

std::string NameOfPath(const std::string& path) {
  const size_t bar = path.find('|');
  return bar == std::string::npos ? path : path.substr(0, bar) + " > " + path.substr(bar + 1);
}

std::string PathNamed(const std::string& name) {
  const size_t arrow = name.find(" > ");
  return arrow == std::string::npos ? name : name.substr(0, arrow) + "|" + name.substr(arrow + 3);
}

std::string RateText(double per_second) {
  char out[32];
  const bool fast = per_second >= 1;
  std::snprintf(out, sizeof out, fast ? "%.1f/s" : "%.1f/h",
                fast ? per_second : per_second * 3'600);
  return out;
}

PathRates::PathRates(uint32_t shard, const Clock& clock, Switchboard& out, Rates& rates,
                     std::function<uint32_t(const std::string& path)> open)
    : shard_(shard), clock_(clock), out_(out), rates_(rates), open_(std::move(open)) {}

// The owner is that of the path's connections.
void PathRates::Note(const std::string& path, const AdaptiveRate::Limits& limits,
                     const PathFact& fact, const std::string& why) {
  const auto owner = uint32_t(std::hash<std::string>{}(path) % peers_.size());
  if (owner == shard_) return NoteHere(path, limits, fact, why);
  out_.Send(owner, [peer = peers_[owner], path, limits, fact, why] {
    peer->NoteHere(path, limits, fact, why);
  });
}

void PathRates::NoteHere(const std::string& path, const AdaptiveRate::Limits& limits,
                         const PathFact& fact, const std::string& why) {
  const Instant now = clock_.Now();
  auto it = owned_.find(path);
  if (it == owned_.end()) {
    Sweep();
    if (owned_.size() >= kPathsMax) return;
    it = owned_.emplace(path, Owned{AdaptiveRate(limits, now), limits, {}, now}).first;
  }
  Owned& owned = it->second;
  owned.used = now;
  if (!(owned.limits == limits)) {
    owned.limits = limits;
    owned.rate.SetLimits(limits);
  }
  Apply(path, owned.rate, fact);
  Tell(path, owned, why);
}

void PathRates::Apply(const std::string& path, AdaptiveRate& rate, const PathFact& fact) {
  const Instant now = clock_.Now();
  switch (fact.kind) {
    case PathFact::Kind::kAnswered:
      return rate.OnAnswered(fact.began, now);
    case PathFact::Kind::kRateRefused:
      return rate.OnRateRefused(fact.began, now);
    case PathFact::Kind::kConnectionRefused: {
      const uint32_t out = open_(path);  // the refused one has still its permit
      return rate.OnConnectionRefused(out == 0 ? 0 : out - 1, fact.began, now);
    }
    case PathFact::Kind::kConnected:
      return rate.OnConnected(open_(path));
    case PathFact::Kind::kSlow:
      return rate.Slow(fact.part, fact.rate, fact.began, now);
    case PathFact::Kind::kCap:
      return rate.Cap(fact.rate, now + fact.length);
    case PathFact::Kind::kReset:
      return rate.Reset(now);
  }
  std::unreachable();
}

// Connections are held back only once they were felt to be too many: how a path begins is the
// site's business.
void PathRates::Tell(const std::string& path, Owned& owned, const std::string& why) {
  const Instant now = clock_.Now();
  Learnt next;
  const double rate = owned.rate.rate(now);
  if (rate < owned.limits.rate) next.rate = rate;
  if (owned.rate.connections_felt()) next.connections = owned.rate.connections(now);
  Learnt& told = owned.told;
  const bool same_rate = next.rate == told.rate ||
                         std::abs(next.rate - told.rate) < kSmall * std::min(next.rate, told.rate);
  if (same_rate && next.connections == told.connections) return;
  next.version = told.version + 1;
  next.why = why.empty() ? told.why : why;
  told = next;
  Hear(path, told);
  // The bucket of a new rate begins with a slot that is due at once: that has been used, or the
  // path rests.
  if (const auto key = KeyOf(path)) rates_.Owe(*key, 1);
  for (uint32_t i = 0; i < peers_.size(); ++i)
    if (i != shard_) out_.Send(i, [peer = peers_[i], path, next] { peer->Hear(path, next); });
}

void PathRates::Hear(const std::string& path, const Learnt& learnt) {
  if (const auto before = KeyOf(path)) rates_.Retire(before->name);
  if (learnt.rate == AdaptiveRate::kNoRate && learnt.connections == UINT32_MAX) {
    learnt_.erase(path);
  } else {
    learnt_[path] = learnt;
  }
}

std::optional<RateKey> PathRates::KeyOf(const std::string& path) const {
  const auto it = learnt_.find(path);
  if (it == learnt_.end() || it->second.rate == AdaptiveRate::kNoRate) return std::nullopt;
  return RateKey{std::string(Rates::kOfThisRun) + path + "|" + std::to_string(it->second.version),
                 ToRate(it->second.rate)};
}

uint32_t PathRates::ConnectionsOf(const std::string& path) const {
  const auto it = learnt_.find(path);
  return it == learnt_.end() ? UINT32_MAX : it->second.connections;
}

// What holds nothing back and was not used for long goes, whenever the number has doubled.
void PathRates::Sweep() {
  if (owned_.size() < sweep_at_) return;
  const Instant now = clock_.Now();
  std::erase_if(owned_, [now](const auto& one) {
    const Owned& owned = one.second;
    return owned.used + kIdle < now && owned.told.rate == AdaptiveRate::kNoRate &&
           owned.told.connections == UINT32_MAX;
  });
  sweep_at_ = std::clamp<size_t>(2 * owned_.size(), 1'024, kPathsMax);
}

}  // namespace sluice::engine
