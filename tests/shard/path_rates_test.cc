// Goal: what one shard hears of a path holds on all, and ends on all. Method: three shards whose
// messages are carried by hand.

#include "engine/shard/path_rates.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "tests/sim/sim_clock.h"

namespace sluice::engine {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;
using Kind = PathFact::Kind;

class PathRatesTest : public testing::Test {
 protected:
  struct OneShard {
    OneShard(uint32_t index, const Clock& clock, std::span<Mailbox* const> mailboxes,
             const uint32_t& open)
        : out(mailboxes),
          rates(index, clock, timers, out),
          paths(index, clock, out, rates, [&open](const std::string&) { return open; }) {}
    TimerQueue timers;
    Switchboard out;
    Rates rates;
    PathRates paths;
  };

  PathRatesTest() {
    for (size_t i = 0; i < 3; ++i) {
      mailboxes_.push_back(std::make_unique<Mailbox>());
      list_.push_back(mailboxes_.back().get());
    }
    std::vector<Rates*> rates;
    std::vector<PathRates*> paths;
    for (size_t i = 0; i < 3; ++i) {
      shards_.push_back(std::make_unique<OneShard>(uint32_t(i), clock_, list_, open_));
      rates.push_back(&shards_.back()->rates);
      paths.push_back(&shards_.back()->paths);
    }
    for (auto& shard : shards_) {
      shard->rates.Join(rates);
      shard->paths.Join(paths);
    }
  }
  void Carry() {
    for (int round = 0; round < 4; ++round) {
      for (auto& shard : shards_) ASSERT_TRUE(shard->out.Flush());
      for (auto& mailbox : mailboxes_) mailbox->Run();
    }
  }
  void Note(size_t shard, PathFact fact, const std::string& why = {}) {
    shards_[shard]->paths.Note(path_, limits_, fact, why);
    Carry();
  }
  void Answer(size_t shard, int count, Duration gap) {
    for (int i = 0; i < count; ++i) {
      clock_.MoveTo(clock_.Now() + gap);
      Note(shard, {.kind = Kind::kAnswered, .began = clock_.Now()});
    }
  }

  sim::SimClock clock_;
  uint32_t open_ = 0;
  std::vector<std::unique_ptr<Mailbox>> mailboxes_;
  std::vector<Mailbox*> list_;
  std::vector<std::unique_ptr<OneShard>> shards_;
  const std::string path_ = "mailing-1|@google";
  AdaptiveRate::Limits limits_{.rate = 100, .connections = 10};
};

TEST_F(PathRatesTest, TellAllShardsWhatOneHasHeard) {
  Answer(0, 100, milliseconds(50));
  for (auto& shard : shards_) EXPECT_FALSE(shard->paths.KeyOf(path_));
  Note(1, {.kind = Kind::kRateRefused, .began = clock_.Now()}, "421 slow down");
  const auto first = shards_[0]->paths.KeyOf(path_);
  ASSERT_TRUE(first);
  EXPECT_DOUBLE_EQ(first->rate.per_second(), 1) << "it rests for a second";
  for (auto& shard : shards_) {
    EXPECT_EQ(shard->paths.KeyOf(path_)->name, first->name);
    EXPECT_EQ(shard->paths.learnt().at(path_).why, "421 slow down");
  }
  Answer(2, 1, seconds(1));
  const auto next = shards_[0]->paths.KeyOf(path_);
  ASSERT_TRUE(next);
  EXPECT_NE(next->name, first->name) << "each rate has a bucket of its own";
  EXPECT_NEAR(next->rate.per_second(), 10, 1);
}

TEST_F(PathRatesTest, BeginANewRateWithOneSlotSpent) {
  Answer(0, 100, milliseconds(50));
  Note(0, {.kind = Kind::kRateRefused, .began = clock_.Now()});
  const auto key = shards_[1]->paths.KeyOf(path_);
  ASSERT_TRUE(key);
  (void)shards_[1]->rates.OpensAt(*key, 1);
  Carry();
  EXPECT_GE(shards_[1]->rates.OpensAt(*key, 1), clock_.Now() + milliseconds(990));
}

TEST_F(PathRatesTest, CountTheConnectionsThatStand) {
  Answer(0, 100, milliseconds(50));
  EXPECT_EQ(shards_[1]->paths.ConnectionsOf(path_), UINT32_MAX);
  open_ = 5;
  Note(1, {.kind = Kind::kConnectionRefused, .began = clock_.Now()});
  for (auto& shard : shards_) {
    EXPECT_EQ(shard->paths.ConnectionsOf(path_), 4u) << "all but the one that was refused";
    EXPECT_FALSE(shard->paths.KeyOf(path_));
  }
}

TEST_F(PathRatesTest, ForgetEverythingByCommand) {
  Note(0, {.kind = Kind::kCap, .rate = 0.01, .length = hours(1)});
  for (auto& shard : shards_) EXPECT_NEAR(shard->paths.KeyOf(path_)->rate.per_second(), 0.01, 1e-6);
  Note(1, {.kind = Kind::kReset});
  for (auto& shard : shards_) {
    EXPECT_FALSE(shard->paths.KeyOf(path_));
    EXPECT_TRUE(shard->paths.learnt().empty());
  }
}

TEST_F(PathRatesTest, WakeThoseWhoWaitedForAnEarlierRate) {
  std::vector<std::string> woken;
  shards_[2]->rates.OnOpen([&woken](const std::string& who) { woken.push_back(who); });
  Note(0, {.kind = Kind::kCap, .rate = 0.01, .length = hours(1)});
  shards_[2]->rates.Wait(*shards_[2]->paths.KeyOf(path_), "example.test", 1, {});
  Carry();
  Note(1, {.kind = Kind::kReset});
  shards_[2]->timers.Run(clock_.Now());
  EXPECT_EQ(woken, std::vector<std::string>{"example.test"});
}

}  // namespace
}  // namespace sluice::engine
