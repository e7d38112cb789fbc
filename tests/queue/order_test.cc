// Orders: kept beside the messages with ids that never repeat; and the walk that finds what they
// are about.

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "queue/codec.h"
#include "queue/keys.h"
#include "queue/lmdb_env.h"
#include "tests/queue/queue_fixture.h"

namespace sluice::queue {
namespace {

class QueueOrder : public QueueTest {
 protected:
  static Order Of(uint64_t id, const std::string& campaign = "spring") {
    Order order;
    order.id = id;
    order.kind = OrderKind::kCancel;
    order.scope = OrderScope::kCampaign;
    order.name = campaign;
    order.tenant = "crm";
    order.value = "bounce";
    order.why = "wrong list";
    order.by = "uid 0";
    order.given = After(1);
    order.count = 300;
    return order;
  }
  void Commit(std::vector<Order> put, std::vector<uint64_t> gone = {}) {
    Transaction t;
    t.orders = std::move(put);
    t.orders_gone = std::move(gone);
    EXPECT_TRUE(CommitOne(std::move(t)).status);
  }
  std::vector<Order> All() {
    auto all = queue_->Orders();
    EXPECT_TRUE(all);
    return *all;
  }
};

TEST_F(QueueOrder, SurvivesAReopenUntilItIsGone) {
  Open();
  Commit({Of(1), Of(2)});
  Order changed = Of(2);
  changed.ended = After(9);
  Commit({changed});
  Open();
  EXPECT_EQ(All(), (std::vector<Order>{Of(1), changed}));
  Commit({}, {1, 77});
  EXPECT_EQ(All(), (std::vector<Order>{changed}));
}

TEST_F(QueueOrder, RemembersTheLastIdWhenTheOrderIsGone) {
  Open();
  EXPECT_EQ(queue_->totals().last_order, 0u);
  Commit({Of(5)});
  Commit({}, {5});
  Open();
  EXPECT_TRUE(All().empty());
  EXPECT_EQ(queue_->totals().last_order, 5u);
}

TEST_F(QueueOrder, OpensAQueueOfBeforeThereWereOrders) {
  Open();
  const RecipientId id = Put();
  Close();
  {
    auto env = LmdbEnv::Open(options_.path, options_.map_size, true);
    ASSERT_TRUE(env);
    Txn txn(**env, Txn::Mode::kWrite);
    const std::string now(*txn.Get(Table::kMeta, "state"));
    std::string before = now.substr(0, now.size() - sizeof(uint64_t));
    SealRecord(before, 1);
    txn.Put(Table::kMeta, "state", before);
    ASSERT_TRUE(txn.Commit());
  }
  Open();
  EXPECT_EQ(queue_->totals().last_order, 0u);
  EXPECT_EQ(queue_->totals().recipients, 1u);
  EXPECT_TRUE(queue_->Load(id));
}

TEST_F(QueueOrder, FitsARecordWithTheLongestTexts) {
  Open();
  Order wordy = Of(1);
  wordy.name = wordy.tenant = wordy.source = wordy.value = wordy.why = wordy.by =
      std::string(kMaxOrderText, 'x');
  Commit({wordy});
  EXPECT_EQ(All(), (std::vector<Order>{wordy}));
}

TEST_F(QueueOrder, LeavesOutWhatIsDamagedOrOfALaterVersion) {
  std::string record;
  EncodeOrder(Of(3), record);
  Order out;
  bool known = false;
  EXPECT_TRUE(DecodeOrder(record, 3, out, known));
  EXPECT_TRUE(known);
  EXPECT_EQ(out, Of(3));
  EXPECT_FALSE(DecodeOrder(record, 4, out, known));
  for (size_t i = 0; i < record.size(); ++i) {
    std::string broken = record;
    broken[i] = char(broken[i] ^ 1);
    EXPECT_FALSE(DecodeOrder(broken, 3, out, known)) << i;
  }
  record[kEnvelope] = 77;  // a kind that does not exist
  SealRecord(record, 3);
  EXPECT_TRUE(DecodeOrder(record, 3, out, known));
  EXPECT_FALSE(known);
}

class QueueWalk : public QueueTest {};

TEST_F(QueueWalk, SeesEveryRowOfTheLaneOnceWhateverItsTime) {
  Open();
  std::vector<RecipientId> due;
  for (int i = 0; i < 10; ++i) {
    const RecipientId id = Put();
    // Three share a time.
    Postpone(id, After(i < 3 ? 100 : 1'000 * i));
    due.push_back(id);
  }
  Postpone(Put("b@other.test"), After(5));
  const LaneId lane = queue_->LaneIdOf(KeyOf(due[0]));
  std::vector<RecipientId> seen;
  std::optional<Queue::DuePlace> next = Queue::DuePlace{};
  int pages = 0;
  while (next) {
    const auto page = queue_->Walk(lane, *next, 2, 0, [](const LoadedRecipient&) { return true; });
    ASSERT_TRUE(page);
    for (const LoadedRecipient& row : page->found) seen.push_back(row.recipient.id);
    next = page->next;
    ++pages;
  }
  EXPECT_EQ(seen, due);
  EXPECT_EQ(pages, 5);
}

TEST_F(QueueWalk, GivesWhatIsMeantAndNothingOfOtherMessages) {
  Open();
  const RecipientId a = Put("a@example.com");
  const RecipientId b = Put("b@example.com");
  Postpone(a, After(1));
  Postpone(b, After(2));
  const LaneId lane = queue_->LaneIdOf(KeyOf(a));
  const auto all = [](const LoadedRecipient&) { return true; };
  const auto of_b = queue_->Walk(lane, {}, 10, b.message, all);
  ASSERT_TRUE(of_b);
  ASSERT_EQ(of_b->found.size(), 1u);
  EXPECT_EQ(of_b->found[0].recipient.id, b);
  const auto none = queue_->Walk(lane, {}, 10, 0, [](const LoadedRecipient&) { return false; });
  EXPECT_TRUE(none && none->found.empty() && !none->next);
}

}  // namespace
}  // namespace sluice::queue
