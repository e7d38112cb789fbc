// Goal: a path finds out what its receiver takes, quickly, without pushing, and never goes above
// what is configured. Method: chosen answers at chosen times; then whole campaigns against model
// receivers (rate_model.h), beside an oracle that knows their limits.

#include "engine/shard/adaptive_rate.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "tests/shard/rate_model.h"

namespace sluice::engine {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

class AdaptiveRateTest : public testing::Test {
 protected:
  // Answers, evenly, at `rate` for so long.
  void Answer(double rate, Duration time) {
    const auto gap = Duration(int64_t(1e6 / rate));
    for (const Instant end = now_ + time; now_ < end; now_ += gap)
      path_.OnAnswered(now_ - milliseconds(100), now_);
  }
  // At the rate in force.
  void Use(Duration time) {
    for (const Instant end = now_ + time; now_ < end;) {
      now_ = std::max(path_.not_before(), now_) + Duration(int64_t(1e6 / path_.rate(now_)));
      path_.OnAnswered(now_ - milliseconds(1), now_);
    }
  }
  void Refuse() { path_.OnRateRefused(now_, now_); }

  Instant now_ = Instant(hours(100));
  AdaptiveRate path_{{.rate = 1'000, .connections = 10}, now_};
};

TEST_F(AdaptiveRateTest, HasTheConfiguredRateUntilItIsRefused) {
  EXPECT_EQ(path_.rate(now_), 1'000);
  Answer(500, minutes(1));
  EXPECT_EQ(path_.rate(now_), 1'000);
}

TEST_F(AdaptiveRateTest, BeginsWithFewConnectionsAndGrowsWithEachAnswer) {
  EXPECT_EQ(path_.connections(now_), 2u);
  path_.OnAnswered(now_, now_);
  EXPECT_EQ(path_.connections(now_), 3u);
  Answer(10, seconds(10));
  EXPECT_EQ(path_.connections(now_), 10u) << "never above what is configured";
}

TEST_F(AdaptiveRateTest, CutsTheRateAtWhichItWasRefusedAndRests) {
  Answer(50, seconds(20));
  Refuse();
  EXPECT_NEAR(path_.ceiling(), 50, 3);
  EXPECT_EQ(path_.not_before(), now_ + AdaptiveRate::kRestMin);
  EXPECT_DOUBLE_EQ(path_.rate(now_), 1) << "one message asks";
  now_ += seconds(1);
  path_.OnAnswered(now_, now_);
  EXPECT_NEAR(path_.rate(now_), 25, 2);
}

TEST_F(AdaptiveRateTest, RecoversSoonFromARefusalOfItsFirstMessage) {
  Refuse();
  now_ = path_.not_before();
  path_.OnAnswered(now_, now_);
  EXPECT_DOUBLE_EQ(path_.rate(now_), AdaptiveRate::kFirstRate);
  Use(minutes(10));
  EXPECT_GT(path_.rate(now_), 100);
}

TEST_F(AdaptiveRateTest, CountsARefusalOnceHoweverManyWereUnderWay) {
  Answer(50, seconds(20));
  const Instant began = now_;
  Refuse();
  now_ += milliseconds(300);
  for (int i = 0; i < 10; ++i) path_.OnRateRefused(began - milliseconds(10), now_);
  EXPECT_EQ(path_.refused(), 11u);
  EXPECT_EQ(path_.not_before(), began + AdaptiveRate::kRestMin);
  path_.OnAnswered(began - milliseconds(10), now_);
  EXPECT_DOUBLE_EQ(path_.rate(now_), 1) << "an old answer does not end the rest";
}

TEST_F(AdaptiveRateTest, RestsLongerEachTimeItAsksInVain) {
  Answer(50, seconds(20));
  Refuse();
  Duration rest = AdaptiveRate::kRestMin;
  for (int i = 0; i < 20; ++i) {
    now_ = path_.not_before();
    Refuse();
    const Duration next = path_.not_before() - now_;
    EXPECT_TRUE(next > rest || next == AdaptiveRate::kRestMax);
    rest = next;
  }
  EXPECT_EQ(rest, AdaptiveRate::kRestMax);
}

TEST_F(AdaptiveRateTest, ClimbsToJustBelowItsCeiling) {
  Answer(50, seconds(20));
  Refuse();
  double most = 0;
  for (int i = 0; i < 10; ++i) {
    Use(seconds(1));
    most = std::max(most, path_.rate(now_));
  }
  EXPECT_LE(most, 0.95 * path_.ceiling() + 0.01);
  EXPECT_GE(most, 0.7 * path_.ceiling());
}

TEST_F(AdaptiveRateTest, TriesMoreAfterManyGoodAnswersAndGrowsFastBeyondItsCeiling) {
  Answer(50, seconds(20));
  Refuse();
  Use(minutes(5));
  EXPECT_GT(path_.rate(now_), 200) << "the limit was raised";
  Use(minutes(5));
  EXPECT_EQ(path_.rate(now_), 1'000) << "never above what is configured";
}

TEST_F(AdaptiveRateTest, DoesNotGrowWhileTheRateIsNotUsed) {
  Answer(50, seconds(20));
  Refuse();
  now_ += seconds(2);
  path_.OnAnswered(now_, now_);
  const double before = path_.rate(now_);
  Answer(before / 2, minutes(10));
  EXPECT_EQ(path_.rate(now_), before);
}

TEST_F(AdaptiveRateTest, NeverFallsBelowItsFloor) {
  for (int i = 0; i < 200; ++i) {
    Refuse();
    now_ = path_.not_before();
    path_.OnAnswered(now_, now_);
    EXPECT_GE(path_.rate(now_), 1.0 / 60);
  }
  path_.SetLimits({.rate = 0.001, .connections = 1});
  EXPECT_DOUBLE_EQ(path_.rate(now_), 0.001);
  EXPECT_EQ(path_.connections(now_), 1u);
}

TEST_F(AdaptiveRateTest, KeepsToTheConnectionsThatAReceiverStoodAndTriesOneMoreLater) {
  Answer(10, seconds(10));
  path_.OnConnectionRefused(4, now_, now_);
  EXPECT_EQ(path_.connections(now_), 4u);
  Answer(10, seconds(10));
  EXPECT_EQ(path_.connections(now_), 4u);
  now_ += AdaptiveRate::kTryConnectionMin;
  EXPECT_EQ(path_.connections(now_), 5u);
  path_.OnConnectionRefused(4, now_, now_);
  EXPECT_EQ(path_.connections(now_), 4u);
  now_ += AdaptiveRate::kTryConnectionMin;
  EXPECT_EQ(path_.connections(now_), 4u) << "each time twice as long";
  now_ += AdaptiveRate::kTryConnectionMin;
  EXPECT_EQ(path_.connections(now_), 5u);
  path_.OnConnected(5);
  Answer(10, seconds(30));
  EXPECT_EQ(path_.connections(now_), 10u);
  EXPECT_EQ(path_.rate(now_), 1'000) << "that is no matter of rate";
}

TEST_F(AdaptiveRateTest, RestsWhereNotEvenOneConnectionIsTaken) {
  path_.OnConnectionRefused(0, now_, now_);
  EXPECT_EQ(path_.not_before(), now_ + AdaptiveRate::kRestMin);
}

TEST_F(AdaptiveRateTest, UsesFewerConnectionsWhereRepliesBecomeSlow) {
  Answer(10, seconds(10));
  ASSERT_EQ(path_.connections(now_), 10u);
  for (int i = 0; i < 200; ++i) {
    now_ += seconds(1);
    path_.OnAnswered(now_ - seconds(20), now_);
  }
  EXPECT_LT(path_.connections(now_), 6u);
  EXPECT_GE(path_.connections(now_), 1u);
}

TEST_F(AdaptiveRateTest, TakesATarpitForWhatItIs) {
  for (int i = 0; i < 200; ++i) {
    now_ += seconds(1);
    path_.OnAnswered(now_ - seconds(20), now_);
  }
  EXPECT_EQ(path_.connections(now_), 10u) << "slow from the first reply on";
}

TEST_F(AdaptiveRateTest, DoesWhatRulesSay) {
  Answer(100, seconds(20));
  path_.Slow(0.75, 80, now_, now_);
  now_ = path_.not_before();
  path_.OnAnswered(now_, now_);
  EXPECT_NEAR(path_.rate(now_), 80, 1);
  path_.Cap(0.5, now_ + hours(1));
  EXPECT_DOUBLE_EQ(path_.rate(now_), 0.5);
  EXPECT_TRUE(path_.restrains(now_));
  now_ += hours(1);
  EXPECT_NEAR(path_.rate(now_), 80, 1);
  EXPECT_EQ(path_.connections(now_), 10u);
  path_.Reset(now_);
  EXPECT_EQ(path_.rate(now_), 1'000);
  EXPECT_EQ(path_.connections(now_), 2u);
}

// Issue 4, line 3; bench/adaptive_rate.cc draws it. A fifth of its mail here, for the time it
// takes.
TEST(AdaptiveRate, NeedsHardlyMoreTimeThanAnOracleAndIsSeldomRefused) {
  for (const ModelReceiver& receiver : ModelReceivers()) {
    const ModelCampaign campaign{.messages = receiver.messages};
    const ModelOutcome oracle = RunOracle(receiver, campaign);
    const ModelOutcome found = RunAdaptive(receiver, campaign);
    EXPECT_LT(found.took.count() * 100, oracle.took.count() * 125) << receiver.name;
    EXPECT_LT(found.refused_share(), 0.02) << receiver.name;
    if (receiver.connections != 0) {
      EXPECT_LE(found.most_connections, receiver.connections) << receiver.name;
    }
  }
}

// Some refuse now and then whatever we do: then slowing down helps nobody.
TEST(AdaptiveRate, IsNotStarvedByRefusalsThatHaveNothingToDoWithTheRate) {
  for (const double chance : {0.005, 0.01, 0.03}) {
    const ModelReceiver receiver{.name = "moody", .moody = chance};
    const ModelOutcome found = RunAdaptive(receiver, {.messages = 50'000});
    EXPECT_LT(found.took, hours(4)) << chance;
  }
}

TEST(AdaptiveRate, KeepsToTheConfiguredRate) {
  const ModelReceiver receiver{.name = "open"};
  const ModelCampaign campaign{.messages = 20'000, .rate = 50};
  const ModelOutcome found = RunAdaptive(receiver, campaign);
  EXPECT_GE(found.took, seconds(399));
  for (const ModelSample& sample : found.samples) EXPECT_LE(sample.taken, 50.5);
}

}  // namespace
}  // namespace sluice::engine
