// engine/shard/adaptive_rate.h — how hard a path is worked, learnt from what the receiver answers.
//
// PURPOSE   Feels its way to limits that nobody has told us: a message rate and a number of
//           connections, never above the configured ones. Refusals that speak of rate cut the rate
//           and make the path rest; a single message then asks whether the receiver has calmed
//           down, at growing intervals. What was refused is remembered as the ceiling: the rate
//           climbs back to just below it and tries more only after many messages went well, each
//           time after twice as many. Past its ceiling it grows fast: the limit has been raised.
// START     Without a refusal there is no rate but the configured one. Connections begin with
//           kFirstConnections and grow by one with each message that is taken.
// NOT HERE  Who is sent when (the gate of the path), what a reply means (delivery/verdict.h).
// TIME      Each fact comes with the moment its attempt began: an answer to something that began
//           before the last cut says nothing about what holds since.
// THREADS   Confined to the shard that owns the path. No IO, no clock, no dice.
// TESTS     tests/shard/adaptive_rate_test.cc, bench/adaptive_rate.cc (against an oracle)

#ifndef SLUICE_ENGINE_SHARD_ADAPTIVE_RATE_H_
#define SLUICE_ENGINE_SHARD_ADAPTIVE_RATE_H_

#include <cstdint>
#include <limits>

#include "engine/base/time.h"

namespace sluice::engine {

class AdaptiveRate {
 public:
  static constexpr double kNoRate = std::numeric_limits<double>::infinity();
  // Rates are recipients tried a second.
  struct Limits {
    double rate = kNoRate;
    double floor = 1.0 / 60;
    uint32_t connections = UINT32_MAX;

    bool operator==(const Limits&) const = default;
  };

  static constexpr double kFirstConnections = 2;
  // The rate where the first answers are refusals.
  static constexpr double kFirstRate = 1;
  // A refusal leaves this much of the rate: of one that was not known before, of a ceiling that is.
  static constexpr double kFirstCut = 0.5;
  static constexpr double kCut = 0.85;
  // So near to its ceiling the rate climbs, in steps of this part of it.
  static constexpr double kNear = 0.95;
  static constexpr double kStep = 0.05;
  // Growth in a step where no ceiling is known, at most.
  static constexpr double kGrowth = 0.2;
  // Messages in a row that must go well before more than the ceiling is tried.
  static constexpr uint64_t kTryAfterMin = 500;
  static constexpr uint64_t kTryAfterMax = 32'000;
  // And so many times the rest that the last refusal cost must have passed; doubled with the above.
  static constexpr int kTryAfterRests = 2;
  static constexpr Duration kTryRestsMax{43'200'000'000};
  // How long the path rests after a refusal before it asks again, and at most after many.
  static constexpr Duration kRestMin{1'000'000};
  static constexpr Duration kRestMax{1'800'000'000};
  static constexpr Duration kRestLong{60'000'000};
  // A ceiling that was not felt for so long is forgotten.
  static constexpr Duration kForget{3'600'000'000};
  // One more connection than was granted is asked for after this long, each time twice as long.
  static constexpr Duration kTryConnectionMin{300'000'000};
  static constexpr Duration kTryConnectionMax{3'600'000'000};
  // Replies that take so many times as long as the quickest: no growth; fewer connections.
  static constexpr double kSlowReplies = 4;
  static constexpr double kVerySlowReplies = 8;
  // Replies quicker than this are never called slow.
  static constexpr Duration kQuickReply{2'000'000};

  AdaptiveRate(const Limits& limits, Instant now);
  // Of a reload.
  void SetLimits(const Limits& limits);

  // ---- facts -----------------------------------------------------------------------------------

  // The receiver dealt with a recipient: it was taken, or refused for a reason of its own.
  void OnAnswered(Instant began, Instant now);
  // Refused because we send too much: 421, or words that speak of rate.
  void OnRateRefused(Instant began, Instant now) { Cut(began, now, 0); }
  // A connection was refused, or could not be made, while `open` others stood.
  void OnConnectionRefused(uint32_t open, Instant began, Instant now);
  // One more stands: with it, `open`.
  void OnConnected(uint32_t open);

  // ---- what reply rules say --------------------------------------------------------------------

  // Down to `part` of the rate in force, not below `floor` (0: that of the limits).
  void Slow(double part, double floor, Instant began, Instant now);
  // No more than `rate` until then.
  void Cap(double rate, Instant until);
  // All that was learnt is forgotten (by command).
  void Reset(Instant now);

  // ---- what holds ------------------------------------------------------------------------------

  // kNoRate: none.
  double rate(Instant now) const;
  uint32_t connections(Instant now) const;
  // Were connections ever too many? If not they grow by themselves.
  bool connections_felt() const { return connections_felt_; }
  // Nothing is sent before this: the path rests after a refusal. Until the next answer the rate is
  // one message in such a time.
  Instant not_before() const { return not_before_; }

  // For status: what was felt.
  double ceiling() const { return ceiling_; }
  uint64_t refused() const { return refused_; }
  // Is anything in force but the configured limits?
  bool restrains(Instant now) const;

 private:
  AdaptiveRate() = default;

  // Answers of the last while, to say what rate they came at.
  struct Meter {
    Instant slot{};
    Duration before{};  // that the slot before lasted; 0: there was none
    uint64_t count = 0;
    uint64_t count_before = 0;

    void Begin(Instant now);
    void Add(Instant now);
    double rate(Instant now) const;
  };

  static Duration LongerRest(Duration rest);
  void Cut(Instant began, Instant now, double part);
  void Lower(Instant now, double part);
  void BeginSlowly(Instant now);
  double RefusedAt(Instant now) const;
  void CalmAgain(Instant now);
  void Grow(Instant now);
  void Raise(Instant now);
  void GrowConnections();
  void NoteLatency(Duration latency);
  bool SlowReplies(double times) const;

  Limits limits_;

  double rate_ = kNoRate;
  double ceiling_ = kNoRate;  // at which it was refused last
  Instant ceiling_at_{};
  Instant cut_at_{};
  uint64_t good_ = 0;       // answered since the last cut
  uint64_t step_good_ = 0;  // since the last step
  Instant step_at_{};
  uint64_t try_after_ = kTryAfterMin;
  int try_rests_ = kTryAfterRests;
  double growth_ = 0;  // part of the rate that the next step adds; 0: the ceiling holds

  // The cuts since many answers were good: from which rate they began.
  uint32_t series_cuts_ = 0;
  double series_from_ = 0;
  uint64_t series_answers_ = 0;
  Instant deaf_until_{};  // the cuts were in vain

  bool lowered_ = false;  // the last refusal has cut the rate
  uint32_t asked_in_vain_ = 0;
  bool asking_ = false;  // no answer yet since the path began to rest
  Instant not_before_{};
  Duration rest_ = kRestMin;
  Instant resting_since_{};
  Duration rested_{};  // how long the last rest was

  double cap_ = kNoRate;
  Instant cap_until_{};

  double connections_ = kFirstConnections;
  bool connections_felt_ = false;  // they were too many once: no fast growth any more
  uint32_t connections_ceiling_ = UINT32_MAX;
  bool connections_doubted_ = false;  // fewer than the ceiling were refused once
  Instant connections_cut_{};
  Instant connections_try_{};
  Duration connections_wait_ = kTryConnectionMin;

  double latency_ = 0;  // smoothed, microseconds; 0: not known
  double quickest_ = 0;
  uint64_t latency_wait_ = 0;  // answers until slow replies count again

  Meter meter_;
  uint64_t refused_ = 0;
};

}  // namespace sluice::engine

#endif  // SLUICE_ENGINE_SHARD_ADAPTIVE_RATE_H_
