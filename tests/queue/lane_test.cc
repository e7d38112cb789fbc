// The due index and the lane rows are exact, whatever happens in whatever order.
// Method: thousands of random groups of inserts, finishes and postpones, some of them impossible,
// with reopening between, against a model of plain maps.

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "engine/base/random.h"
#include "engine/base/text.h"
#include "tests/queue/queue_fixture.h"

namespace sluice::queue {
namespace {

// What the queue must hold.
struct ModelRecipient {
  std::string domain;
  bool has_due = false;
  WallTime due{};
  uint16_t attempts = 0;
};

class QueueLanes : public QueueTest {
 protected:
  LaneKey Key(const std::string& domain) const { return {domain, "crm", "spring"}; }

  void RandomTransaction(Random& dice, Transaction& t, std::set<RecipientId>& used, bool& fails) {
    const uint64_t what = dice.Below(10);
    if (what < 4 || open_.empty()) {
      Insert insert = MakeInsert(next_id_++, Addresses(dice), dice.Below(3000));
      for (Recipient& r : insert.recipients)
        if (dice.Below(4) == 0) r.due = After(int64_t(dice.Below(100)));
      t.inserts.push_back(std::move(insert));
    }
    for (uint64_t i = dice.Below(4); i > 0 && !open_.empty(); --i) {
      const auto at = std::next(open_.begin(), ptrdiff_t(dice.Below(open_.size())));
      if (!used.insert(at->first).second) continue;
      if (dice.Below(2) == 0) {
        t.finishes.push_back({at->first, {}});
      } else {
        Recipient r;
        r.id = at->first;
        r.address = "x@" + at->second.domain;
        r.attempts = uint16_t(at->second.attempts + 1);
        r.due = After(int64_t(dice.Below(100)));
        t.postpones.push_back({r, Key(at->second.domain)});
      }
    }
    if (dice.Below(12) == 0) {
      t.finishes.push_back({{next_id_ + 5, 0}, {}});  // never inserted
      fails = true;
    }
  }

  std::vector<std::string> Addresses(Random& dice) {
    std::vector<std::string> out;
    for (uint64_t n = 1 + dice.Below(3); n > 0; --n)
      out.push_back("x@d" + std::to_string(dice.Below(6)) + ".example");
    return out;
  }

  void ApplyToModel(const Transaction& t) {
    for (const Insert& insert : t.inserts)
      for (const Recipient& r : insert.recipients) {
        const bool held = r.due > kAccepted;
        open_[r.id] = {std::string(DomainOf(r.address)), held, held ? r.due : kAccepted, 0};
      }
    for (const queue::Finish& f : t.finishes) open_.erase(f.recipient);
    for (const queue::Postpone& p : t.postpones)
      open_[p.recipient.id] = {std::string(DomainOf(p.recipient.address)), true, p.recipient.due,
                               p.recipient.attempts};
  }

  void ExpectAsModel() {
    std::map<LaneId, std::vector<std::tuple<WallTime, RecipientId>>> lanes;
    std::map<LaneId, LaneKey> keys;
    std::set<MessageId> messages;
    for (const auto& [id, r] : open_) {
      messages.insert(id.message);
      if (!r.has_due) continue;
      const LaneId lane = queue_->LaneIdOf(Key(r.domain));
      lanes[lane].emplace_back(r.due, id);
      keys[lane] = Key(r.domain);
    }
    const std::vector<LaneRow> rows = AllLanes(2);
    ASSERT_EQ(rows.size(), lanes.size());
    for (const LaneRow& row : rows) {
      ASSERT_TRUE(lanes.contains(row.id));
      auto& expected = lanes[row.id];
      std::sort(expected.begin(), expected.end());
      EXPECT_EQ(row.key, keys[row.id]);
      EXPECT_EQ(row.waiting, expected.size());
      EXPECT_EQ(row.next_due, std::get<0>(expected.front()));
      std::vector<RecipientId> damaged;
      const auto due = queue_->Due(row.id, After(1000), 100'000, &damaged);
      ASSERT_TRUE(due);
      EXPECT_TRUE(damaged.empty());
      ASSERT_EQ(due->size(), expected.size());
      for (size_t i = 0; i < expected.size(); ++i) {
        EXPECT_EQ((*due)[i].recipient.id, std::get<1>(expected[i]));
        EXPECT_EQ((*due)[i].recipient.due, std::get<0>(expected[i]));
        EXPECT_EQ((*due)[i].recipient.attempts, open_[std::get<1>(expected[i])].attempts);
      }
    }
    EXPECT_EQ(queue_->totals().recipients, open_.size());
    EXPECT_EQ(queue_->totals().messages, messages.size());
  }

  std::map<RecipientId, ModelRecipient> open_;
};

TEST_F(QueueLanes, StayExactUnderRandomGroupsAndReopening) {
  Random dice(20261121);
  Open();
  for (int step = 0; step < 2500; ++step) {
    std::vector<Transaction> batch(1 + dice.Below(4));
    std::vector<bool> fails(batch.size());
    std::set<RecipientId> used;
    for (size_t i = 0; i < batch.size(); ++i) {
      bool fail = false;
      RandomTransaction(dice, batch[i], used, fail);
      fails[i] = fail;
    }
    const std::vector<Committed> committed = queue_->CommitAll(batch);
    for (size_t i = 0; i < batch.size(); ++i) {
      ASSERT_EQ(committed[i].status.has_value(), !fails[i])
          << step << ": " << (fails[i] ? "" : committed[i].status.error().what);
      if (!fails[i]) ApplyToModel(batch[i]);
    }
    if (dice.Below(3) == 0) queue_->Tidy();
    if (step % 100 == 99) Open();
    if (step % 50 == 49) ExpectAsModel();
    if (HasFailure()) FAIL() << "at step " << step;
    // Keep the set small enough that everything meets everything.
    while (open_.size() > 200) {
      const RecipientId id = open_.begin()->first;
      Finish(id);
      open_.erase(id);
    }
  }
  Open();
  ExpectAsModel();
  uint64_t untried = 0;
  for (const auto& [id, r] : open_) untried += !r.has_due;
  EXPECT_EQ(AllOrphans().size(), untried);
}

TEST_F(QueueLanes, MoveTheDueRowWhenPostponedAgain) {
  Open();
  const RecipientId id = Put("a@example.com");
  EXPECT_TRUE(AllLanes().empty());
  Postpone(id, After(300));
  Postpone(id, After(200));
  Postpone(id, After(200));  // the same time: nothing moves
  std::vector<LaneRow> lanes = AllLanes();
  ASSERT_EQ(lanes.size(), 1u);
  EXPECT_EQ(lanes[0].waiting, 1u);
  EXPECT_EQ(lanes[0].next_due, After(200));
  Postpone(id, After(900));
  lanes = AllLanes();
  EXPECT_EQ(lanes[0].waiting, 1u);
  EXPECT_EQ(lanes[0].next_due, After(900));
  EXPECT_EQ(queue_->Load(id)->recipient.attempts, 4);
  Finish(id);
  EXPECT_TRUE(AllLanes().empty());
}

TEST_F(QueueLanes, GiveTheSoonestFirstAndNoMoreThanAsked) {
  Open();
  std::vector<RecipientId> ids;
  for (int i = 0; i < 10; ++i) {
    ids.push_back(Put("a@example.com"));
    Postpone(ids.back(), After(100 - i));
  }
  const LaneId lane = queue_->LaneIdOf(KeyOf(ids[0]));
  const auto some = queue_->Due(lane, After(1000), 3, nullptr);
  ASSERT_EQ(some->size(), 3u);
  EXPECT_EQ((*some)[0].recipient.id, ids[9]);
  EXPECT_EQ((*some)[2].recipient.id, ids[7]);
  EXPECT_EQ(queue_->Due(lane, After(95), 100, nullptr)->size(), 5u);
  EXPECT_TRUE(queue_->Due(lane, After(90), 100, nullptr)->empty());
}

TEST_F(QueueLanes, TellWhoIsCapturedBehindWhateverElseWaits) {
  Open();
  std::vector<RecipientId> ids;
  for (int i = 0; i < 6; ++i) {
    ids.push_back(Put("a@example.com"));
    Postpone(ids.back(), i < 4 ? After(i) : kCapturedDue);
  }
  const LaneId lane = queue_->LaneIdOf(KeyOf(ids[0]));
  const auto captured = queue_->Captured(lane, 10);
  ASSERT_EQ(captured->size(), 2u);
  EXPECT_EQ((*captured)[0].recipient.id, ids[4]);
  EXPECT_EQ((*captured)[1].recipient.id, ids[5]);
  EXPECT_EQ(queue_->Captured(lane, 1)->size(), 1u);
  Postpone(ids[4], After(1));
  EXPECT_EQ(queue_->Captured(lane, 10)->size(), 1u);
}

TEST_F(QueueLanes, RefuseTwoChangesOfOneRecipientInOneTransaction) {
  Open();
  const RecipientId id = Put("a@example.com");
  Transaction t;
  t.finishes.push_back({id, {}});
  Recipient r = queue_->Load(id)->recipient;
  r.due = After(5);
  t.postpones.push_back({r, KeyOf(id)});
  EXPECT_EQ(CommitOne(t).status.error().code, ErrorCode::kInvalid);
  EXPECT_TRUE(AllLanes().empty());
  EXPECT_TRUE(queue_->Load(id));
}

}  // namespace
}  // namespace sluice::queue
