// engine/shard/lanes.h — all lanes of one shard: windows in memory over rows on disk.
//
// PURPOSE   Takes in recipients (new, swept up after a restart, due again), keeps a bounded window
//           of each lane in memory and puts the rest on disk, refills windows from the due index,
//           and keeps count. Which lane is served when is the scheduler's business.
// FLOW      Add / AddSleeping -> window (or spill to disk) -> Take -> Finished, Postponed or
//           PutBack.
// LIMITS    kWindowMax recipients in memory a lane, fewer as its tenant holds more
//           (memory_shares.h).
// THREADS   Confined to its shard.

#ifndef SLUICE_ENGINE_SHARD_LANES_H_
#define SLUICE_ENGINE_SHARD_LANES_H_

#include <cstdint>
#include <functional>
#include <queue>
#include <utility>
#include <vector>

#include "engine/base/name_table.h"
#include "engine/base/place_table.h"
#include "engine/base/slab.h"
#include "engine/base/timer_queue.h"
#include "engine/shard/context.h"
#include "engine/shard/lane.h"
#include "engine/shard/links.h"
#include "engine/shard/memory_shares.h"
#include "engine/shard/site.h"

namespace sluice::engine {

class LanesOwner {
 public:
  virtual ~LanesOwner() = default;
  // Something of the lane is in memory: give it a site (lane.site).
  virtual void OnLaneAwake(Lane& lane, LaneHandle handle) = 0;
  // Nothing of it is in memory any more: take it from its site.
  virtual void OnLaneAsleep(Lane& lane, LaneHandle handle) = 0;
  // Something was put in the lane's window.
  virtual void OnReady(Lane& lane, LaneHandle handle) = 0;
  // Is it known why it has waited, so that its time can be told to be over? Counts what we kept
  // back ourselves.
  virtual bool MayExpireHere(const Lane& lane, Waiting& waiting) = 0;
  // The recipient's max_age passed while it waited on disk. It counts as taken (Take).
  virtual void OnExpired(Lane& lane, LaneHandle handle, Waiting waiting) = 0;
  // A record could not be read; it stays where it is.
  virtual void OnDamaged(const Lane& lane, queue::RecipientId id) = 0;
};

class Lanes {
 public:
  static constexpr size_t kWindowMax = MemoryShares::kWindowMax;
  // Recipients in one transaction of spills.
  static constexpr size_t kSpillMax = 500;
  // Of a lane whose site is being probed: enough for the probe and what has expired meanwhile.
  static constexpr size_t kProbeWindow = 8;

  // All outlive this.
  Lanes(ShardContext& shard, const queue::Queue& queue, Links& links, LanesOwner& owner);

  // A recipient that was just accepted, or found by the recovery sweep.
  void Add(Waiting waiting);
  // A lane with rows on disk, found at start.
  void AddSleeping(const queue::LaneRow& row);
  // A row that the lane counts already was moved to `due` by somebody else.
  void Reschedule(const queue::LaneKey& key, WallTime due);

  Lane* Get(LaneHandle handle) { return lanes_.Get(handle); }
  size_t size() const { return lanes_.size(); }
  size_t in_memory() const { return shares_.total(); }
  template <typename F>
  void ForEach(F&& f) {
    lanes_.ForEach(std::forward<F>(f));
  }

  // Takes the next of the window, which must not be empty. It is in flight then, until one of the
  // four calls below.
  Waiting Take(Lane& lane);
  // It was not tried: back to the front.
  void PutBack(LaneHandle handle, Waiting waiting);
  // Its outcome is on its way to disk; then, durable: finished, or due again at `due`.
  void Committing(Lane& lane);
  void Finished(LaneHandle handle, queue::RecipientId id, bool indexed);
  void Postponed(LaneHandle handle, queue::RecipientId id, bool indexed, WallTime due);

  // Its outcome could not be written. It stays as it is on disk and is not taken up again before
  // the next start: an attempt was made, and nothing durable says so.
  void Abandon(LaneHandle handle);

  // Empties the window: what has a due row is forgotten, the rest is written to disk. For lanes of
  // a site that takes nothing for now, so that it costs no memory.
  void Evict(Lane& lane, LaneHandle handle);
  // ---- a walk over all of a lane, window and rows (order_sweeper.h) ----
  // No refill comes between until LetGo. False: one is under way, or another walk.
  bool Hold(Lane& lane);
  // Takes those of the window that are meant; as with Take.
  std::vector<Waiting> TakeIf(Lane& lane, const std::function<bool(const Waiting&)>& meant);
  // Takes a recipient of a page that was asked for since Hold, as with Take. kLeaving: it has left
  // memory since, so that nobody knows whether the page is right.
  enum class Claimed : uint8_t { kTaken, kInMemory, kLeaving };
  Claimed Claim(Lane& lane, queue::RecipientId id);
  // Done with a page.
  void PageDone(Lane& lane);
  void LetGo(Lane& lane, LaneHandle handle);
  // Empty: there is no such lane.
  LaneHandle Find(const queue::LaneKey& key) const;
  template <typename F>
  uint32_t Visit(uint32_t from, uint32_t slots, F&& f) {
    return lanes_.Visit(from, slots, std::forward<F>(f));
  }

  // Looks on disk if the lane has due rows there and room in its window.
  void Refill(Lane& lane, LaneHandle handle);
  // Hands over what was spilled since the last call. Once a turn.
  void SubmitSpills();
  // Puts the lane to sleep when nothing of it is in memory, and drops it when nothing is on disk.
  void Tidy(LaneHandle handle);

 private:
  struct Wake {
    WallTime due;
    LaneHandle lane;
    bool operator<(const Wake& other) const { return due > other.due; }  // soonest on top
  };
  struct Spilled {
    LaneHandle lane;
    queue::RecipientId id;
    WallTime due;
  };
  struct Refilled {
    Result<std::vector<queue::LoadedRecipient>> rows;
    std::vector<queue::RecipientId> damaged;
    bool more = false;                // there may be more that is due now
    WallTime next = WallTime::max();  // first row that is not due yet
  };

  LaneHandle FindOrMake(const queue::LaneKey& key);
  void Drop(const Lane& lane, LaneHandle handle);
  size_t WindowLimit(const Lane& lane) const;
  bool Suspended(const Lane& lane) const;
  void WakeUp(Lane& lane, LaneHandle handle);
  void Push(Lane& lane, LaneHandle handle, Waiting waiting);
  void Spill(Lane& lane, LaneHandle handle, Waiting waiting);
  void SpillFailed(const std::vector<Spilled>& spilled, std::vector<queue::Postpone> rows,
                   const Error& why);
  void Forget(LaneWindow& window, queue::RecipientId id);
  void WakeAt(Lane& lane, LaneHandle handle, WallTime due);
  void OnTimer();
  void OnRefilled(LaneHandle handle, Refilled refilled);
  static Refilled Read(queue::Queue& queue, const queue::LaneId& lane, WallTime now, size_t limit);

  ShardContext& shard_;
  const queue::Queue& queue_;
  Links& links_;
  LanesOwner& owner_;
  NameTable names_;  // of domains, tenants, campaigns
  MemoryShares shares_;
  Slab<Lane> lanes_;
  struct IdHash {
    const Slab<Lane>& lanes;
    uint64_t operator()(uint32_t index) const { return lanes.At(index).id.low; }
  };
  PlaceTable<IdHash> by_id_{{lanes_}};  // indices of lanes_
  std::priority_queue<Wake> wakes_;     // stale ones are skipped: lane.next_due decides
  Timer timer_;
  queue::Transaction spills_;     // of this turn
  std::vector<Spilled> spilled_;  // who they are
};

}  // namespace sluice::engine

#endif  // SLUICE_ENGINE_SHARD_LANES_H_
