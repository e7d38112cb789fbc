#include "engine/shard/writer.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "engine/base/check.h"
#include "engine/log/log.h"

namespace sluice::engine {
namespace {

// How large a group has grown. `share` 2: within half of the bounds.
struct Size {
  size_t transactions = 0;
  size_t rows = 0;
  size_t bytes = 0;

  void Add(const queue::Transaction& transaction) {
    ++transactions;
    rows += transaction.postpones.size() + transaction.finishes.size();
    for (const queue::Insert& insert : transaction.inserts) {
      rows += insert.recipients.size();
      bytes += insert.content ? insert.content->size() : 0;
    }
  }
  bool Has(size_t share) const {
    return transactions < Writer::kGroupTransactions / share && rows < Writer::kGroupRows / share &&
           bytes < Writer::kGroupBytes / share;
  }
};

}  // namespace

Writer::Writer(queue::Queue& queue, const Clock& clock, std::span<Mailbox* const> shards)
    : queue_(queue),
      clock_(clock),
      shards_(shards.begin(), shards.end()),
      ring_(kRingCapacity),
      marks_(1'024),
      answers_(shards.size()),
      outbound_(shards.size()) {}

bool Writer::Submit(std::vector<Commit>& commits) {
  (void)ring_.PushSome(commits);
  return commits.empty();
}

void Writer::FreeOutbox(uint64_t commit, uint32_t part) {
  // A mark that does not fit is covered by the next one: marks only ever grow.
  (void)marks_.Push({commit, part});
}

void Writer::TakeIn() {
  arrived_.clear();
  ring_.Drain(arrived_);
  if (!arrived_.empty() && others_.empty()) oldest_ = clock_.Now();
  for (Commit& commit : arrived_) (commit.urgent ? urgent_ : others_).push_back(std::move(commit));
  arrived_marks_.clear();
  marks_.Drain(arrived_marks_);
  if (!arrived_marks_.empty())
    queue_.FreeOutbox(arrived_marks_.back().commit, arrived_marks_.back().part);
}

bool Writer::ShouldCommit() const {
  if (!urgent_.empty() || others_.size() >= kGatherCount) return true;
  return !others_.empty() && clock_.Now() - oldest_ >= kGather;
}

// A client waits for the urgent ones, but what nobody waits for must not pile up behind them.
void Writer::Gather() {
  group_.clear();
  transactions_.clear();
  Size size;
  const auto take = [&](std::deque<Commit>& from, size_t share) {
    while (!from.empty() && size.Has(share)) {
      size.Add(from.front().transaction);
      transactions_.push_back(std::move(from.front().transaction));
      group_.push_back(std::move(from.front()));
      from.pop_front();
    }
  };
  take(urgent_, others_.empty() ? 1 : 2);
  take(others_, 1);
  take(urgent_, 1);
  CHECK(!group_.empty());
}

bool Writer::Step() {
  Send();
  TakeIn();
  if (!ShouldCommit()) return idle() && queue_.Tidy();
  CommitGroup();
  // A writer that is never idle must give space back as well.
  if (++commits_ % kTidyEvery == 0) (void)queue_.Tidy();
  Send();
  return true;
}

void Writer::CommitGroup() {
  Gather();
  std::vector<queue::Committed> results = queue_.CommitAll(transactions_);
  CHECK(results.size() == group_.size());
  Answers(std::move(results));
  oldest_ = clock_.Now();
  transactions_.clear();  // bodies go back to the budget here, not with the next group
  group_.clear();
}

bool Writer::Finish(Instant deadline) {
  for (TakeIn(); !idle(); TakeIn()) {
    if (broken() || clock_.Now() >= deadline) return false;
    CommitGroup();
  }
  return true;
}

void Writer::Answers(std::vector<queue::Committed> results) {
  if (const Status writable = queue_.writable(); !writable && !broken()) {
    broken_.store(true, std::memory_order_relaxed);
    LogError("queue",
             "no mail is taken or sent until this is put right and the engine restarted: " +
                 writable.error().what);
  }
  for (size_t i = 0; i < group_.size(); ++i) {
    const Status& status = results[i].status;
    if (!status && status.error().code == ErrorCode::kFull) {
      full_until_.store(MicrosOf(clock_.Now() + kFullPause), std::memory_order_relaxed);
      if (!std::exchange(told_full_, true))
        LogWarn("queue", "no mail is taken until there is room: " + status.error().what);
    } else if (status && group_[i].urgent && std::exchange(told_full_, false)) {
      // Not for a report, for which room is kept.
      LogInfo("queue", "there is room: mail is taken again");
    }
    if (!group_[i].done) continue;
    CHECK(group_[i].shard < answers_.size());
    answers_[group_[i].shard].push_back({std::move(group_[i].done), std::move(results[i])});
  }
}

void Writer::Send() {
  for (size_t shard = 0; shard < answers_.size(); ++shard) {
    if (answers_[shard].empty()) continue;
    outbound_[shard].push_back([batch = std::move(answers_[shard])]() mutable {
      for (Answer& answer : batch) answer.done(std::move(answer.committed));
    });
    answers_[shard].clear();
  }
  for (size_t shard = 0; shard < outbound_.size(); ++shard) {
    std::deque<Task>& tasks = outbound_[shard];
    while (!tasks.empty() && shards_[shard]->Post(tasks.front())) tasks.pop_front();
  }
}

bool Writer::Drained() const {
  if (!idle() || ring_.size() != 0) return false;
  return std::ranges::all_of(outbound_, [](const auto& tasks) { return tasks.empty(); });
}

}  // namespace sluice::engine
