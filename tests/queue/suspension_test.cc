// Suspensions: kept beside the messages, in place of what was known of the same name, bounded.

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "queue/lmdb_env.h"
#include "tests/queue/queue_fixture.h"

namespace sluice::queue {
namespace {

class QueueSuspension : public QueueTest {
 protected:
  static Suspension Of(const std::string& site, uint32_t failures = 1) {
    return {{SuspensionKind::kSite, site}, After(60), failures, "connect refused"};
  }
  void Commit(std::vector<Suspension> put, std::vector<SuspensionId> lifted = {}) {
    Transaction t;
    t.suspensions = std::move(put);
    t.lifted = std::move(lifted);
    EXPECT_TRUE(CommitOne(std::move(t)).status);
  }
  std::vector<Suspension> All() {
    auto all = queue_->Suspensions();
    EXPECT_TRUE(all);
    std::ranges::sort(*all, {}, &Suspension::id);
    return *all;
  }
  // Turns a bit of the one row of the closed queue.
  void TurnABit() {
    Close();
    auto env = LmdbEnv::Open(options_.path, options_.map_size, true);
    ASSERT_TRUE(env);
    Txn txn(**env, Txn::Mode::kWrite);
    std::string key, record;
    {
      Cursor row(txn, Table::kSuspension);
      ASSERT_TRUE(row.First());
      key = row.key();
      record = row.value();
      row.Delete();
    }
    record.back() = char(record.back() ^ 4);
    txn.Put(Table::kSuspension, key, record);
    ASSERT_TRUE(txn.Commit());
  }
  uint64_t Rows() {
    Close();
    auto env = LmdbEnv::Open(options_.path, options_.map_size, true);
    Txn txn(**env, Txn::Mode::kRead);
    return txn.Rows(Table::kSuspension);
  }
};

TEST_F(QueueSuspension, SurvivesAReopenUntilItIsLifted) {
  Open();
  Commit({Of("b.test"), Of("a.test")});
  Commit({Of("b.test", 2)});
  Open();
  EXPECT_EQ(All(), (std::vector<Suspension>{Of("a.test"), Of("b.test", 2)}));
  Commit({}, {Of("a.test").id, Of("never.test").id});
  EXPECT_EQ(All(), (std::vector<Suspension>{Of("b.test", 2)}));
}

TEST_F(QueueSuspension, CommitsWithTheRestOfItsTransactionOrNotAtAll) {
  Open();
  Transaction t;
  t.suspensions.push_back(Of("a.test"));
  t.finishes.push_back({{next_id_ + 77, 0}, {}});  // there is no such recipient
  EXPECT_FALSE(CommitOne(std::move(t)).status);
  EXPECT_TRUE(All().empty());
}

TEST_F(QueueSuspension, CutsTheReasonAndBoundsTheTable) {
  Open();
  Suspension wordy = Of(std::string(kMaxSuspensionKey, 'x'));
  wordy.reason = std::string(3000, 'y');
  Commit({wordy});
  EXPECT_EQ(All().front().reason.size(), kMaxReplyText);
  std::vector<Suspension> many;
  for (size_t i = 0; i < kMaxSuspensions; ++i) many.push_back(Of("s" + std::to_string(i)));
  Commit(many);
  EXPECT_EQ(All().size(), kMaxSuspensions);
  Commit({Of("s0", 9)}, {wordy.id});  // what is there can be changed
  Commit({Of("new.test")});           // and there is room again
  EXPECT_EQ(All().size(), kMaxSuspensions);
}

TEST_F(QueueSuspension, IsDroppedAtOpenWhenDamaged) {
  Open();
  Commit({Of("a.test")});
  TurnABit();
  Open();
  EXPECT_TRUE(All().empty());
  EXPECT_EQ(Rows(), 0u);
}

}  // namespace
}  // namespace sluice::queue
