// The outbox: events commit with what they tell of, in order, under ids that never repeat.

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/queue/queue_fixture.h"

namespace sluice::queue {
namespace {

class QueueOutbox : public QueueTest {
 protected:
  void CommitEvents(int count) {
    Transaction t;
    for (int i = 0; i < count; ++i) {
      t.events.push_back(MakeEvent(EventType::kDelivered, {1, uint32_t(i)}));
      t.events.back().text = "text " + std::to_string(serial_++);
    }
    EXPECT_TRUE(CommitOne(std::move(t)).status);
  }
  std::vector<uint64_t> Ids() {
    std::vector<uint64_t> ids;
    for (const OutboxRow& row : AllOutbox())
      for (const OutboxRow::Item& item : row.items) ids.push_back(item.id);
    return ids;
  }
  uint64_t serial_ = 0;
};

TEST_F(QueueOutbox, GivesEventsInOrderUnderAscendingIdsAcrossReopen) {
  Open();
  uint64_t expected = 0, last = 0;
  for (int round = 0; round < 5; ++round) {
    CommitEvents(1 + round * 60);
    if (round == 2) Open();
  }
  for (const OutboxRow& row : AllOutbox())
    for (const OutboxRow::Item& item : row.items) {
      EXPECT_GT(item.id, last);
      last = item.id;
      EXPECT_EQ(item.event.text, "text " + std::to_string(expected++));
    }
  EXPECT_EQ(expected, serial_);
}

TEST_F(QueueOutbox, FreesUpToTheGivenRowWithTheNextCommit) {
  Open();
  for (int i = 0; i < 10; ++i) CommitEvents(40);
  const std::vector<OutboxRow> rows = AllOutbox();
  EXPECT_EQ(queue_->totals().outbox_rows, rows.size());
  const OutboxRow& middle = rows[rows.size() / 2];
  queue_->FreeOutbox(middle.commit, middle.part);
  EXPECT_EQ(AllOutbox().size(), rows.size());
  CommitEvents(1);
  const std::vector<OutboxRow> left = AllOutbox();
  ASSERT_EQ(left.size(), rows.size() - rows.size() / 2 - 1 + 1);
  EXPECT_EQ(left.front().items[0].id, rows[rows.size() / 2 + 1].items[0].id);
  EXPECT_EQ(queue_->totals().outbox_rows, left.size());
  Open();
  EXPECT_EQ(queue_->totals().outbox_rows, left.size());
}

TEST_F(QueueOutbox, IsFreedByTidyWhenNothingElseCommits) {
  Open();
  for (int i = 0; i < 1500; ++i) CommitEvents(1);
  const OutboxRow last = AllOutbox(1000).back();
  queue_->FreeOutbox(last.commit, last.part);
  TidyAll();
  EXPECT_TRUE(AllOutbox().empty());
  EXPECT_EQ(queue_->totals().outbox_rows, 0u);
  EXPECT_FALSE(queue_->Tidy());
}

TEST_F(QueueOutbox, NeverRepeatsAnIdThoughItWasEmptiedBeforeTheCrash) {
  uint64_t last = 0;
  for (int run = 0; run < 6; ++run) {
    Open();
    CommitEvents(3);
    const std::vector<uint64_t> ids = Ids();
    ASSERT_EQ(ids.size(), 3u);
    EXPECT_GT(ids.front(), last);
    last = ids.back();
    const OutboxRow row = AllOutbox().back();
    queue_->FreeOutbox(row.commit, row.part);
    TidyAll();
    EXPECT_TRUE(AllOutbox().empty());
  }
}

TEST_F(QueueOutbox, ReadsOnlyWhatComesAfterAndNoMoreThanAsked) {
  Open();
  for (int i = 0; i < 5; ++i) CommitEvents(1);
  const auto first = queue_->Outbox(0, 0, 2);
  ASSERT_EQ(first->size(), 2u);
  const auto rest = queue_->Outbox(first->back().commit, first->back().part, 100);
  ASSERT_EQ(rest->size(), 3u);
  EXPECT_GT(rest->front().commit, first->back().commit);
}

TEST_F(QueueOutbox, FreeingMoreThanThereIsIsHarmless) {
  Open();
  queue_->FreeOutbox(1'000, 0);
  TidyAll();
  CommitEvents(1);
  TidyAll();
  // What was committed after the call may be freed by it: it was asked for by key.
  EXPECT_LE(AllOutbox().size(), 1u);
}

}  // namespace
}  // namespace sluice::queue
