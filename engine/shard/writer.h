// engine/shard/writer.h — the one thread that writes the queue, as a machine that is stepped.
//
// PURPOSE   Gathers the shards' transactions into group commits and tells each shard what became of
//           its own. Inserts have a client waiting: they start a commit at once when the writer is
//           idle, else gather behind the running one, ahead of all that nobody waits for. The rest
//           rides along, or waits at most kGather.
// ORDER     Kept among the urgent ones of a shard, and among its others; not between the two.
// THREADS   Step belongs to the writer thread (or the simulator). Submit and FreeOutbox: any
//           thread.

#ifndef SLUICE_ENGINE_SHARD_WRITER_H_
#define SLUICE_ENGINE_SHARD_WRITER_H_

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <span>
#include <vector>

#include "engine/base/ring.h"
#include "engine/base/time.h"
#include "engine/shard/mailbox.h"
#include "queue/queue.h"

namespace sluice::engine {

// One transaction on its way to disk.
struct Commit {
  uint32_t shard = 0;   // where `done` runs
  bool urgent = false;  // somebody waits for it
  queue::Transaction transaction;
  std::move_only_function<void(queue::Committed)> done;
};

class Writer {
 public:
  // What has nobody waiting commits after this, or when kGatherCount of it wait.
  static constexpr Duration kGather{1000};
  static constexpr size_t kGatherCount = 256;
  // Bounds of one group: its memory, and how long the next one waits for it. While both kinds wait,
  // neither gets more than half of it.
  static constexpr size_t kGroupTransactions = 1'000;
  static constexpr size_t kGroupRows = 10'000;
  static constexpr size_t kGroupBytes = size_t(32) << 20;
  static constexpr size_t kRingCapacity = 262'144;

  // All outlive the writer.
  Writer(queue::Queue& queue, const Clock& clock, std::span<Mailbox* const> shards);

  // Takes from the front of `commits` what there is room for. False: the rest stayed, try again in
  // the next turn.
  bool Submit(std::vector<Commit>& commits);
  void FreeOutbox(uint64_t commit, uint32_t part);

  // One group commit, or one slice of idle work. True when it did something.
  bool Step();
  // Blocks until there may be something to do; bounded by a few milliseconds.
  void Wait() { ring_.WaitFor(idle() ? kIdleWait : kGather); }
  // The last thing before an end: commits all that was submitted, without gathering. False when
  // `deadline` came first, or the disk failed.
  bool Finish(Instant deadline);
  // Everything submitted has been committed and answered.
  bool Drained() const;

  // May inserts come? Any thread. After a full disk this is false for kFullPause, then tried again.
  bool full() const { return full_until_.load(std::memory_order_relaxed) > MicrosOf(clock_.Now()); }
  bool broken() const { return broken_.load(std::memory_order_relaxed); }

 private:
  static constexpr Duration kIdleWait{20'000};
  // Longer than the reply to MAIL may be held back (3 s), so that a full queue is told there.
  static constexpr Duration kFullPause{5'000'000};

  static constexpr uint64_t kTidyEvery = 128;  // commits

  struct OutboxMark {
    uint64_t commit;
    uint32_t part;
  };
  struct Answer {
    std::move_only_function<void(queue::Committed)> done;
    queue::Committed committed;
  };

  bool idle() const { return urgent_.empty() && others_.empty(); }
  void TakeIn();
  bool ShouldCommit() const;
  void Gather();
  void CommitGroup();
  void Answers(std::vector<queue::Committed> results);
  void Send();

  queue::Queue& queue_;
  const Clock& clock_;
  const std::vector<Mailbox*> shards_;
  Ring<Commit> ring_;
  Ring<OutboxMark> marks_;
  std::atomic<int64_t> full_until_{0};
  std::atomic<bool> broken_{false};

  // The writer thread's own.
  std::deque<Commit> urgent_;
  std::deque<Commit> others_;
  bool told_full_ = false;  // in the log
  uint64_t commits_ = 0;
  Instant oldest_{};  // when the first of others_ came, or the last group was done
  std::vector<Commit> arrived_;
  std::vector<OutboxMark> arrived_marks_;
  std::vector<Commit> group_;                     // without their transactions
  std::vector<queue::Transaction> transactions_;  // of group_
  std::vector<std::vector<Answer>> answers_;      // by shard, of the commit just done
  std::vector<std::deque<Task>> outbound_;  // by shard; more than one only if its mailbox was full
};

}  // namespace sluice::engine

#endif  // SLUICE_ENGINE_SHARD_WRITER_H_
