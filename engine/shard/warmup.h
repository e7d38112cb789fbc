// engine/shard/warmup.h — sources that are new: so many recipients a day at each provider, and more
// on the next day when this one went well.
//
// PURPOSE   Says until when a source may not be used for a receiver (the day's count is used up, or
//           its start has not come), and takes what transactions send out of that count.
// PROMISE   No day over its plan, over all shards, restarts and crashes: a path's owner shard, by
//           hash of its name, gives the day's count out in pieces, each after the row that says so
//           is durable. What a shard holds and does not use goes back after kHold.
// FLOW      Until -> (asked, given) -> Take -> Count of what became of it; at midnight EndDay.
// NOT HERE  What a good day is, rows (warmup_state.h); plans (config/warmup_plan.h).
// LIMITS    kPathsMax paths.
// THREADS   Confined to its shard, but Load: before the loops run.
// TESTS     tests/shard/warmup_test.cc, tests/sim/warmup_sim_test.cc

#ifndef SLUICE_ENGINE_SHARD_WARMUP_H_
#define SLUICE_ENGINE_SHARD_WARMUP_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "engine/base/timer_queue.h"
#include "engine/shard/links.h"
#include "engine/shard/switchboard.h"
#include "engine/shard/warmup_state.h"

namespace sluice::engine {

enum class WarmupOrder : uint8_t { kPause, kResume, kReset };

// One path, for who looks.
struct WarmupView {
  WarmupState state;
  uint64_t planned = 0;  // today; 0: warm
  size_t days = 0;
  bool waits = false;  // the policy for what is over
};

class Warmup {
 public:
  // The most that is given at a time.
  static constexpr uint64_t kPiece = 50;
  // What nobody has used for so long goes back.
  static constexpr Duration kHold{5'000'000};
  // A path that waits for its owner's answer is looked at again after this.
  static constexpr Duration kAnswer{1'000'000};
  // All is given, but not all of it used: some may come back.
  static constexpr Duration kLookAgain{60'000'000};
  static constexpr size_t kPathsMax = 10'000;

  // All outlive this.
  Warmup(uint32_t shard, const Clock& clock, TimerQueue& timers, Links& links, Switchboard& out);
  // Those of all shards, by number; once, before the loops run.
  void Join(std::span<Warmup* const> peers) { peers_.assign(peers.begin(), peers.end()); }
  // After Join.
  void Load(std::span<const queue::Suspension> kept);
  void SetConfig(std::shared_ptr<const config::Config> config);

  bool any() const { return !rules_.empty(); }
  // Is this source in warm-up at all?
  bool Warms(const std::string& source) const { return rules_.contains(source); }
  // Until when a source may not be used for a receiver (as in WarmupState); the past: it may. Then `why`, unless null,
  // says what keeps it.
  WallTime Until(const std::string& source, const std::string& receiver, std::string* why);
  // Counts recipients that are about to be sent. False: not now; Until says when.
  bool Take(const std::string& source, const std::string& receiver, uint64_t recipients);
  // What became of one that was tried.
  void Count(const std::string& source, const std::string& receiver, const WarmupCounts& counts);
  // The paths that this shard owns.
  std::vector<WarmupView> Views();
  // Carries it out for those that are meant (empty: any receiver) and owned here; how many. `by`:
  // who wants it.
  size_t Carry(WarmupOrder order, const std::string& source, const std::string& receiver,
               const std::string& by);
  // Writes down and passes on what has changed. Once a turn.
  void Flush();

 private:
  // What the configuration says of one source.
  struct Rules {
    const config::Source* source = nullptr;
    WallTime start{};
  };
  // What keeps a source from being used.
  struct Block {
    enum class Kind : uint8_t { kNone, kStart, kAsking, kFull } kind = Kind::kNone;
    WallTime until{};
    std::string why{};
  };
  // What this shard may send by its own word.
  struct Hand {
    WallTime day_end{};
    uint64_t left = 0;
    uint64_t need = 0;  // more than `left`: blocked until there are so many
    bool asked = false;
    bool warm = false;
    bool full = false;  // was told so today
    WallTime full_until{};
    std::string why;
    Instant used{};
  };
  struct Grant {
    uint64_t count = 0;
    bool warm = false;
    WallTime day_end{};
    WallTime until{};  // where it is none: when to ask again
    std::string why{};
  };
  using GrantFn = std::function<void(const Grant&)>;
  struct Track {
    WarmupState state;
    config::WarmupPlan plan;
    bool changed = false;
  };
  struct Tally {
    std::string source;
    std::string receiver;
    WarmupCounts counts;
  };

  uint32_t OwnerOf(const std::string& path) const;
  const config::Source* SourceOf(const std::string& name) const;  // null: not in warm-up
  static bool WaitsOver(const config::Source& source) {
    return source.warmup_overflow == config::Source::WarmupOverflow::kWait;
  }
  void KnowMates(const std::string& warming);
  Hand& HandOf(const std::string& path);
  Block BlockOf(const std::string& source, const std::string& receiver);
  void Ask(const std::string& source, const std::string& receiver, Hand& hand, uint64_t want);
  void OnGrant(const std::string& path, const Grant& grant);
  void PutBack(const std::string& path, Hand& hand);
  void Forget(const std::string& path);
  void OnTimer();
  void SetTimer();

  // On the owner.
  void RenewPlans();
  Track* TrackOf(const std::string& source, const std::string& receiver);
  void Roll(Track& track);
  void GiveHere(const std::string& source, const std::string& receiver, uint64_t want,
                const GrantFn& done);
  void PutBackHere(const std::string& path, WallTime day_end, uint64_t count);
  void CountHere(const Tally& tally);
  void Tell(const WarmupState& state, queue::EventType type, std::string reason, std::string text,
            const std::string& by);

  const uint32_t shard_;
  const Clock& clock_;
  Links& links_;
  Switchboard& out_;
  std::vector<Warmup*> peers_;
  std::shared_ptr<const config::Config> config_;
  std::unordered_map<std::string, Rules> rules_;  // by source; those in warm-up
  // By source: others of its pools that are in warm-up.
  std::unordered_map<std::string, std::set<std::string>> mates_;
  std::unordered_map<std::string, Hand> hands_;  // by path
  std::map<std::string, Track> tracks_;          // by path; those this shard owns
  std::map<std::string, Tally> counted_;         // of this turn, by path
  WallTime next_day_{};
  Timer timer_;
};

}  // namespace sluice::engine

#endif  // SLUICE_ENGINE_SHARD_WARMUP_H_
