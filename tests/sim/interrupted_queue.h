// tests/sim/interrupted_queue.h — the queue as a reader thread meets it: commits come at any time.
//
// PURPOSE   A question to a reader may need several looks, each with a transaction of its own, and
//           the writer commits meanwhile. So before each look something may happen: the simulator
//           lets the world go on for a while (leg_runner.h).
// NOT HERE  What the exporter reads (Outbox): its rows never change.

#ifndef SLUICE_TESTS_SIM_INTERRUPTED_QUEUE_H_
#define SLUICE_TESTS_SIM_INTERRUPTED_QUEUE_H_

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "queue/queue.h"

namespace sluice::sim {

class InterruptedQueue final : public queue::Queue {
 public:
  explicit InterruptedQueue(std::unique_ptr<queue::Queue> real) : real_(std::move(real)) {}
  // Called before each look of a reader.
  void Interrupt(std::function<void()> before_look) { before_look_ = std::move(before_look); }

  MessageId first_id() const override { return real_->first_id(); }
  queue::LaneId LaneIdOf(const queue::LaneKey& key) const override { return real_->LaneIdOf(key); }

  std::vector<queue::Committed> CommitAll(std::span<queue::Transaction> batch) override {
    return real_->CommitAll(batch);
  }
  void FreeOutbox(uint64_t commit, uint32_t part) override { real_->FreeOutbox(commit, part); }
  bool Tidy() override { return real_->Tidy(); }
  Status writable() const override { return real_->writable(); }

  Result<Ref<queue::BodyFile>> CreateBodyFile(MessageId id) override {
    return real_->CreateBodyFile(id);
  }

  Result<std::vector<queue::LaneRow>> Lanes(std::optional<queue::LaneId> after,
                                            size_t limit) override {
    Look();
    return real_->Lanes(after, limit);
  }
  Result<std::vector<queue::LoadedRecipient>> Due(
      const queue::LaneId& lane, WallTime until, size_t limit,
      std::vector<queue::RecipientId>* damaged) override {
    Look();
    return real_->Due(lane, until, limit, damaged);
  }
  Result<std::vector<queue::LoadedRecipient>> Captured(const queue::LaneId& lane,
                                                       size_t limit) override {
    Look();
    return real_->Captured(lane, limit);
  }
  Result<std::vector<queue::LoadedRecipient>> Recipients(MessageId message, uint32_t from,
                                                         size_t limit) override {
    Look();
    return real_->Recipients(message, from, limit);
  }
  Result<Search> Walk(const queue::LaneId& lane, const DuePlace& from, size_t rows,
                      MessageId message, const RowFilter& meant) override {
    Look();
    return real_->Walk(lane, from, rows, message, meant);
  }
  Result<Sweep> Orphans(MessageId from, size_t limit) override {
    Look();
    return real_->Orphans(from, limit);
  }
  Result<queue::LoadedRecipient> Load(const queue::RecipientId& id) override {
    Look();
    return real_->Load(id);
  }
  Result<std::string> ReadBody(const queue::BodyLocation& body, uint32_t offset,
                               uint32_t length) override {
    Look();
    return real_->ReadBody(body, offset, length);
  }
  Result<std::vector<queue::Suspension>> Suspensions() override { return real_->Suspensions(); }
  Result<std::vector<queue::Order>> Orders() override { return real_->Orders(); }
  Result<std::vector<queue::OutboxRow>> Outbox(uint64_t after_commit, uint32_t after_part,
                                               size_t limit) override {
    return real_->Outbox(after_commit, after_part, limit);
  }
  queue::QueueTotals totals() const override { return real_->totals(); }

 private:
  void Look() {
    if (before_look_) before_look_();
  }

  const std::unique_ptr<queue::Queue> real_;
  std::function<void()> before_look_;
};

}  // namespace sluice::sim

#endif  // SLUICE_TESTS_SIM_INTERRUPTED_QUEUE_H_
