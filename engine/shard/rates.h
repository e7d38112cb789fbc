// engine/shard/rates.h — when the next one may go, under limits that speak of so many in a time.
//
// PURPOSE   The one door to rates, beside Limits for what is open at the same time: a limit's owner
//           shard (by hash of its name; later: another machine) counts, the others hold a few of
//           its slots in hand, asked for ahead, so that work under several limits can be decided at
//           once and without an answer to wait for.
// PROMISE   That of RateBucket, over all shards together: a slot in hand counts as used. What is not
//           wanted any more goes back after kHold, what came too late at once.
// FLOW      OpensAt -> later: Wait -> woken (OnOpen) -> OpensAt -> Take.
// DURABLE   What a restart must not forget (MustKeep) is a row beside the suspensions, written a
//           little ahead, so that few are: after a restart a hundredth of the burst may be missing.
// COST      No timer per message, site or limit: one per shard.
// THREADS   Confined to its shard; they talk through their switchboards.
// TESTS     tests/shard/rates_test.cc

#ifndef SLUICE_ENGINE_SHARD_RATES_H_
#define SLUICE_ENGINE_SHARD_RATES_H_

#include <cstdint>
#include <deque>
#include <functional>
#include <set>
#include <span>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "engine/base/timer_queue.h"
#include "engine/shard/links.h"
#include "engine/shard/rate_bucket.h"
#include "engine/shard/switchboard.h"
#include "queue/queue.h"

namespace sluice::engine {

// A rate and what is counted under it.
struct RateKey {
  std::string name;
  config::Rate rate;
};

class Rates {
 public:
  // Slots are asked for so far ahead, where a rate has several in that time: well over the way to
  // another shard and back.
  static constexpr Duration kHorizon{50'000};
  static constexpr size_t kInHandMax = 1'024;
  // What nobody has asked after for so long goes back.
  static constexpr Duration kHold{5'000};
  // Between two wake-ups for one slot, so that it does not rouse all who wait.
  static constexpr Duration kPause{1'000};
  // Rows of one shard; what is beyond is forgotten by a restart.
  static constexpr size_t kKeptMax = 2'000;

  // All outlive this.
  Rates(uint32_t shard, const Clock& clock, TimerQueue& timers, Switchboard& out);
  // The Rates of all shards, by number; set once before the loops run.
  void Join(std::span<Rates* const> peers) { peers_.assign(peers.begin(), peers.end()); }
  // What earlier runs gave; after Join. From then on it is written down.
  void Load(std::span<const queue::Suspension> kept, Links& links);
  // Told who of those that wait may try again. Runs from the timer, never inside a call.
  void OnOpen(std::function<void(const std::string& who)> open) { open_ = std::move(open); }
  // The rates of keys may be others from now on. Who waited is forgotten, and asks anew.
  void Renew();
  // Names that begin so are of this run alone: their counts are not kept over a restart.
  static constexpr std::string_view kOfThisRun = "a|";
  // Nobody asks for this name any more; who waited for it is woken.
  void Retire(const std::string& name);

  // From when `units` may go; not later than now: at once. kNever: it is being asked.
  Instant OpensAt(const RateKey& key, uint32_t units);
  // The same for those who wait, as far as it is known here; the past when nobody does. Asks for
  // nothing.
  Instant Peek(const std::string& name) const;
  // Counts them. False: not yet.
  bool Take(const RateKey& key, uint32_t units);
  // Counts what nobody could hold back; those who come later wait for it.
  void Owe(const RateKey& key, uint32_t units);
  // Wakes `who` when its turn has come and `units`, or the burst, may go: who waits longest first;
  // `lead` before that, for those who need time to make use of it.
  void Wait(const RateKey& key, const std::string& who, uint32_t units, Duration lead);

  size_t gates() const { return gates_.size(); }
  size_t buckets() const { return buckets_.size(); }

 private:
  struct Waiter {
    std::string who;
    uint32_t units;
    Duration lead;
  };
  struct Line {
    std::deque<Waiter> order;
    std::unordered_set<std::string> members;
  };
  // What this shard holds and who waits here.
  struct Gate {
    std::string name;
    config::Rate rate;
    std::deque<RateSlot> slots;  // by due
    size_t stock = 0;            // how many it wants to hold
    bool asked = false;
    uint32_t owed = 0;
    Line ready;                     // woken when a slot begins
    Line leading;                   // woken before it
    int64_t announced = INT64_MIN;  // due of the last slot that one of `leading` was woken for
    Instant interest{};             // when it was last asked after
    Instant woken{};                // of those in `ready`, the last
    int64_t woken_for = INT64_MIN;  // due of the slot
    Instant alarm = kNever;
  };
  struct Bucket {
    RateBucket bucket;
    uint64_t generation;
    WallTime kept{};  // what its row says
  };
  // What an earlier run left.
  struct Kept {
    WallTime until{};
    std::string rate;
  };

  uint32_t OwnerOf(const std::string& name) const;
  Gate& GateOf(const RateKey& key);
  void DropLate(Gate& gate, Instant now);
  void TopUp(Gate& gate, uint32_t units);
  void Ask(Gate& gate, size_t count);
  void Hold(Gate& gate, std::vector<RateSlot> slots);
  void PutBack(const std::string& name, std::vector<RateSlot> slots);
  // On the owner.
  std::vector<RateSlot> GiveHere(const std::string& name, const config::Rate& rate,
                                 uint64_t generation, size_t count);
  void PutBackHere(const std::string& name, const std::vector<RateSlot>& slots);
  void OnSlots(const std::string& name, uint64_t generation, std::vector<RateSlot> slots);

  static bool Join(Line& line, Waiter waiter);
  static uint32_t Wanted(const Gate& gate);
  void WakeFirst(Line& line);
  void Fire(Gate& gate);
  void Arm(Gate& gate);
  void SetAlarm(Gate& gate, Instant when);
  void SetTimer();
  void OnTimer();
  void SweepGates();
  void SweepBuckets(Instant now);
  Bucket MakeBucket(const std::string& name, const config::Rate& rate, uint64_t generation);
  void Keep(const std::string& name, Bucket& bucket);

  const uint32_t shard_;
  const Clock& clock_;
  Switchboard& out_;
  std::vector<Rates*> peers_;
  std::function<void(const std::string&)> open_;
  uint64_t generation_ = 1;
  std::unordered_map<std::string, Gate> gates_;
  std::unordered_map<std::string, Bucket> buckets_;  // those this shard owns
  static constexpr size_t kSweepLeast = 64;
  size_t sweep_gates_at_ = kSweepLeast;
  size_t sweep_buckets_at_ = kSweepLeast;
  // By name where they are due at once: addresses are no order that a second run would have.
  struct Earlier {
    using Alarm = std::pair<Instant, Gate*>;
    bool operator()(const Alarm& a, const Alarm& b) const {
      return a.first != b.first ? a.first < b.first : a.second->name < b.second->name;
    }
  };
  std::set<std::pair<Instant, Gate*>, Earlier> alarms_;
  Links* links_ = nullptr;  // null: nothing is kept
  std::unordered_map<std::string, Kept> kept_;
  size_t rows_ = 0;
  std::vector<std::string> woken_;  // in this run of the timer
  Timer timer_;
};

}  // namespace sluice::engine

#endif  // SLUICE_ENGINE_SHARD_RATES_H_
