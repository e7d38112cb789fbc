// engine/shard/reader.h — the thread that reads the queue and its body files for the shards.
//
// PURPOSE   A shard never touches the disk: it asks, the reader looks, the answer comes back as a
//           Task.
// THREADS   Ask from any thread. Step and Wait on the reader's (or the simulator's).
// LIMITS    kRingCapacity questions; Ask says false then and the shard asks again later.

#ifndef SLUICE_ENGINE_SHARD_READER_H_
#define SLUICE_ENGINE_SHARD_READER_H_

#include <deque>
#include <functional>
#include <vector>

#include "engine/base/ring.h"
#include "engine/shard/mailbox.h"
#include "queue/queue.h"

namespace sluice::engine {

// Runs on the reader thread and returns what the shard then runs.
using Question = std::move_only_function<Task(queue::Queue&)>;

class Reader {
 public:
  static constexpr size_t kRingCapacity = 16'384;

  // Both outlive the reader.
  explicit Reader(queue::Queue& queue) : queue_(queue), ring_(kRingCapacity) {}

  // False when too many wait: `question` is untouched then.
  bool Ask(Mailbox& shard, Question& question) {
    Item item{&shard, std::move(question)};
    if (ring_.TryPush(item) != PushResult::kFull) return true;
    question = std::move(item.question);
    return false;
  }

  // Answers everything that waits. True when there was something.
  bool Step() {
    batch_.clear();
    ring_.Drain(batch_);
    for (Item& item : batch_) answers_.push_back({item.shard, item.question(queue_)});
    const bool any = !batch_.empty();
    batch_.clear();
    while (!answers_.empty() && answers_.front().shard->Post(answers_.front().task))
      answers_.pop_front();
    return any;
  }
  // Nothing waits to be answered, or to be sent.
  bool idle() const { return ring_.size() == 0 && answers_.empty(); }
  void Wait() { ring_.WaitFor(Duration(answers_.empty() ? 50'000 : 1'000)); }

 private:
  struct Item {
    Mailbox* shard;
    Question question;
  };
  struct Answer {
    Mailbox* shard;
    Task task;
  };

  queue::Queue& queue_;
  Ring<Item> ring_;
  std::vector<Item> batch_;
  std::deque<Answer> answers_;
};

}  // namespace sluice::engine

#endif  // SLUICE_ENGINE_SHARD_READER_H_
