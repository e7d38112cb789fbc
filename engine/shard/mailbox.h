// engine/shard/mailbox.h — how other threads reach a shard: tasks in a bounded ring, and a wake-up.
//
// PURPOSE   Everything that crosses into a shard (commits that are durable, recipients of a domain
//           it owns, answers of readers) is a Task that runs on the shard's loop, in the order
//           posted.
// THREADS   Post from anywhere; Run on the shard's loop only.
// LIMITS    kCapacity tasks. A task is a batch (one per turn and sender), so a full mailbox means a
//           shard that stood still for seconds; the sender keeps its batch and tries again.

#ifndef SLUICE_ENGINE_SHARD_MAILBOX_H_
#define SLUICE_ENGINE_SHARD_MAILBOX_H_

#include <functional>
#include <utility>
#include <vector>

#include "engine/base/ring.h"

namespace sluice::engine {

using Task = std::move_only_function<void()>;

class Mailbox {
 public:
  static constexpr size_t kCapacity = 65'536;

  Mailbox() : ring_(kCapacity) {}

  // Set once, before any other thread posts.
  void SetWake(std::function<void()> wake) { wake_ = std::move(wake); }

  // False when full: `task` is untouched then.
  bool Post(Task& task) {
    const PushResult result = ring_.TryPush(task);
    if (result == PushResult::kWakeUp && wake_) wake_();
    return result != PushResult::kFull;
  }

  // Runs everything posted before the call. True when there was something.
  bool Run() {
    batch_.clear();
    ring_.Drain(batch_);
    for (Task& task : batch_) task();
    const bool any = !batch_.empty();
    batch_.clear();
    return any;
  }

 private:
  Ring<Task> ring_;
  std::function<void()> wake_;
  std::vector<Task> batch_;
};

}  // namespace sluice::engine

#endif  // SLUICE_ENGINE_SHARD_MAILBOX_H_
