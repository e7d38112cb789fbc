// engine/runtime/queue_worker.h — the Workers seam over a ring that one thread empties.
//
// PURPOSE   What would stop a loop: passwords, which cost 20 ms each, and the writing of large
//           bodies. Jobs run in the order given; `done` runs on the shard whose mailbox was given.
// THREADS   Run on the shard's loop; Step and Wait on the worker's thread (runtime/threads.h).
// LIMITS    kRingCapacity jobs; the callers bound themselves below: PasswordChecker runs one,
//           ContentSpool kJobsMax for each of SpoolRoom::kOpenMax. Should one of them not, its jobs
//           wait on the loop's side: none is lost, and none stops the process.
// TESTS     tests/shard/queue_worker_test.cc

#ifndef SLUICE_ENGINE_RUNTIME_QUEUE_WORKER_H_
#define SLUICE_ENGINE_RUNTIME_QUEUE_WORKER_H_

#include <deque>
#include <functional>
#include <utility>
#include <vector>

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
    late_.push_back({std::move(job), std::move(done)});
    Pass();
  }

  // True when there was something.
  bool Step() {
    batch_.clear();
    ring_.Drain(batch_);
    for (Item& item : batch_) {
      // What it holds goes before `done` is told: the loop's own things end on the loop.
      std::exchange(item.job, {})();
      Task done = [this, done = std::move(item.done)]() mutable {
        Pass();  // there is room in the ring again
        done();
      };
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

  void Pass() {
    while (!late_.empty() && ring_.TryPush(late_.front()) != PushResult::kFull) late_.pop_front();
  }

  Mailbox& home_;
  Ring<Item> ring_;
  std::vector<Item> batch_;  // the worker's own
  std::deque<Item> late_;    // the loop's: those that the ring had no room for
};

}  // namespace sluice::engine

#endif  // SLUICE_ENGINE_RUNTIME_QUEUE_WORKER_H_
