// engine/shard/lane.h — the waiting recipients of one (recipient domain, tenant, campaign).
//
// PURPOSE   A lane holds a bounded window of recipients in memory, in order, and knows how many
//           more wait on disk (rows of the due index) and when the first of those is due.
// INVARIANT A recipient with a due row that is in memory in any state (in the window, loading, in
//           flight, its outcome being committed) is in `loaded`, so a refill never takes it twice.

#ifndef SLUICE_ENGINE_SHARD_LANE_H_
#define SLUICE_ENGINE_SHARD_LANE_H_

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <unordered_set>
#include <vector>

#include "engine/base/body.h"
#include "engine/base/ref.h"
#include "engine/base/slab.h"
#include "engine/delivery/job.h"
#include "engine/shard/site_queue.h"
#include "queue/records.h"

namespace sluice::engine {

struct Site;

// One recipient in memory.
struct Waiting {
  Ref<const SharedMessage> message;
  queue::Recipient recipient;
  Ref<const Body> content;  // null: to be read when its turn comes
  bool indexed = false;     // has a row in the due index
};

struct RecipientIdHash {
  size_t operator()(const queue::RecipientId& id) const {
    return size_t((id.message ^ uint64_t(id.index) << 40) * 0x9e3779b97f4a7c15u);
  }
};

struct LaneIdHash {
  size_t operator()(const queue::LaneId& id) const { return size_t(id.low); }
};

// A LaneKey whose names are kept once for all lanes that have them.
struct LaneName {
  const std::string& domain;
  const std::string& tenant;
  const std::string& campaign;  // with its mark, if it has one

  queue::LaneKey ToKey() const { return {domain, tenant, campaign}; }
  // `key` outlives it.
  static LaneName Of(const queue::LaneKey& key) { return {key.domain, key.tenant, key.campaign}; }
};

// What only a lane with something in memory needs; a sleeping lane does without.
struct LaneWindow {
  std::deque<Waiting> ready;
  std::unordered_set<queue::RecipientId, RecipientIdHash> loaded;
  // Left `loaded` while a refill was under way: its snapshot may still show them.
  std::vector<queue::RecipientId> gone;
  uint32_t in_flight = 0;   // handed to a delivery, or its content is being read
  uint32_t committing = 0;  // an outcome or spill of this lane is on its way to disk
  bool refilling = false;
  // Earliest due time written since the refill under way began: its snapshot may not know it.
  WallTime postponed_next = WallTime::max();
  // No change of the lane was on its way to disk since the refill under way was asked for: what it
  // counts is exact.
  bool exact = false;
  bool expiring = false;         // the last page held recipients whose max_age has passed
  bool paced = false;            // kept out of the queue until its next may go
  QueuePlace queued = kNoPlace;  // in the queue of its site
};

struct Lane {
  Lane(const queue::LaneId& id_in, const LaneName& key_in, uint32_t tenant_in)
      : id(id_in), key(key_in), tenant(tenant_in) {}

  const queue::LaneId id;
  const LaneName key;
  const uint32_t tenant;    // in MemoryShares
  uint32_t site_place = 0;  // in its site's list of lanes
  Site* site = nullptr;
  uint64_t on_disk = 0;                 // rows in the due index, loaded ones included
  WallTime next_due = WallTime::max();  // when to look on disk again; max: nothing to look for
  std::unique_ptr<LaneWindow> window;

  LaneWindow& Window() {
    if (!window) window = std::make_unique<LaneWindow>();
    return *window;
  }
  size_t ready() const { return window ? window->ready.size() : 0; }
  // Recipients: in memory, in flight and on disk. What has a due row and is in memory counts once.
  uint64_t waiting() const {
    if (!window) return on_disk;
    const uint64_t loaded = window->loaded.size();
    return ready() + window->in_flight + window->committing +
           (on_disk > loaded ? on_disk - loaded : 0);
  }
  // Nothing of it is in memory but this.
  bool asleep() const {
    return !window || (window->ready.empty() && window->in_flight == 0 && window->committing == 0 &&
                       !window->refilling && window->queued == kNoPlace);
  }
};

using LaneHandle = Handle<Lane>;

}  // namespace sluice::engine

#endif  // SLUICE_ENGINE_SHARD_LANE_H_
