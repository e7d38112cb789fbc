#include "engine/shard/adaptive_rate.h"

#include <algorithm>
#include <utility>

#include "engine/base/check.h"

namespace sluice::engine {
namespace {

// A rate is measured over at least so long, and over so many answers where they come within
// kMeterMax.
constexpr Duration kMeterMin{2'000'000};
constexpr Duration kMeterMax{600'000'000};
constexpr uint64_t kMeterCount = 20;
// Less time than this says nothing.
constexpr double kMeterResolution = 0.1;

// A step of growth is judged by so many seconds of mail, and at least so many answers.
constexpr double kStepSeconds = 2;
constexpr double kStepAnswers = 5;
// Beyond a ceiling it takes longer: receivers overlook bursts for a while.
constexpr double kTrySeconds = 10;
// Who uses less than this of the rate has not tried it.
constexpr double kUsed = 0.9;
// Refused so soon after a cut, or so far below the ceiling: what was learnt is wrong.
constexpr uint64_t kEarly = 20;
constexpr double kFarBelow = 0.85;
// So many cuts, none of them followed by many good answers, down to a part of the rate or to the
// floor: they were in vain. Then refusals mean a rest and nothing else for a while.
constexpr uint64_t kManyGood = 1'000;
constexpr uint32_t kVainCuts = 8;
constexpr double kVainPart = 16;
constexpr uint64_t kVainAnswers = 64;
constexpr Duration kDeaf{1'800'000'000};
// So often in a row refused early meanwhile: not by chance.
constexpr uint32_t kDeafTries = 10;
// One cut leaves at least this, whatever was measured.
constexpr double kDeepestCut = 0.25;
// Growth in a step after the first answers were refusals, until the next one.
constexpr double kFirstGrowth = 0.5;
// Above this nothing is paced any more.
constexpr double kUnpaced = 100'000;
// The share of a smoothed latency that is new.
constexpr double kSmooth = 1.0 / 8;
// How fast the quickest reply that is remembered gives way to what is usual.
constexpr double kAge = 1.0 / 1'024;

double Seconds(Duration d) { return double(d.count()) / 1e6; }

}  // namespace

void AdaptiveRate::Meter::Begin(Instant now) {
  *this = {};
  slot = now;
}

void AdaptiveRate::Meter::Add(Instant now) {
  const Duration lasted = now - slot;
  if (lasted >= kMeterMin && (count >= kMeterCount || lasted >= kMeterMax)) {
    before = lasted;
    count_before = count;
    count = 0;
    slot = now;
  }
  ++count;
}

double AdaptiveRate::Meter::rate(Instant now) const {
  return double(count + count_before) /
         std::max(kMeterResolution, Seconds(now - slot) + Seconds(before));
}

AdaptiveRate::AdaptiveRate(const Limits& limits, Instant now) : limits_(limits) { Reset(now); }

void AdaptiveRate::Reset(Instant now) {
  const Limits limits = limits_;
  const uint64_t refused = refused_;
  const double quickest = quickest_;
  *this = AdaptiveRate();
  limits_ = limits;
  refused_ = refused;
  quickest_ = quickest;
  step_at_ = now;
  meter_.Begin(now);
}

void AdaptiveRate::SetLimits(const Limits& limits) {
  CHECK(limits.rate > 0);
  CHECK(limits.connections > 0);
  limits_ = limits;
}

// Quickly to the order of a minute, then with care: a receiver that punishes us for asking is not
// to be kept waiting for longer than it must.
Duration AdaptiveRate::LongerRest(Duration rest) {
  return std::min(rest < kRestLong ? 3 * rest : rest + rest / 2, kRestMax);
}

// ---- the rate ----------------------------------------------------------------------------------

// What the receiver took of late, not what it might have.
double AdaptiveRate::RefusedAt(Instant now) const {
  const double measured = meter_.rate(now);
  if (rate_ == kNoRate) return measured;
  return std::clamp(measured, rate_ * kDeepestCut, rate_);
}

void AdaptiveRate::Cut(Instant began, Instant now, double part) {
  ++refused_;
  if (began < cut_at_) return;
  if (asking_) {
    rest_ = LongerRest(rest_);
    // Once is chance.
    if (++asked_in_vain_ > (now < deaf_until_ ? 3u : 1u)) {
      deaf_until_ = {};
      if (!std::exchange(lowered_, true)) Lower(now, part);
    }
  } else {
    // Refused at once, as fast as it went before: so the rate was meant after all. While the path
    // is deaf no cuts are counted, but these.
    if (now < deaf_until_) series_cuts_ = good_ < kEarly ? series_cuts_ + 1 : 0;
    const bool wrongly = now < deaf_until_ && series_cuts_ >= kDeafTries;
    lowered_ = wrongly || now >= deaf_until_;
    if (wrongly) {
      series_cuts_ = 0;
      deaf_until_ = {};
      ceiling_at_ = now;
      rate_ = std::max(kCut * ceiling_, std::min(limits_.floor, limits_.rate));
    } else if (lowered_) {
      Lower(now, part);
    } else {
      rest_ = kRestMin;
    }
    asking_ = true;
    asked_in_vain_ = 0;
    resting_since_ = now;
  }
  good_ = 0;
  cut_at_ = now;
  not_before_ = now + rest_;
}

void AdaptiveRate::Lower(Instant now, double part) {
  if (rate_ == kNoRate && meter_.count + meter_.count_before < kEarly) return BeginSlowly(now);
  const double at = RefusedAt(now);
  const bool known = ceiling_ != kNoRate && at >= ceiling_ * kFarBelow && good_ >= kEarly;
  try_after_ = known ? std::min(2 * try_after_, kTryAfterMax) : kTryAfterMin;
  try_rests_ = known ? std::min(2 * try_rests_, kTryAfterRests << 8) : kTryAfterRests;
  if (part == 0) part = known ? kCut : kFirstCut;
  ceiling_ = at;
  ceiling_at_ = now;
  growth_ = 0;
  const double floor = std::min(limits_.floor, limits_.rate);
  rate_ = std::max(at * part, floor);
  if (good_ >= kManyGood) series_cuts_ = 0;
  if (series_cuts_++ == 0) {
    series_from_ = at;
    series_answers_ = 0;
  }
  // Refused as often, however slowly we go: it is not the rate that they mean.
  if (series_cuts_ < kVainCuts || series_answers_ < kVainAnswers) return;
  if (rate_ > floor && rate_ * kVainPart > series_from_) return;
  rate_ = std::max(rate_, series_from_);
  series_cuts_ = 0;
  deaf_until_ = now + kDeaf;
}

// Refused before anything was taken: what is too much is not known, nor that it is the rate.
void AdaptiveRate::BeginSlowly(Instant now) {
  rate_ = std::max(kFirstRate, std::min(limits_.floor, limits_.rate));
  ceiling_ = kNoRate;
  ceiling_at_ = now;
  growth_ = kFirstGrowth;
}

void AdaptiveRate::Slow(double part, double floor, Instant began, Instant now) {
  CHECK(part > 0 && part < 1);
  Cut(began, now, part);
  rate_ = std::max(rate_, std::min(floor, limits_.rate));
}

// The next rest begins with half of what this one took.
void AdaptiveRate::CalmAgain(Instant now) {
  asking_ = false;
  rested_ = now - resting_since_;
  rest_ = std::clamp(rested_ / 2, kRestMin, kRestMax);
  step_at_ = now;
  step_good_ = 0;
  meter_.Begin(now);
}

void AdaptiveRate::OnAnswered(Instant began, Instant now) {
  NoteLatency(now - began);
  meter_.Add(now);
  ++series_answers_;
  if (began < cut_at_) return;
  if (asking_) CalmAgain(now);
  ++good_;
  GrowConnections();
  if (rate_ != kNoRate) Grow(now);
}

// A step is made when the rate of now has been used for a while.
void AdaptiveRate::Grow(Instant now) {
  ++step_good_;
  const bool climbs = ceiling_ == kNoRate || (growth_ == 0 && rate_ < kNear * ceiling_);
  if (double(step_good_) < std::max(kStepAnswers, rate_ * (climbs ? kStepSeconds : kTrySeconds)))
    return;
  const double used = double(step_good_) / std::max(kMeterResolution, Seconds(now - step_at_));
  step_good_ = 0;
  step_at_ = now;
  if (used < kUsed * rate_ || SlowReplies(kSlowReplies)) return;
  Raise(now);
}

void AdaptiveRate::Raise(Instant now) {
  if (growth_ == 0 && rate_ < kNear * ceiling_) {
    rate_ = std::min(rate_ + kStep * ceiling_, kNear * ceiling_);
  } else if (growth_ == 0) {
    const Duration since = now - ceiling_at_;
    if (since < std::min(try_rests_ * rested_, kTryRestsMax)) return;
    if (good_ < try_after_ && since < kForget) return;
    growth_ = kStep;
    rate_ *= 1 + growth_;
  } else {
    // What was refused once is taken now: that is the least that may be refused next.
    ceiling_ = std::max(ceiling_, rate_);
    if (ceiling_ != kNoRate) growth_ = std::min(2 * growth_, kGrowth);
    rate_ *= 1 + growth_;
  }
  rate_ = std::min(rate_, limits_.rate);
  if (rate_ > kUnpaced) rate_ = kNoRate;
}

void AdaptiveRate::Cap(double rate, Instant until) {
  CHECK(rate > 0);
  cap_ = rate;
  cap_until_ = until;
}

double AdaptiveRate::rate(Instant now) const {
  double out = std::min(limits_.rate, rate_);
  if (now < cap_until_) out = std::min(out, cap_);
  if (asking_) out = std::min(out, 1 / Seconds(rest_));
  return out;
}

// ---- connections -------------------------------------------------------------------------------

void AdaptiveRate::OnConnectionRefused(uint32_t open, Instant began, Instant now) {
  if (open == 0) return Cut(began, now, 0);  // it is not one too many, but we who are not wanted
  ++refused_;
  if (began < connections_cut_) return;
  // As many as it refuses now have stood: perhaps it counts one still that has just ended.
  const bool stood = connections_ceiling_ != UINT32_MAX && open < connections_ceiling_;
  if (stood && !std::exchange(connections_doubted_, true)) return;
  connections_ = open;
  connections_ceiling_ = open;
  connections_felt_ = true;
  connections_cut_ = now;
  connections_try_ = now + connections_wait_;
  connections_wait_ = std::min(2 * connections_wait_, kTryConnectionMax);
}

void AdaptiveRate::OnConnected(uint32_t open) {
  connections_doubted_ = false;
  if (open <= connections_ceiling_) return;
  connections_ = std::max(connections_, double(open));
  connections_ceiling_ = UINT32_MAX;
  connections_wait_ = kTryConnectionMin;
}

uint32_t AdaptiveRate::connections(Instant now) const {
  const bool more = connections_ceiling_ != UINT32_MAX && now >= connections_try_;
  const double felt = more ? double(connections_ceiling_) + 1 : connections_;
  return std::min(uint32_t(std::clamp(felt, 1.0, double(UINT32_MAX))), limits_.connections);
}

void AdaptiveRate::GrowConnections() {
  if (connections_ >= connections_ceiling_ || SlowReplies(kSlowReplies)) return;
  const double more = connections_felt_ ? 1 / connections_ : 1;
  const double most = std::min(limits_.connections, connections_ceiling_);
  connections_ = std::clamp(connections_ + more, 1.0, std::max(1.0, most));
}

// ---- reply latency -----------------------------------------------------------------------------

bool AdaptiveRate::SlowReplies(double times) const {
  return latency_ > std::max(times * quickest_, double(kQuickReply.count()));
}

void AdaptiveRate::NoteLatency(Duration latency) {
  const double took = std::max(1.0, double(latency.count()));
  latency_ = latency_ == 0 ? took : latency_ + (took - latency_) * kSmooth;
  quickest_ = quickest_ == 0 ? took : std::min(took, quickest_ + (latency_ - quickest_) * kAge);
  if (latency_wait_ > 0) {
    --latency_wait_;
  } else if (SlowReplies(kVerySlowReplies)) {
    connections_ = std::max(1.0, connections_ * kCut);
    connections_felt_ = true;
    latency_wait_ = uint64_t(4 * connections_);
  }
}

bool AdaptiveRate::restrains(Instant now) const {
  return rate(now) < limits_.rate || connections(now) < limits_.connections;
}

}  // namespace sluice::engine
