// engine/shard/site_queue.h — whose turn it is at one site.
//
// PURPOSE   Holds the lanes of a site that have something in memory and says which of them gives
//           the next recipient: transactional mail before bulk; within a class tenants by their
//           weights; within a tenant its campaigns in turn; within a campaign the lane whose first
//           recipient is due longest, however many lanes (domains) it has.
// HOW       Weighted fair queueing with tags instead of a round with deficits (docs/adr/0019): each
//           tenant and campaign carries the virtual time at which its next recipient is served;
//           the least goes. Shares are the same, but a large weight makes no bursts.
// COST      O(log n) each operation, nothing is scanned. What is closed (closings.h) is in no heap.
// NOT HERE  IO, clocks, windows. The lane's owner calls Add, Move and Remove as its window changes.
// THREADS   Confined to its shard.

#ifndef SLUICE_ENGINE_SHARD_SITE_QUEUE_H_
#define SLUICE_ENGINE_SHARD_SITE_QUEUE_H_

#include <algorithm>
#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/base/leftist_heap.h"
#include "engine/base/name_table.h"
#include "engine/base/place_table.h"
#include "engine/base/pool.h"
#include "engine/base/slab.h"
#include "engine/base/time.h"
#include "engine/shard/closings.h"
#include "queue/records.h"

namespace sluice::engine {

struct Lane;

// A lane's place in the queue of its site; kNoPlace: it is in none.
using QueuePlace = uint32_t;

// A lane with something to send. Key: when its first recipient was due.
struct QueuedLane : HeapLinks {
  uint32_t campaign = kNoPlace;
  Handle<Lane> lane;
  bool parked = false;
};

// A campaign, a tenant, or a whole class (without parent and name). Key: its tag.
struct QueueGroup : HeapLinks {
  uint64_t virtual_time = 0;  // tag of the one below that was served last
  uint32_t top = kNoPlace;    // heap of those below that may go: lanes of a campaign, else groups
  uint32_t below = 0;         // all of them
  uint32_t parent = kNoPlace;
  uint32_t name = kNoPlace;
  uint32_t weight = 1;
  queue::MailClass mail_class = queue::MailClass::kBulk;
  bool closed = false;
  bool kept = false;      // all below are parked: its tag stands
  bool indebted = false;  // empty, but has had more than its share: forgotten only later
};

struct GroupHash {
  // Neither number is anybody's choice.
  static uint64_t Of(uint32_t parent, uint32_t name) {
    const uint64_t mixed = (uint64_t(parent) << 32 | name) * 0x9e3779b97f4a7c15u;
    return mixed ^ mixed >> 32;
  }
  uint64_t operator()(uint32_t group) const { return Of(groups[group].parent, groups[group].name); }

  const Pool<QueueGroup>& groups;
};

// The nodes of all queues of a shard, and what they have in common.
struct QueueNodes {
  static constexpr uint32_t kWeightMax = 1'000;

  // `weight` says how much a tenant weighs, at least 1.
  explicit QueueNodes(std::function<uint32_t(std::string_view tenant)> weight)
      : weight_of(std::move(weight)) {}

  QueueNodes(const QueueNodes&) = delete;
  QueueNodes& operator=(const QueueNodes&) = delete;

  // Asks anew for the weights of tenants.
  void Reweigh();

  uint32_t WeightOf(std::string_view tenant) const {
    return std::clamp(weight_of(tenant), 1u, kWeightMax);
  }

  const std::function<uint32_t(std::string_view tenant)> weight_of;
  Pool<QueuedLane> lanes;
  Pool<QueueGroup> groups;
  NameTable names;
  PlaceTable<GroupHash> children{{groups}};  // groups but classes, by parent and name
  Closings closings;  // at all sites; after a change every queue needs a Refresh
};

class SiteQueue {
 public:
  // While bulk waits, one of this many recipients is bulk: transactional mail without end must not
  // stop it for good.
  static constexpr uint32_t kBulkOneIn = 10;

  // `nodes` outlives this. It dies empty, unless they die next.
  explicit SiteQueue(QueueNodes& nodes) : nodes_(nodes) {}
  SiteQueue(const SiteQueue&) = delete;
  SiteQueue& operator=(const SiteQueue&) = delete;

  // A lane that has something to send now, and since when its first recipient is due.
  // `campaign` is that of the lane's key, with its mark.
  QueuePlace Add(Handle<Lane> lane, std::string_view tenant, std::string_view campaign,
                 WallTime due);
  // Its first recipient is another one.
  void Move(QueuePlace place, WallTime due);
  void Remove(QueuePlace place);
  // It stands aside without losing its turn: that of its campaign and tenant comes when
  // they are back, as if they had waited in line.
  void Park(QueuePlace place);
  void Unpark(QueuePlace place);

  // The lane that gives the next recipient; empty: none may.
  Handle<Lane> Next() const;
  // Of which class that is. Not to be asked when none may.
  queue::MailClass NextClass() const;
  bool CanGo() const { return MayGo(kTransactional) || MayGo(kBulk); }
  // A recipient of the lane that Next named was taken.
  void Took(QueuePlace place);
  // And others of its campaign with it, out of turn.
  void Joined(QueuePlace place) { Charge(nodes_.lanes[place].campaign, false); }
  // A recipient that was taken came back untried.
  void GaveBack(QueuePlace place);

  // At this site only. A closing that is there already gets another end.
  void Close(const Closing& closing, Instant until);
  void Open(const Closing& closing);
  // Opens what is due. next_opening(): when to call it again.
  void OpenDue(Instant now);
  Instant next_opening() const { return closings_ ? closings_->next() : kNever; }
  // Whether the owner's mail may go has changed (QueueNodes::closings).
  void Refresh(const MailOwner& owner);
  // Null: there are none.
  const Closings* closings() const { return closings_.get(); }

  size_t size() const { return counts_[0] + counts_[1]; }

 private:
  static constexpr size_t kTransactional = size_t(queue::MailClass::kTransactional);
  static constexpr size_t kBulk = size_t(queue::MailClass::kBulk);
  static constexpr uint64_t kScale = uint64_t(1) << 24;

  bool MayGo(size_t mail_class) const {
    const uint32_t root = roots_[mail_class];
    return root != kNoPlace && nodes_.groups[root].top != kNoPlace;
  }
  uint64_t StepOf(const QueueGroup& group) const { return kScale / group.weight; }
  uint32_t FindChild(uint32_t parent, uint32_t name) const;
  uint32_t Child(uint32_t parent, std::string_view name);
  bool IsClosed(uint32_t group) const;
  void Link(uint32_t group);
  void Unlink(uint32_t group);
  void Charge(uint32_t campaign, bool in_turn);
  void Leave(uint32_t group);
  void Forget(uint32_t group);
  void ForgetOne();
  void ForgetAll(size_t mail_class);

  QueueNodes& nodes_;
  std::array<uint32_t, 2> roots_{kNoPlace, kNoPlace};  // by class
  std::array<uint32_t, 2> counts_{};                   // lanes
  uint32_t ahead_ = 0;              // transactional recipients since the last bulk one
  uint32_t cursor_ = 0;             // in indebted_
  std::vector<uint32_t> indebted_;  // groups
  std::unique_ptr<Closings> closings_;
};

}  // namespace sluice::engine

#endif  // SLUICE_ENGINE_SHARD_SITE_QUEUE_H_
