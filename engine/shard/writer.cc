#include "engine/shard/writer.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "engine/base/check.h"
#include "engine/log/log.h"

namespace sluice::engine {

Writer::Writer(queue::Queue& queue, const Clock& clock, std::span<Mailbox* const> shards)
    : queue_(queue),
      clock_(clock),
      shards_(shards.begin(), shards.end()),
      ring_(kRingCapacity),
      marks_(1'024),
      answers_(shards.size()),
      outbound_(shards.size()) {}

bool Writer::Submit(std::vector<Commit>& commits) {
  return ring_.PushAll(commits) != PushResult::kFull;
}

void Writer::FreeOutbox(uint64_t commit, uint32_t part) {
  // A mark that does not fit is covered by the next one: marks only ever grow.
  (void)marks_.Push({commit, part});
}

void Writer::TakeIn() {
  arrived_.clear();
  ring_.Drain(arrived_);
  if (!arrived_.empty() && pending_.empty()) oldest_ = clock_.Now();
  for (Commit& commit : arrived_) {
    urgent_ += commit.urgent ? 1 : 0;
    pending_.push_back(std::move(commit));
  }
  arrived_marks_.clear();
  marks_.Drain(arrived_marks_);
  if (!arrived_marks_.empty())
    queue_.FreeOutbox(arrived_marks_.back().commit, arrived_marks_.back().part);
}

bool Writer::ShouldCommit() const {
  if (pending_.empty()) return false;
  return urgent_ > 0 || pending_.size() >= kGatherCount || clock_.Now() - oldest_ >= kGather;
}

size_t Writer::GroupSize() const {
  size_t bytes = 0;
  size_t n = 0;
  while (n < pending_.size() && n < kGroupTransactions && bytes < kGroupBytes) {
    for (const queue::Insert& insert : pending_[n].transaction.inserts)
      bytes += insert.content ? insert.content->size() : 0;
    ++n;
  }
  return n;
}

bool Writer::Step() {
  Send();
  TakeIn();
  if (!ShouldCommit()) return pending_.empty() && queue_.Tidy();
  const size_t n = GroupSize();
  CHECK(n > 0);
  const std::span<Commit> group(pending_.data(), n);
  group_.clear();
  for (Commit& commit : group) {
    urgent_ -= commit.urgent ? 1 : 0;
    group_.push_back(std::move(commit.transaction));
  }
  std::vector<queue::Committed> results = queue_.CommitAll(group_);
  CHECK(results.size() == n);
  Answers(group, std::move(results));
  pending_.erase(pending_.begin(), pending_.begin() + std::ptrdiff_t(n));
  oldest_ = clock_.Now();
  // A writer that is never idle must give space back as well.
  if (++commits_ % kTidyEvery == 0) (void)queue_.Tidy();
  group_.clear();  // bodies go back to the budget here, not with the next group
  Send();
  return true;
}

void Writer::Answers(std::span<Commit> group, std::vector<queue::Committed> results) {
  if (const Status writable = queue_.writable(); !writable && !broken()) {
    broken_.store(true, std::memory_order_relaxed);
    LogError("queue",
             "no mail is taken or sent until this is put right and the engine restarted: " +
                 writable.error().what);
  }
  for (size_t i = 0; i < group.size(); ++i) {
    const Status& status = results[i].status;
    if (!status && status.error().code == ErrorCode::kFull) {
      full_until_.store(MicrosOf(clock_.Now() + kFullPause), std::memory_order_relaxed);
      if (!std::exchange(told_full_, true))
        LogWarn("queue", "no mail is taken until there is room: " + status.error().what);
    } else if (status && !group_[i].inserts.empty() && std::exchange(told_full_, false)) {
      LogInfo("queue", "there is room: mail is taken again");
    }
    if (!group[i].done) continue;
    CHECK(group[i].shard < answers_.size());
    answers_[group[i].shard].push_back({std::move(group[i].done), std::move(results[i])});
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
  if (!pending_.empty() || ring_.size() != 0) return false;
  return std::ranges::all_of(outbound_, [](const auto& tasks) { return tasks.empty(); });
}

}  // namespace sluice::engine
