#include "engine/shard/recovery.h"

#include <utility>

namespace sluice::engine {

void Recovery::Next() {
  if (shard_.links().open() > kCommitsMax) return pause_.Set(shard_.context().clock.Now() + kPause);
  switch (stage_) {
    case Stage::kLanes:
      return NextLanes();
    case Stage::kOrphans:
      return NextOrphans();
    case Stage::kDone:
      return;
  }
}

void Recovery::NextLanes() {
  shard_.links().Ask([this, after = after_](queue::Queue& queue) -> Task {
    return [this, page = queue.Lanes(after, kPage)]() mutable {
      if (!page) return pause_.Set(shard_.context().clock.Now() + kRetry);
      const bool last = page->size() < kPage;
      lanes_ += page->size();
      if (!page->empty()) after_ = page->back().id;
      shard_.AddSleeping(std::move(*page));
      if (last) stage_ = Stage::kOrphans;
      Next();
    };
  });
}

void Recovery::NextOrphans() {
  shard_.links().Ask([this, from = from_](queue::Queue& queue) -> Task {
    return [this, sweep = queue.Orphans(from, kPage)]() mutable {
      if (!sweep) return pause_.Set(shard_.context().clock.Now() + kRetry);
      recipients_ += sweep->found.size();
      damaged_ += sweep->damaged.size();
      shard_.AddRecovered(std::move(sweep->found));
      from_ = sweep->next;
      if (sweep->next == 0) {
        stage_ = Stage::kDone;
        return done_(lanes_, recipients_);
      }
      Next();
    };
  });
}

}  // namespace sluice::engine
