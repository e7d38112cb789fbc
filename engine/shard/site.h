// engine/shard/site.h — the hosts that serve some recipient domains, and what we have open to them.
//
// PURPOSE   Groups lanes by where their mail goes, and by which pool. Holds the queue of lanes with something ready,
//           the open deliveries and why the site waits, if it does.
// STATES    provisional: the domain's route is not known yet, or DNS fails; named "?domain".
//           suspended: until a time; then probing: one delivery with one message, until a success.

#ifndef SLUICE_ENGINE_SHARD_SITE_H_
#define SLUICE_ENGINE_SHARD_SITE_H_

#include <algorithm>
#include <cstdint>
#include <deque>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "engine/base/slab.h"
#include "engine/base/timer_queue.h"
#include "engine/delivery/delivery.h"
#include "engine/shard/lane.h"
#include "engine/shard/rotation.h"
#include "engine/shard/site_queue.h"

namespace sluice::config {
struct ShapingBlock;
}

namespace sluice::engine {

struct OpenDelivery;
using DeliveryHandle = Handle<OpenDelivery>;

struct Site {
  Site(std::string name_in, std::string pool_in, TimerQueue& timers, QueueNodes& nodes,
       std::function<void()> on_timer, std::function<void()> on_opening)
      : name(std::move(name_in)),
        pool(std::move(pool_in)),
        key(KeyOf(name, pool)),
        queue(nodes),
        timer(timers, std::move(on_timer)),
        opening_timer(timers, std::move(on_opening)) {}

  // What one pool has to send to the site stands apart from what others have: its queue, its
  // connections, and the turns of its sources.
  static std::string KeyOf(std::string_view name, std::string_view pool) {
    return std::string(name) + '\n' + std::string(pool);
  }

  const std::string name;
  const std::string pool;
  const std::string key;
  Rotation rotation;
  bool provisional = false;
  std::string replies_of;  // the provider of its first host, by the reply rules; empty: none

  // Of its route, lower case; empty while it is provisional. They decide the provider.
  std::vector<std::string> hosts;
  const config::ShapingBlock* provider = nullptr;
  uint64_t shaped = 0;  // generation of the ShapeTable that `provider` is from

  std::vector<LaneHandle> lanes;  // all of this site
  SiteQueue queue;                // those with something in their window that may go
  size_t ready = 0;               // recipients in the windows of all
  std::deque<uint64_t> prepared;  // jobs whose content is in memory, to be handed out first
  uint32_t preparing = 0;         // jobs whose content is being read
  uint32_t read_ahead = 1;        // how many of them there may be
  Instant read_at{};              // when reading began last, after a pause

  std::vector<LaneHandle> aside;  // not in the queue: their domains wait for rates of their own

  std::vector<DeliveryHandle> idle;  // ready for a Poke; those that wait for a rate among them
  uint32_t open = 0;                 // deliveries, in every state
  uint32_t poked = 0;                // poked, not yet asked for a job
  bool pump_pending = false;         // is in Scheduler::pump_
  // Some receiver has answered a transaction. Until then one connection at a time: should the site
  // be dead, that is all it costs.
  bool proven = false;
  bool own_rates = false;  // some domain of it has a rate of its own
  uint32_t answered = 0;   // transactions: it gets connections by them, until its paths know
  bool opening = false;    // a route or a permit is awaited for one more delivery
  // So long before the next message may go, its connection is opened: as long as the last one took.
  static constexpr Duration kLead{2'000'000};
  Duration lead = kLead;

  Instant suspended_until{};
  Instant suspended_at{};     // by a round of this shard's
  Instant open_not_before{};  // one more connection failed while others work
  uint32_t failures = 0;      // rounds in a row without a success
  bool probing = false;
  std::string trouble;  // why it is suspended: what the last round said
  Timer timer;          // wakes it from suspension and back-off
  Timer opening_timer;  // opens what is closed in `queue`

  void AddLane(Lane& lane, LaneHandle handle) {
    lane.site = this;
    lane.site_place = uint32_t(lanes.size());
    lanes.push_back(handle);
  }
  // lane_of(handle): the lanes of the list, one of which takes its place.
  template <typename LaneOf>
  void DropLane(Lane& lane, LaneOf&& lane_of) {
    const LaneHandle last = lanes.back();
    lane_of(last).site_place = lane.site_place;
    lanes[lane.site_place] = last;
    lanes.pop_back();
    lane.site = nullptr;
  }

  // Until when a rate has kept its mail back: that time does not count as its age.
  WallTime rate_held{};
  void CountHeld(Waiting& waiting, WallTime until) const {
    queue::Recipient& recipient = waiting.recipient;
    if (recipient.attempts > 0 || until <= waiting.message->message.released) return;
    recipient.released = std::max(recipient.released, until);
  }

  // Recipients and jobs that could be handed out.
  size_t waiting() const { return prepared.size() + (queue.CanGo() ? ready : 0); }
  bool idle_for_good() const {
    return lanes.empty() && open == 0 && !opening && prepared.empty() && preparing == 0;
  }
};

}  // namespace sluice::engine

#endif  // SLUICE_ENGINE_SHARD_SITE_H_
