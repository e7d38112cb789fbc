// engine/shard/suspensions.h — what is suspended, known to all shards and kept over restarts.
//
// PURPOSE   Writes every suspension down with the next commit, tells the other shards of it, and
//           gives back what is known when something comes to life: neither a restart nor a second
//           shard must storm a dead site, and all learn at once that it lives again.
// NOT HERE  When something is suspended and for how long (sites.cc, reply_actions.cc), the rows
//           (queue/).
// OWNERSHIP Each shard keeps a copy of all. What two say of one site at a time is settled by the
//           later word; a success lifts it everywhere.
// LIMITS    queue::kMaxSuspensions; what is beyond is not kept, and costs a probe.
// THREADS   Confined to its shard, but Load: before the loops run.

#ifndef SLUICE_ENGINE_SHARD_SUSPENSIONS_H_
#define SLUICE_ENGINE_SHARD_SUSPENSIONS_H_

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/time.h"
#include "engine/shard/links.h"
#include "engine/shard/switchboard.h"
#include "queue/queue.h"

namespace sluice::engine {

// Reads what earlier runs left, without what is long over, which is removed. Before the writer
// runs.
std::vector<queue::Suspension> TakeSuspensions(queue::Queue& queue, WallTime now);

// As operators see them, from kSite.
inline constexpr std::array<std::string_view, 10> kSuspensionNames = {
    "site",      "path",      "sending_domain", "tenant",      "campaign",
    "force_tls", "ipv4_only", "one_connection", "connections", "messages_per_connection"};

class Suspensions {
 public:
  struct Entry {
    WallTime until{};
    uint32_t failures = 0;  // in a row; 0: it ends with its time, and is not probed
    std::string reason;
    bool remembered = false;  // of an earlier run or another shard; nothing that lives here has it
  };
  // Another shard has suspended `id`, or (null) found that it lives.
  using HeardFn = std::function<void(const queue::SuspensionId& id, const Entry* entry)>;

  // All outlive this.
  Suspensions(uint32_t shard, const Clock& clock, Links& links, Switchboard& out)
      : shard_(shard), clock_(clock), links_(links), out_(out) {}
  // Those of all shards, by number; once, before the loops run.
  void Join(std::span<Suspensions* const> peers) { peers_.assign(peers.begin(), peers.end()); }
  void OnHeard(HeardFn heard) { heard_ = std::move(heard); }
  void Load(std::span<const queue::Suspension> kept);

  // What is known of `id`, which now lives here; null: nothing, or nothing of today.
  const Entry* TakeUp(const queue::SuspensionId& id);
  void Put(const queue::SuspensionId& id, WallTime until, uint32_t failures, std::string reason);
  // Null: nothing is known.
  const Entry* Find(const queue::SuspensionId& id) const;
  // Is there anything of these kinds, or was? No: nothing needs to be looked up.
  bool Any(queue::SuspensionKind first, queue::SuspensionKind last) const {
    const auto it = entries_.lower_bound({first, {}});
    return it != entries_.end() && it->first.kind <= last;
  }
  // Over: it was seen to live.
  void Lift(const queue::SuspensionId& id);
  // By command: as if another shard had said so. False: it is not known.
  bool Cancel(const queue::SuspensionId& id);
  // Nothing waits for it here any more. What is known is kept for the next that comes.
  void Leave(const queue::SuspensionId& id);

  const std::map<queue::SuspensionId, Entry>& all() const { return entries_; }

 private:
  bool HasRoom(const queue::SuspensionId& id);
  void Hear(const queue::SuspensionId& id, Entry entry);
  void HearLifted(const queue::SuspensionId& id);

  const uint32_t shard_;
  const Clock& clock_;
  Links& links_;
  Switchboard& out_;
  HeardFn heard_;
  std::vector<Suspensions*> peers_;
  std::map<queue::SuspensionId, Entry> entries_;
  WallTime look_again_{};  // for room, while all is full
};

}  // namespace sluice::engine

#endif  // SLUICE_ENGINE_SHARD_SUSPENSIONS_H_
