// Group commit: what is answered is there after a crash, what is not answered never was.
// Method: a queue on disk, dropped without a word (which is a crash: all after the last CommitAll
// is gone), opened again and looked at.

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/queue/queue_fixture.h"

namespace sluice::queue {
namespace {

class QueueCommit : public QueueTest {};

TEST_F(QueueCommit, KeepsEveryFieldOfMessageAndRecipientAcrossReopen) {
  Open();
  const MessageId id = next_id_;
  Insert insert = MakeInsert(id, {"a@example.com", "b@example.net"}, 5000);
  Message& m = insert.message;
  m.released = After(5);
  m.user = "login";
  m.envid = "envid+2B";
  m.ret = DsnRet::kHeaders;
  m.flags = kFlag8Bit | kFlagBulk;
  m.header_length = 321;
  m.cuts = {{3, 4}, {100, 20}};
  insert.recipients[1].orcpt = "rfc822;b@example.net";
  insert.recipients[1].notify = kNotifyDelay | kNotifyFailure;
  insert.recipients[1].attempts = 3;
  insert.recipients[1].delay_told = true;
  insert.recipients[1].last_reply = "421 4.7.0 later";
  const Insert given = insert;
  const Committed committed = CommitOne(Of(insert));
  ASSERT_TRUE(committed.status) << committed.status.error().what;
  ASSERT_EQ(committed.bodies.size(), 1u);
  Open();
  for (uint32_t i = 0; i < 2; ++i) {
    const Result<LoadedRecipient> loaded = queue_->Load({id, i});
    ASSERT_TRUE(loaded) << loaded.error().what;
    EXPECT_EQ(loaded->recipient, given.recipients[i]);
    Message expected = given.message;
    expected.body = committed.bodies[0];
    EXPECT_EQ(loaded->message, expected);
    EXPECT_EQ(BodyOf({id, i}), ContentOf(id, 5000));
  }
  EXPECT_EQ(queue_->totals().messages, 1u);
  EXPECT_EQ(queue_->totals().recipients, 2u);
  EXPECT_EQ(queue_->totals().body_bytes, 5000u);
}

TEST_F(QueueCommit, CommitsAGroupOfManyTransactionsInOrder) {
  Open();
  std::vector<Transaction> batch;
  for (int i = 0; i < 300; ++i)
    batch.push_back(Of(MakeInsert(next_id_++, {"a@example.com"}, size_t(i) * 37)));
  const std::vector<Committed> committed = queue_->CommitAll(batch);
  ASSERT_EQ(committed.size(), 300u);
  for (const Committed& c : committed) ASSERT_TRUE(c.status) << c.status.error().what;
  const MessageId first = queue_->first_id();
  Open();
  for (size_t i = 0; i < 300; ++i) EXPECT_EQ(BodyOf({first + i, 0}), ContentOf(first + i, i * 37));
}

TEST_F(QueueCommit, FreesTheBodyWithItsLastRecipientOnly) {
  Open();
  const MessageId id = next_id_++;
  ASSERT_TRUE(CommitOne(Of(MakeInsert(id, {"a@x.example", "b@y.example"}, 700))).status);
  Finish({id, 0});
  EXPECT_EQ(queue_->totals().body_bytes, 700u);
  EXPECT_EQ(BodyOf({id, 1}), ContentOf(id, 700));
  Finish({id, 1});
  EXPECT_EQ(queue_->totals().body_bytes, 0u);
  EXPECT_EQ(queue_->totals().messages, 0u);
  EXPECT_EQ(queue_->totals().recipients, 0u);
  EXPECT_EQ(queue_->Load({id, 0}).error().code, ErrorCode::kNotFound);
}

TEST_F(QueueCommit, FailsOnlyTheTransactionThatFinishesAnUnknownRecipient) {
  Open();
  const RecipientId known = Put();
  std::vector<Transaction> batch(3);
  batch[0] = Of(MakeInsert(next_id_++, {"a@example.com"}));
  batch[0].events.push_back(MakeEvent(EventType::kAccepted, known));
  batch[1] = Of(MakeInsert(next_id_++, {"b@example.com"}));
  batch[1].finishes.push_back({known, {}});
  batch[1].finishes.push_back({{known.message, 9}, {}});
  batch[1].events.push_back(MakeEvent(EventType::kDelivered, known));
  batch[2].finishes.push_back({known, {}});
  batch[2].events.push_back(MakeEvent(EventType::kBounced, known));
  const std::vector<Committed> committed = queue_->CommitAll(batch);
  EXPECT_TRUE(committed[0].status);
  ASSERT_FALSE(committed[1].status);
  EXPECT_EQ(committed[1].status.error().code, ErrorCode::kNotFound);
  EXPECT_NE(committed[1].status.error().what.find("table recipient"), std::string::npos);
  EXPECT_TRUE(committed[2].status);
  EXPECT_EQ(queue_->totals().messages, 1u);
  EXPECT_EQ(queue_->totals().body_bytes, 100u);
  EXPECT_EQ(queue_->Load({next_id_ - 1, 0}).error().code, ErrorCode::kNotFound);
  const std::vector<OutboxRow> rows = AllOutbox();
  ASSERT_EQ(rows.size(), 1u);
  ASSERT_EQ(rows[0].items.size(), 2u);
  EXPECT_EQ(rows[0].items[0].event.type, EventType::kAccepted);
  EXPECT_EQ(rows[0].items[1].event.type, EventType::kBounced);
}

TEST_F(QueueCommit, SeesWhatAnEarlierTransactionOfTheGroupDid) {
  Open();
  const RecipientId id{next_id_++, 0};
  std::vector<Transaction> batch(3);
  batch[0] = Of(MakeInsert(id.message, {"a@example.com"}));
  batch[1].finishes.push_back({id, {}});
  batch[2].finishes.push_back({id, {}});
  const std::vector<Committed> committed = queue_->CommitAll(batch);
  EXPECT_TRUE(committed[0].status);
  EXPECT_TRUE(committed[1].status);
  EXPECT_EQ(committed[2].status.error().code, ErrorCode::kNotFound);
  EXPECT_EQ(queue_->totals().messages, 0u);
  EXPECT_EQ(queue_->totals().body_bytes, 0u);
}

TEST_F(QueueCommit, RefusesInsertsThatMakeNoSense) {
  Open();
  const RecipientId there = Put();
  const auto refused = [&](Insert insert) {
    const Committed committed = CommitOne(Of(std::move(insert)));
    return !committed.status && committed.status.error().code == ErrorCode::kInvalid;
  };
  EXPECT_TRUE(refused(MakeInsert(there.message, {"a@example.com"})));  // twice
  EXPECT_TRUE(refused(MakeInsert(queue_->first_id() - 1, {"a@example.com"})));
  EXPECT_TRUE(refused(MakeInsert(next_id_, {})));
  Insert wrong = MakeInsert(next_id_, {"a@example.com", "b@example.com"});
  wrong.recipients[1].id.index = 0;
  EXPECT_TRUE(refused(wrong));
  wrong = MakeInsert(next_id_, {"a@example.com"});
  wrong.recipients[0].id.message = 5;
  EXPECT_TRUE(refused(wrong));
  wrong = MakeInsert(next_id_, {std::string(kMaxAddress + 1, 'a')});
  EXPECT_TRUE(refused(wrong));
  wrong = MakeInsert(next_id_, {"a@example.com"});
  wrong.message.campaign.assign(3000, 'c');
  EXPECT_TRUE(refused(wrong));
  EXPECT_EQ(queue_->totals().messages, 1u);
  EXPECT_EQ(BodyOf(there), ContentOf(there.message, 100));
}

TEST_F(QueueCommit, TakesIdsOutOfOrderWithinARun) {
  Open();
  const MessageId first = queue_->first_id();
  for (const uint64_t n : {50, 10, 30, 20, 60, 40})
    ASSERT_TRUE(CommitOne(Of(MakeInsert(first + n, {"a@example.com"}))).status);
  Open();
  EXPECT_EQ(AllOrphans(), (std::vector<RecipientId>{{first + 10, 0},
                                                    {first + 20, 0},
                                                    {first + 30, 0},
                                                    {first + 40, 0},
                                                    {first + 50, 0},
                                                    {first + 60, 0}}));
}

TEST_F(QueueCommit, BeginsEachRunWithLargerIds) {
  MessageId before = 0;
  for (int i = 0; i < 4; ++i) {
    Open();
    EXPECT_GT(queue_->first_id(), before);
    before = Put().message;
  }
}

TEST_F(QueueCommit, NamesLanesAlikeAcrossRunsAndApartAcrossQueues) {
  Open();
  const LaneKey key{"example.com", "crm", "spring"};
  const LaneId id = queue_->LaneIdOf(key);
  EXPECT_NE(id, queue_->LaneIdOf({"example.co", "mcrm", "spring"}));
  options_.seed = 8;  // only a new queue takes its seed
  Open();
  EXPECT_EQ(id, queue_->LaneIdOf(key));
  options_.path += "2";
  Open();
  EXPECT_NE(id, queue_->LaneIdOf(key));
}

TEST_F(QueueCommit, FindsUntriedRecipientsOfEarlierRunsOnly) {
  Open();
  std::vector<RecipientId> untried;
  for (int i = 0; i < 20; ++i) {
    const RecipientId id = Put();
    if (i % 3 == 0) {
      Postpone(id, After(60));
    } else if (i % 3 == 1) {
      Finish(id);
    } else {
      untried.push_back(id);
    }
  }
  EXPECT_TRUE(AllOrphans().empty());
  Open();
  Put();
  EXPECT_EQ(AllOrphans(1), untried);
  EXPECT_EQ(AllOrphans(1000), untried);
}

TEST_F(QueueCommit, KeepsTheRecipientsOfOneMessageInOneSweep) {
  Open();
  const MessageId id = next_id_++;
  ASSERT_TRUE(CommitOne(Of(MakeInsert(id, {"a@x.example", "b@x.example", "c@x.example"}))).status);
  const RecipientId other = Put();
  Open();
  const Result<Queue::Sweep> sweep = queue_->Orphans(0, 2);
  ASSERT_TRUE(sweep);
  EXPECT_EQ(sweep->found.size(), 3u);
  EXPECT_EQ(sweep->next, other.message);
}

TEST_F(QueueCommit, GivesHeldMailItsDueRowAtOnce) {
  Open();
  Insert insert = MakeInsert(next_id_++, {"a@x.example", "b@x.example"});
  insert.recipients[1].due = After(3600);
  const RecipientId held = insert.recipients[1].id;
  ASSERT_TRUE(CommitOne(Of(std::move(insert))).status);
  const std::vector<LaneRow> lanes = AllLanes();
  ASSERT_EQ(lanes.size(), 1u);
  EXPECT_EQ(lanes[0].key, (LaneKey{"x.example", "crm", "spring"}));
  EXPECT_EQ(lanes[0].waiting, 1u);
  EXPECT_EQ(lanes[0].next_due, After(3600));
  EXPECT_TRUE(queue_->Due(lanes[0].id, After(3599), 10, nullptr)->empty());
  ASSERT_EQ(queue_->Due(lanes[0].id, After(3600), 10, nullptr)->size(), 1u);
  Finish(held);
  EXPECT_TRUE(AllLanes().empty());
}

TEST_F(QueueCommit, GivesTheOpenRecipientsOfAMessageInOrder) {
  Open();
  const MessageId id = next_id_++;
  const MessageId other = next_id_++;
  ASSERT_TRUE(CommitOne(Of(MakeInsert(id, {"a@x.example", "b@x.example", "c@y.example"}))).status);
  ASSERT_TRUE(CommitOne(Of(MakeInsert(other, {"d@x.example"}))).status);
  Finish({id, 0});
  const auto open = queue_->Recipients(id, 0, 10);
  ASSERT_EQ(open->size(), 2u);
  EXPECT_EQ((*open)[0].recipient.address, "b@x.example");
  EXPECT_EQ((*open)[1].recipient.address, "c@y.example");
  EXPECT_EQ(queue_->Recipients(id, 0, 1)->size(), 1u);
  EXPECT_EQ(queue_->Recipients(id, 2, 10)->size(), 1u);
  EXPECT_TRUE(queue_->Recipients(id, 3, 10)->empty());
}

TEST_F(QueueCommit, ReleasesAMessageWithItsRecipientsOrNotAtAll) {
  Open();
  Insert insert = MakeInsert(next_id_++, {"a@x.example", "b@x.example"});
  for (Recipient& recipient : insert.recipients) recipient.due = kCapturedDue;
  const Message given = insert.message;
  ASSERT_TRUE(CommitOne(Of(std::move(insert))).status);
  Transaction release;
  release.releases.push_back({given.id, After(900)});
  Recipient first = queue_->Load({given.id, 0})->recipient;
  first.due = After(900);
  release.postpones.push_back({first, KeyOf({given.id, 0})});
  release.postpones.push_back(release.postpones.front());  // twice: refused
  EXPECT_FALSE(CommitOne(release).status);
  EXPECT_EQ(queue_->Load({given.id, 0})->message.released, given.released);
  release.postpones.pop_back();
  ASSERT_TRUE(CommitOne(release).status);
  Open();
  const Message released = queue_->Load({given.id, 1})->message;
  EXPECT_EQ(released.released, After(900));
  EXPECT_EQ(released.accepted, given.accepted);
  EXPECT_EQ(queue_->Load({given.id, 0})->recipient.due, After(900));
  EXPECT_EQ(queue_->Load({given.id, 1})->recipient.due, kCapturedDue);
  Transaction unknown;
  unknown.releases.push_back({given.id + 77, After(1)});
  EXPECT_EQ(CommitOne(unknown).status.error().code, ErrorCode::kNotFound);
}

}  // namespace
}  // namespace sluice::queue
