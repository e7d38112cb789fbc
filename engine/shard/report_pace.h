// engine/shard/report_pace.h — our own reports leave evenly, mailbox by mailbox (design 12.8).
//
// PURPOSE   A campaign with many bounces must not flood the mailbox that hears of them. Each
//           mailbox's reports have a lane of their own; this says when the next of a lane may go.
// LIMITS    kMailboxesMax are remembered between two reports; beyond, the longest waiting one may
//           get its next report early.
// THREADS   Confined to its shard.

#ifndef SLUICE_ENGINE_SHARD_REPORT_PACE_H_
#define SLUICE_ENGINE_SHARD_REPORT_PACE_H_

#include <cstdint>
#include <deque>
#include <functional>
#include <queue>
#include <unordered_map>
#include <utility>
#include <vector>

#include "engine/base/timer_queue.h"
#include "engine/shard/context.h"
#include "engine/shard/lane.h"

namespace sluice::engine {

class ReportPace {
 public:
  static constexpr size_t kMailboxesMax = 100'000;

  // `shard` outlives this; `wake` hears of lanes that were told to wait and need not any more.
  ReportPace(ShardContext& shard, std::function<void(LaneHandle)> wake);

  // A report was taken from the lane.
  void Took(const Lane& lane);
  // When the lane's next report may go; in the past when it may now.
  Instant next(const Lane& lane) const;
  // Must this lane wait? Then `wake` is called for it, once however often it is asked.
  bool MustWait(Lane& lane, LaneHandle handle);
  // Any lane: it waits until then, for another reason.
  void Park(Lane& lane, LaneHandle handle, Instant until);

 private:
  struct Waiting {
    Instant until;
    LaneHandle lane;
    bool operator<(const Waiting& other) const { return until > other.until; }  // soonest on top
  };

  void OnTimer();
  void ForgetOldest();

  ShardContext& shard_;
  const std::function<void(LaneHandle)> wake_;
  std::unordered_map<queue::LaneId, Instant, LaneIdHash> next_;
  std::deque<std::pair<Instant, queue::LaneId>> order_;  // of next_, as it was written
  std::priority_queue<Waiting> waiting_;
  Timer timer_;
};

}  // namespace sluice::engine

#endif  // SLUICE_ENGINE_SHARD_REPORT_PACE_H_
