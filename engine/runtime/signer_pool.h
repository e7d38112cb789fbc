// engine/runtime/signer_pool.h — the Workers seam over as many threads as there are cores, for
// DKIM.
//
// PURPOSE   An RSA signature takes a quarter of a millisecond: on a loop, ten sessions would wait
//           for it. The jobs of all shards are dealt out to the threads in turn; they cost much the
//           same.
// THREADS   Run of a door on its shard's loop; Step and Wait on the thread of that number (threads.h).
// LIMITS    kRingCapacity jobs a thread. Beyond that, which takes more sessions and deliveries than
//           may be open, a shard does its job itself.
// TESTS     tests/shard/signer_pool_test.cc, bench/dkim_pool.cc

#ifndef SLUICE_ENGINE_RUNTIME_SIGNER_POOL_H_
#define SLUICE_ENGINE_RUNTIME_SIGNER_POOL_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "engine/base/check.h"
#include "engine/base/ring.h"
#include "engine/base/workers.h"
#include "engine/shard/mailbox.h"

namespace sluice::engine {

class SignerPool {
 public:
  static constexpr size_t kRingCapacity = 65'536;

  explicit SignerPool(size_t threads) {
    for (size_t i = 0; i < threads; ++i) lines_.push_back(std::make_unique<Line>());
  }

  size_t threads() const { return lines_.size(); }

  // The pool as one shard sees it. Mailbox and pool outlive it.
  class Door final : public Workers {
   public:
    Door(SignerPool& pool, Mailbox& home) : pool_(pool), home_(home) {}
    void Run(std::move_only_function<void()> job, std::move_only_function<void()> done) override {
      pool_.Take({&home_, std::move(job), std::move(done)});
    }

   private:
    SignerPool& pool_;
    Mailbox& home_;
  };

  // True when there was something.
  bool Step(size_t thread) {
    Line& line = *lines_[thread];
    line.batch.clear();
    line.ring.Drain(line.batch);
    for (Item& item : line.batch) {
      item.job();
      Task done = std::move(item.done);
      // A full mailbox is a shard that stood still for seconds.
      while (!item.home->Post(done)) line.ring.WaitFor(Duration(1'000));
    }
    return !line.batch.empty();
  }
  void Wait(size_t thread) { lines_[thread]->ring.WaitFor(Duration(50'000)); }

 private:
  struct Item {
    Mailbox* home;
    std::move_only_function<void()> job;
    std::move_only_function<void()> done;
  };
  struct Line {
    Ring<Item> ring{kRingCapacity};
    std::vector<Item> batch;  // the thread's own
  };

  void Take(Item item) {
    const size_t line = next_.fetch_add(1, std::memory_order_relaxed) % lines_.size();
    if (lines_[line]->ring.Push(std::move(item)) != PushResult::kFull) return;
    item.job();
    Task done = std::move(item.done);
    CHECK(item.home->Post(done));
  }

  std::vector<std::unique_ptr<Line>> lines_;
  std::atomic<size_t> next_{0};
};

}  // namespace sluice::engine

#endif  // SLUICE_ENGINE_RUNTIME_SIGNER_POOL_H_
