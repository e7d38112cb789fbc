// The writer over a queue that only counts: when it commits, and who hears what.

#include "engine/shard/writer.h"

#include <gtest/gtest.h>

#include <array>

#include "tests/shard/counting_queue.h"

namespace sluice::engine {
namespace {

class ManualClock final : public Clock {
 public:
  Instant Now() const override { return now; }
  WallTime Wall() const override { return {}; }
  Instant now{};
};

class WriterTest : public ::testing::Test {
 protected:
  void Submit(size_t n, bool urgent, uint32_t shard = 0) {
    std::vector<Commit> commits;
    for (size_t i = 0; i < n; ++i)
      commits.push_back({shard, urgent, {}, [this, urgent](queue::Committed committed) {
                           urgent_heard_ += urgent ? 1 : 0;
                           heard_.push_back(committed.status.has_value());
                         }});
    ASSERT_TRUE(writer_.Submit(commits));
    ASSERT_TRUE(commits.empty());
  }

  ManualClock clock_;
  CountingQueue queue_;
  std::array<Mailbox, 2> mailbox_;
  std::array<Mailbox*, 2> list_{&mailbox_[0], &mailbox_[1]};
  Writer writer_{queue_, clock_, list_};
  std::vector<bool> heard_;
  size_t urgent_heard_ = 0;
};

TEST_F(WriterTest, CommitsAnInsertAtOnceAndTakesWhatWaitsAlong) {
  Submit(3, false);
  Submit(1, true);
  EXPECT_TRUE(writer_.Step());
  EXPECT_EQ(queue_.groups, (std::vector<size_t>{4}));
}

TEST_F(WriterTest, LetsOutcomesWaitForAMillisecondOrForCompany) {
  Submit(5, false);
  EXPECT_FALSE(writer_.Step());
  clock_.now += Writer::kGather;
  EXPECT_TRUE(writer_.Step());
  Submit(Writer::kGatherCount, false);
  EXPECT_TRUE(writer_.Step());
  EXPECT_EQ(queue_.groups, (std::vector<size_t>{5, Writer::kGatherCount}));
}

TEST_F(WriterTest, BoundsTheGroup) {
  Submit(Writer::kGroupTransactions + 7, true);
  EXPECT_TRUE(writer_.Step());
  EXPECT_TRUE(writer_.Step());
  EXPECT_EQ(queue_.groups, (std::vector<size_t>{Writer::kGroupTransactions, 7}));
}

TEST_F(WriterTest, LetsWhatAClientWaitsForOvertakeTheRest) {
  Submit(3'000, false);
  Submit(2, true);
  EXPECT_TRUE(writer_.Step());
  mailbox_[0].Run();
  EXPECT_EQ(urgent_heard_, 2u);
  EXPECT_EQ(heard_.size(), Writer::kGroupTransactions);
}

TEST_F(WriterTest, LetsNothingStarveBehindWhatClientsWaitFor) {
  Submit(Writer::kGroupTransactions, false);
  Submit(5 * Writer::kGroupTransactions, true);
  EXPECT_TRUE(writer_.Step());
  mailbox_[0].Run();
  EXPECT_EQ(urgent_heard_, Writer::kGroupTransactions / 2);
  EXPECT_EQ(heard_.size(), Writer::kGroupTransactions);
}

TEST_F(WriterTest, BoundsTheRowsOfAGroup) {
  std::vector<Commit> commits;
  for (size_t i = 0; i < 12; ++i) {
    Commit commit{.shard = 0, .urgent = true, .transaction = {}, .done = {}};
    commit.transaction.postpones.resize(Writer::kGroupRows / 4);
    commits.push_back(std::move(commit));
  }
  ASSERT_TRUE(writer_.Submit(commits));
  while (writer_.Step()) {
  }
  EXPECT_EQ(queue_.groups, (std::vector<size_t>{4, 4, 4}));
}

TEST_F(WriterTest, TakesWhatThereIsRoomForAndTheRestLater) {
  std::vector<Commit> commits(Writer::kRingCapacity + 10);
  EXPECT_FALSE(writer_.Submit(commits));
  EXPECT_EQ(commits.size(), 10u);
  EXPECT_TRUE(writer_.Step());
  EXPECT_TRUE(writer_.Submit(commits));
}

TEST_F(WriterTest, CommitsAllWithoutWaitingBeforeTheEnd) {
  Submit(2 * Writer::kGroupTransactions + 1, false);
  EXPECT_TRUE(writer_.Finish(clock_.now + Duration(1)));
  EXPECT_EQ(queue_.groups,
            (std::vector<size_t>{Writer::kGroupTransactions, Writer::kGroupTransactions, 1}));
  Submit(1, false);
  EXPECT_FALSE(writer_.Finish(clock_.now)) << "no time is left";
}

TEST_F(WriterTest, TellsEachShardInItsOwnMailbox) {
  Submit(2, true, 1);
  EXPECT_TRUE(writer_.Step());
  EXPECT_FALSE(mailbox_[0].Run());
  EXPECT_TRUE(heard_.empty());
  EXPECT_TRUE(mailbox_[1].Run());
  EXPECT_EQ(heard_, (std::vector<bool>{true, true}));
  EXPECT_TRUE(writer_.Drained());
}

TEST_F(WriterTest, AcknowledgesNothingWhenCommitFails) {
  queue_.next = Fail(ErrorCode::kIo, "the disk is gone");
  queue_.health = queue_.next;
  Submit(2, true);
  EXPECT_TRUE(writer_.Step());
  mailbox_[0].Run();
  EXPECT_EQ(heard_, (std::vector<bool>{false, false}));
  EXPECT_TRUE(writer_.broken());
}

TEST_F(WriterTest, SaysFullForAWhileAfterAFullDisk) {
  queue_.next = Fail(ErrorCode::kFull, "full");
  Submit(1, true);
  writer_.Step();
  EXPECT_TRUE(writer_.full());
  EXPECT_FALSE(writer_.broken());
  clock_.now += std::chrono::seconds(6);
  EXPECT_FALSE(writer_.full());
}

TEST_F(WriterTest, PassesTheLatestMarkOfTheExporterOn) {
  writer_.FreeOutbox(3, 0);
  writer_.FreeOutbox(9, 1);
  writer_.Step();
  EXPECT_EQ(queue_.freed, 9u);
}

}  // namespace
}  // namespace sluice::engine
