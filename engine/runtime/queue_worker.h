// engine/runtime/queue_worker.h — the Workers seam over a ring that one thread empties.
//
// PURPOSE   What would stop a loop: passwords, which cost 20 ms each, and the writing of large
//           bodies. Jobs run in the order given; `done` runs on the shard whose mailbox was given.
// THREADS   Run on the shard's loop; Step and Wait on the worker's thread (made in engine.cc).
// LIMITS    kRingCapacity jobs; the callers bound themselves below: PasswordChecker runs one,
//           ContentSpool at most three for each of SpoolRoom::kOpenMax.

#ifndef SLUICE_ENGINE_RUNTIME_QUEUE_WORKER_H_
#define SLUICE_ENGINE_RUNTIME_QUEUE_WORKER_H_

#include <functional>
#include <utility>
#include <vector>

#include "engine/base/check.h"
#include "engine/base/ring.h"
#include "engine/base/workers.h"
#include "engine/shard/mailbox.h"

namespace sluice::engine {

class QueueWorker final : public Workers {
 public:
  static constexpr size_t kRingCapacity = 1'024;

  // Outlives the worker.
  explicit QueueWorker(Mailbox& home) : home_(home), ring_(kRingCapacity) {}

  void Run(std::move_only_function<void()> job, std::move_only_function<void()> done) override {
    CHECK(ring_.Push({std::move(job), std::move(done)}) != PushResult::kFull);
  }

  // True when there was something.
  bool Step() {
    batch_.clear();
    ring_.Drain(batch_);
    for (Item& item : batch_) {
      item.job();
      Task done = std::move(item.done);
      while (!home_.Post(done)) ring_.WaitFor(Duration(1'000));
    }
    return !batch_.empty();
  }
  void Wait() { ring_.WaitFor(Duration(50'000)); }

 private:
  struct Item {
    std::move_only_function<void()> job;
    std::move_only_function<void()> done;
  };

  Mailbox& home_;
  Ring<Item> ring_;
  std::vector<Item> batch_;
};

}  // namespace sluice::engine

#endif  // SLUICE_ENGINE_RUNTIME_QUEUE_WORKER_H_
