// engine/shard/suspensions.h — what is suspended, kept over restarts.
//
// PURPOSE   Writes every suspension down with the next commit, and gives those of earlier runs back
//           when what they are about comes to life again: a restart must not storm a dead site.
// NOT HERE  When something is suspended and for how long (sites.cc), the rows (queue/).
// OWNERSHIP Each shard keeps its own; a site may live on several. All begin with everything that
//           was on disk; when one shard lifts a suspension, the others forget what they only
//           remembered of it.
// LIMITS    queue::kMaxSuspensions; what is beyond is not kept, and costs a probe.
// THREADS   Confined to its shard, but Load: before the loops run.

#ifndef SLUICE_ENGINE_SHARD_SUSPENSIONS_H_
#define SLUICE_ENGINE_SHARD_SUSPENSIONS_H_

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "engine/shard/links.h"
#include "engine/shard/switchboard.h"
#include "queue/queue.h"

namespace sluice::engine {

// Reads what earlier runs left, without what is long over, which is removed. Before the writer
// runs.
std::vector<queue::Suspension> TakeSuspensions(queue::Queue& queue, WallTime now);

class Suspensions {
 public:
  struct Entry {
    WallTime until{};
    uint32_t failures = 0;
    std::string reason;
    bool remembered = false;  // of an earlier run, and not taken up by this one
  };

  // Both outlive this.
  Suspensions(uint32_t shard, Links& links, Switchboard& out)
      : shard_(shard), links_(links), out_(out) {}
  // Those of all shards, by number; once, before the loops run.
  void Join(std::span<Suspensions* const> peers) { peers_.assign(peers.begin(), peers.end()); }
  void Load(std::span<const queue::Suspension> kept);

  // What an earlier run knew of `id`, which now lives; null: nothing.
  const Entry* TakeUp(const queue::SuspensionId& id);
  void Put(const queue::SuspensionId& id, WallTime until, uint32_t failures, std::string reason);
  // Over, or nothing waits for it any more.
  void Lift(const queue::SuspensionId& id);

  const std::map<queue::SuspensionId, Entry>& all() const { return entries_; }

 private:
  void Forget(const queue::SuspensionId& id);

  const uint32_t shard_;
  Links& links_;
  Switchboard& out_;
  std::vector<Suspensions*> peers_;
  std::map<queue::SuspensionId, Entry> entries_;
};

}  // namespace sluice::engine

#endif  // SLUICE_ENGINE_SHARD_SUSPENSIONS_H_
