// Full disks, full maps, failing syncs: inserts are refused, finishing goes on, nothing is lost.
// Method: small limits, and a disk that fails when told to.

#include <gtest/gtest.h>

#include <cerrno>
#include <string>
#include <vector>

#include "tests/queue/faulty_disk.h"
#include "tests/queue/queue_fixture.h"

namespace sluice::queue {
namespace {

class QueueSpace : public QueueTest {
 protected:
  QueueSpace() { options_.disk = &disk_; }

  Committed Insert1(size_t size) {
    return CommitOne(Of(MakeInsert(next_id_++, {"a@example.com"}, size)));
  }
  // Inserts until it is full; the ids.
  std::vector<RecipientId> Fill(size_t size) {
    std::vector<RecipientId> ids;
    while (true) {
      const Committed committed = Insert1(size);
      if (!committed.status) {
        EXPECT_EQ(committed.status.error().code, ErrorCode::kFull);
        full_ = committed.status.error().what;
        return ids;
      }
      ids.push_back({next_id_ - 1, 0});
      if (ids.size() > 100'000) return ids;
    }
  }
  void ExpectIntact(const std::vector<RecipientId>& ids, size_t size) {
    for (const RecipientId& id : ids) ASSERT_EQ(BodyOf(id), ContentOf(id.message, size));
  }

  FaultyDisk disk_;
  std::string full_;
};

TEST_F(QueueSpace, RefusesInsertsAtMaxBytesAndTakesThemAgainWhenSomeAreDone) {
  options_.max_bytes = uint64_t(2) << 20;
  Open();
  std::vector<RecipientId> ids = Fill(10'000);
  EXPECT_GT(ids.size(), 100u);
  EXPECT_LE(queue_->totals().disk_bytes, options_.max_bytes);
  EXPECT_NE(full_.find("queue.max_bytes"), std::string::npos) << full_;
  EXPECT_TRUE(queue_->writable());
  ExpectIntact(ids, 10'000);
  for (const RecipientId& id : ids) Finish(id);
  EXPECT_LT(queue_->totals().disk_bytes, uint64_t(200'000));
  EXPECT_GT(Fill(10'000).size(), 100u);
}

TEST_F(QueueSpace, CountsWhatAGroupHasAlreadyTaken) {
  options_.max_bytes = uint64_t(512) << 10;
  Open();
  std::vector<Transaction> batch;
  for (int i = 0; i < 100; ++i)
    batch.push_back(Of(MakeInsert(next_id_++, {"a@example.com"}, 10'000)));
  size_t taken = 0;
  for (const Committed& committed : queue_->CommitAll(batch)) taken += committed.status.has_value();
  EXPECT_GT(taken, 20u);
  EXPECT_LT(taken, 52u);
  // The ends of its segments, where the next body did not fit, come on top.
  EXPECT_LE(queue_->totals().disk_bytes, options_.max_bytes * 9 / 8);
}

TEST_F(QueueSpace, PostponesAndFinishesWhenFull) {
  options_.max_bytes = uint64_t(1) << 20;
  Open();
  const std::vector<RecipientId> ids = Fill(5'000);
  for (const RecipientId& id : ids) Postpone(id, After(60));
  for (const RecipientId& id : ids) Finish(id);
  EXPECT_EQ(queue_->totals().messages, 0u);
  EXPECT_TRUE(AllLanes().empty());
}

TEST_F(QueueSpace, KeepsAReserveOfTheMapForWhatIsDecided) {
  options_.map_size = uint64_t(1) << 20;
  options_.max_bytes = uint64_t(1) << 40;
  options_.segment_bytes = uint64_t(64) << 20;
  Open();
  const std::vector<RecipientId> ids = Fill(1);
  EXPECT_GT(ids.size(), 500u);
  EXPECT_NE(full_.find("queue.map_size"), std::string::npos) << full_;
  for (size_t i = 0; i < 100; ++i) Postpone(ids[i], After(int64_t(i)));
  for (const RecipientId& id : ids) Finish(id);
  EXPECT_EQ(queue_->totals().messages, 0u);
  EXPECT_GT(Fill(1).size(), 500u);
}

TEST_F(QueueSpace, AnswersAGroupThatFillsTheMapByRefusingItsInsertsOnly) {
  options_.map_size = uint64_t(256) << 10;
  Open();
  const RecipientId known = Put();
  std::vector<Transaction> batch;
  // Texts in events: more than the estimate knows of, so that the map itself must say no.
  for (int i = 0; i < 150; ++i) {
    batch.push_back(Of(MakeInsert(next_id_++, {"a@example.com"})));
    Event event = MakeEvent(EventType::kAccepted, known);
    event.text = std::string(1000, char('a' + i % 26));
    event.host = std::string(500, char('a' + i % 26));
    batch.back().events.push_back(event);
  }
  batch.emplace_back();
  batch.back().finishes.push_back({known, {}});
  const std::vector<Committed> committed = queue_->CommitAll(batch);
  EXPECT_TRUE(committed.back().status);
  for (size_t i = 0; i + 1 < batch.size(); ++i) {
    ASSERT_FALSE(committed[i].status);
    EXPECT_EQ(committed[i].status.error().code, ErrorCode::kFull);
    EXPECT_TRUE(committed[i].bodies.empty());
  }
  EXPECT_TRUE(queue_->writable());
  EXPECT_EQ(queue_->totals().messages, 0u);
  EXPECT_EQ(queue_->totals().body_bytes, 0u);
  const RecipientId later = Put("b@example.com");
  EXPECT_EQ(BodyOf(later), ContentOf(later.message, 100));
}

TEST_F(QueueSpace, StaysUsableWhenABodyCannotBeWritten) {
  Open();
  const RecipientId before = Put("a@example.com", 3000);
  disk_.write_error = ENOSPC;
  std::vector<Transaction> batch(2);
  batch[0] = Of(MakeInsert(next_id_++, {"a@example.com"}));
  batch[1].finishes.push_back({before, {}});
  const std::vector<Committed> committed = queue_->CommitAll(batch);
  EXPECT_EQ(committed[0].status.error().code, ErrorCode::kFull);
  EXPECT_TRUE(committed[1].status);
  EXPECT_TRUE(queue_->writable());
  disk_.write_error = 0;
  const RecipientId after = Put("a@example.com", 3000);
  EXPECT_EQ(BodyOf(after), ContentOf(after.message, 3000));
  Open();
  EXPECT_EQ(BodyOf(after), ContentOf(after.message, 3000));
  EXPECT_EQ(queue_->totals().messages, 1u);
}

TEST_F(QueueSpace, StaysUsableWhenNoSegmentCanBeMade) {
  Open();
  const std::vector<RecipientId> first = {Put("a@example.com", 60'000)};
  disk_.reserve_error = ENOSPC;
  const Committed refused = Insert1(60'000);
  EXPECT_EQ(refused.status.error().code, ErrorCode::kFull);
  EXPECT_EQ(folder_.Files("x").size(), 0u);
  disk_.reserve_error = 0;
  ASSERT_TRUE(Insert1(60'000).status);
  ExpectIntact(first, 60'000);
}

TEST_F(QueueSpace, RefusesInsertsWhileTheFileSystemIsNearlyFull) {
  options_.min_free_bytes = 1000;
  disk_.free_bytes = 999;
  Open();
  const Committed refused = Insert1(10);
  ASSERT_FALSE(refused.status);
  EXPECT_EQ(refused.status.error().code, ErrorCode::kFull);
  EXPECT_NE(refused.status.error().what.find("queue.min_free_bytes"), std::string::npos);
  disk_.free_bytes = 1000;
  EXPECT_TRUE(Insert1(10).status);
}

TEST_F(QueueSpace, TakesInsertsAgainByItselfWhenTheRecordFileCanGrowAgain) {
  options_.max_bytes = options_.map_size = uint64_t(1) << 30;
  Open();
  disk_.records_reserve_error = ENOSPC;
  EXPECT_TRUE(Insert1(1).status);
  // What was reserved at the start is used up by and by.
  Transaction large;
  for (int i = 0; i < 1000; ++i) {
    large.events.push_back(MakeEvent(EventType::kDeferred, {1, 0}));
    large.events.back().text = std::string(1000, char('a' + i % 2));  // unlike the one before
  }
  for (int i = 0; i < 45; ++i) ASSERT_TRUE(CommitOne(large).status);
  for (int i = 0; i < 2; ++i) {
    const Committed refused = Insert1(1);
    ASSERT_FALSE(refused.status);
    EXPECT_EQ(refused.status.error().code, ErrorCode::kFull);
    EXPECT_NE(refused.status.error().what.find("data.mdb: the file system has no room"),
              std::string::npos);
  }
  disk_.records_reserve_error = 0;
  EXPECT_TRUE(Insert1(1).status);  // nothing else was committed between
}

TEST_F(QueueSpace, DoesNotOpenWhereItCouldNotWriteOutcomesDown) {
  disk_.records_reserve_error = ENOSPC;
  const Status opened = TryOpen();
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, ErrorCode::kFull);
  EXPECT_NE(opened.error().what.find("data.mdb: the file system has no room"), std::string::npos);
  disk_.records_reserve_error = 0;
  Open();
}

TEST_F(QueueSpace, WritesAnOutcomeAndItsReportDownWhenFull) {
  options_.max_bytes = uint64_t(1) << 20;
  Open();
  const std::vector<RecipientId> ids = Fill(5'000);
  Transaction outcome = Of(MakeInsert(next_id_++, {"sender@example.com"}, 5'000));
  outcome.finishes.push_back({ids[0], {}});
  EXPECT_TRUE(CommitOne(outcome).status);
  EXPECT_EQ(queue_->Load(ids[0]).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(BodyOf({next_id_ - 1, 0}), ContentOf(next_id_ - 1, 5'000));
}

TEST_F(QueueSpace, TakesNothingMoreAfterAFailedSyncAndLosesNothingThatWasAnswered) {
  Open();
  const RecipientId kept = Put("a@example.com", 2000);
  disk_.sync_error = EIO;
  const Committed failed = Insert1(2000);
  EXPECT_EQ(failed.status.error().code, ErrorCode::kIo);
  const MessageId lost = next_id_ - 1;
  disk_.sync_error = 0;
  EXPECT_FALSE(queue_->writable());
  EXPECT_FALSE(Insert1(10).status);
  Transaction finish;
  finish.finishes.push_back({kept, {}});
  EXPECT_FALSE(CommitOne(finish).status);
  EXPECT_FALSE(queue_->Tidy());
  EXPECT_EQ(BodyOf(kept), ContentOf(kept.message, 2000));  // readers go on
  Open();
  EXPECT_EQ(queue_->totals().messages, 1u);
  EXPECT_EQ(queue_->Load({lost, 0}).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(BodyOf(kept), ContentOf(kept.message, 2000));
  Put();
}

// With LMDB's two: at most three syncs of the device a commit.
TEST_F(QueueSpace, SyncsBodiesOnceAGroupAndOnlyWhenThereAreAny) {
  options_.segment_bytes = uint64_t(4) << 20;
  Open();
  std::vector<Transaction> batch;
  for (int i = 0; i < 100; ++i)
    batch.push_back(Of(MakeInsert(next_id_++, {"a@example.com"}, 10'000)));
  queue_->CommitAll(batch);
  EXPECT_EQ(disk_.syncs, 1u);
  const RecipientId id = {next_id_ - 1, 0};
  Postpone(id, After(60));
  Finish(id);
  EXPECT_EQ(disk_.syncs, 1u);
}

TEST_F(QueueSpace, TakesNothingMoreAfterAFailedCommit) {
  Open();
  const RecipientId kept = Put();
  disk_.commit_error = EIO;
  const Committed failed = Insert1(10);
  ASSERT_FALSE(failed.status);
  EXPECT_NE(failed.status.error().what.find("data.mdb"), std::string::npos);
  disk_.commit_error = 0;
  EXPECT_FALSE(Insert1(10).status);
  EXPECT_FALSE(queue_->writable());
  Open();
  EXPECT_EQ(queue_->totals().messages, 1u);
  EXPECT_EQ(BodyOf(kept), ContentOf(kept.message, 100));
}

}  // namespace
}  // namespace sluice::queue
