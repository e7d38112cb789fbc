// engine/shard/recovery.h — after a start: lanes with rows on disk, then recipients without any.
//
// PURPOSE   Walks the lane rows and then sweeps up what was in memory only when the last run ended
//           (untried, no due row), page by page, while mail is already accepted and delivered.
// THREADS   Lives on one shard; rows and recipients are sent to their owners.

#ifndef SLUICE_ENGINE_SHARD_RECOVERY_H_
#define SLUICE_ENGINE_SHARD_RECOVERY_H_

#include <cstdint>
#include <functional>
#include <optional>

#include "engine/base/timer_queue.h"
#include "engine/shard/shard.h"

namespace sluice::engine {

class Recovery {
 public:
  // Rows and recipients a page: a few milliseconds of a reader's time.
  static constexpr size_t kPage = 1'000;

  // `shard` outlives it. `done` runs once all is found; it says how many.
  Recovery(Shard& shard, std::function<void(uint64_t lanes, uint64_t recipients)> done)
      : shard_(shard), done_(std::move(done)), pause_(shard.context().timers, [this] { Next(); }) {}

  void Start() { Next(); }
  bool finished() const { return stage_ == Stage::kDone; }
  uint64_t damaged() const { return damaged_; }

 private:
  enum class Stage : uint8_t { kLanes, kOrphans, kDone };
  // Commits under way of this shard above which the sweep waits: it must not outrun the writer,
  // which puts on disk what does not fit in memory.
  static constexpr size_t kCommitsMax = 20'000;
  static constexpr Duration kPause{10'000};
  static constexpr Duration kRetry{1'000'000};

  void Next();
  void NextLanes();
  void NextOrphans();

  Shard& shard_;
  std::function<void(uint64_t, uint64_t)> done_;
  Timer pause_;
  Stage stage_ = Stage::kLanes;
  std::optional<queue::LaneId> after_;
  MessageId from_ = 0;
  uint64_t lanes_ = 0;
  uint64_t recipients_ = 0;
  uint64_t damaged_ = 0;
};

}  // namespace sluice::engine

#endif  // SLUICE_ENGINE_SHARD_RECOVERY_H_
