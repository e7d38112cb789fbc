// tests/shard/counting_queue.h — a queue that keeps nothing but what tests ask after.

#ifndef SLUICE_TESTS_SHARD_COUNTING_QUEUE_H_
#define SLUICE_TESTS_SHARD_COUNTING_QUEUE_H_

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "queue/queue.h"

namespace sluice::engine {

// Commits nothing, notes the size of every group, fails what it is told to.
class CountingQueue final : public queue::Queue {
 public:
  MessageId first_id() const override { return 1; }
  queue::LaneId LaneIdOf(const queue::LaneKey&) const override { return {}; }
  std::vector<queue::Committed> CommitAll(std::span<queue::Transaction> batch) override {
    groups.push_back(batch.size());
    for (queue::Transaction& one : batch)
      suspensions.insert(suspensions.end(), one.suspensions.begin(), one.suspensions.end());
    return std::vector<queue::Committed>(batch.size(), queue::Committed{next, {}});
  }
  void FreeOutbox(uint64_t commit, uint32_t) override { freed = commit; }
  bool Tidy() override { return false; }
  Status writable() const override { return health; }
  Result<Ref<queue::BodyFile>> CreateBodyFile(MessageId) override {
    return Fail(ErrorCode::kFull, "none");
  }
  Result<std::vector<queue::LaneRow>> Lanes(std::optional<queue::LaneId>, size_t) override {
    return std::vector<queue::LaneRow>();
  }
  Result<std::vector<queue::LoadedRecipient>> Due(const queue::LaneId&, WallTime, size_t,
                                                  std::vector<queue::RecipientId>*) override {
    return std::vector<queue::LoadedRecipient>();
  }
  Result<std::vector<queue::LoadedRecipient>> Captured(const queue::LaneId&, size_t) override {
    return std::vector<queue::LoadedRecipient>();
  }
  Result<std::vector<queue::LoadedRecipient>> Recipients(MessageId, uint32_t, size_t) override {
    return std::vector<queue::LoadedRecipient>();
  }
  Result<Search> Walk(const queue::LaneId&, const DuePlace&, size_t, MessageId,
                      const RowFilter&) override {
    return Search();
  }
  Result<Sweep> Orphans(MessageId, size_t) override { return Sweep(); }
  Result<queue::LoadedRecipient> Load(const queue::RecipientId&) override {
    return Fail(ErrorCode::kNotFound, "none");
  }
  Result<std::string> ReadBody(const queue::BodyLocation&, uint32_t, uint32_t) override {
    return std::string();
  }
  Result<std::vector<queue::Suspension>> Suspensions() override {
    return std::vector<queue::Suspension>();
  }
  Result<std::vector<queue::Order>> Orders() override { return std::vector<queue::Order>(); }
  Result<std::vector<queue::OutboxRow>> Outbox(uint64_t, uint32_t, size_t) override {
    return std::vector<queue::OutboxRow>();
  }
  queue::QueueTotals totals() const override { return {}; }

  std::vector<size_t> groups;
  std::vector<queue::Suspension> suspensions;  // all that were written
  Status next;
  Status health;
  uint64_t freed = 0;
};

}  // namespace sluice::engine

#endif  // SLUICE_TESTS_SHARD_COUNTING_QUEUE_H_
