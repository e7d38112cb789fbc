// engine/shard/switchboard.h — what one shard says to the others, gathered over a turn of its loop.
//
// PURPOSE   Send() costs no lock; Flush(), once a turn, posts one batch per shard. A batch whose
//           mailbox is full stays and goes with the next flush, so nothing is lost or reordered.
// THREADS   Confined to the sending shard.

#ifndef SLUICE_ENGINE_SHARD_SWITCHBOARD_H_
#define SLUICE_ENGINE_SHARD_SWITCHBOARD_H_

#include <span>
#include <utility>
#include <vector>

#include "engine/base/check.h"
#include "engine/shard/mailbox.h"

namespace sluice::engine {

class Switchboard {
 public:
  // The mailboxes of all shards by number; they outlive this.
  explicit Switchboard(std::span<Mailbox* const> mailboxes)
      : mailboxes_(mailboxes.begin(), mailboxes.end()), outbound_(mailboxes.size()) {}

  uint32_t shards() const { return uint32_t(mailboxes_.size()); }

  void Send(uint32_t shard, Task task) {
    CHECK(shard < outbound_.size());
    outbound_[shard].push_back(std::move(task));
  }

  // False when something had to stay: call again soon.
  bool Flush() {
    bool all = true;
    for (size_t shard = 0; shard < outbound_.size(); ++shard) {
      std::vector<Task>& tasks = outbound_[shard];
      if (tasks.empty()) continue;
      Task batch = [moved = std::move(tasks)]() mutable {
        for (Task& task : moved) task();
      };
      tasks.clear();
      if (!mailboxes_[shard]->Post(batch)) {
        tasks.push_back(std::move(batch));
        all = false;
      }
    }
    return all;
  }

 private:
  const std::vector<Mailbox*> mailboxes_;
  std::vector<std::vector<Task>> outbound_;
};

}  // namespace sluice::engine

#endif  // SLUICE_ENGINE_SHARD_SWITCHBOARD_H_
