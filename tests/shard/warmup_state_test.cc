// The state of a warm-up: what a day that is over means, and its row.

#include "engine/shard/warmup_state.h"

#include <gtest/gtest.h>

namespace sluice::engine {
namespace {

constexpr WallTime kNext{std::chrono::hours(24 * 20'700)};

class WarmupStateTest : public ::testing::Test {
 protected:
  WarmupStateTest() {
    state_.source = "m1";
    state_.receiver = "@google";
  }
  // Ends a day of the plan 100, 200 on which so many were sent.
  bool End(const WarmupCounts& counts) {
    state_.counts = counts;
    state_.given = counts.tried;
    return EndDay(state_, {100, 200}, limits_, kNext);
  }

  config::Source limits_{.name = "m1", .address = {}, .public_address = {}, .ehlo = {}};
  WarmupState state_;
};

TEST_F(WarmupStateTest, GoesOnAfterAGoodDay) {
  EXPECT_TRUE(End({.tried = 100, .deferred = 10, .bounced = 5}));
  EXPECT_EQ(state_.step, 1u);
  EXPECT_EQ(state_.given, 0u);
  EXPECT_EQ(state_.day, kNext);
  EXPECT_EQ(state_.last, "day 1 went well");
  EXPECT_TRUE(End({.tried = 200}));
  EXPECT_TRUE(state_.warm({100, 200}));
}

TEST_F(WarmupStateTest, StaysAfterABadOneAndSaysWhy) {
  EXPECT_FALSE(End({.tried = 100, .deferred = 11}));
  EXPECT_EQ(state_.last, "day 1 again: deferred were 11 of 100, more than 10%");
  EXPECT_FALSE(End({.tried = 100, .bounced = 6}));
  EXPECT_EQ(state_.last, "day 1 again: bounced were 6 of 100, more than 5%");
  EXPECT_FALSE(End({.tried = 49}));
  EXPECT_EQ(state_.last, "day 1 again: only 49 of 100 were sent");
  state_.paused = true;
  EXPECT_FALSE(End({.tried = 100}));
  EXPECT_EQ(state_.last, "day 1 again: it is paused");
  EXPECT_EQ(state_.step, 0u);
}

TEST_F(WarmupStateTest, IsReadBackFromItsRow) {
  EXPECT_TRUE(End({.tried = 100}));
  state_.given = 150;
  state_.counts = {.tried = 120, .deferred = 3, .bounced = 2};
  state_.paused = true;
  const auto back = WarmupStateOf(ToRow(state_));
  ASSERT_TRUE(back);
  EXPECT_EQ(back->source, "m1");
  EXPECT_EQ(back->receiver, "@google");
  EXPECT_EQ(back->step, 1u);
  EXPECT_EQ(back->day, kNext);
  EXPECT_EQ(back->given, 150u);
  EXPECT_EQ(back->counts.tried, 120u);
  EXPECT_EQ(back->counts.deferred, 3u);
  EXPECT_EQ(back->counts.bounced, 2u);
  EXPECT_TRUE(back->paused);
  EXPECT_EQ(back->last, "day 1 went well");
}

TEST_F(WarmupStateTest, RefusesRowsThatAreNone) {
  queue::Suspension row = ToRow(state_);
  for (const char* bad : {"", "1 2 3", "0 0 0 0 0 0 x ", "-1 0 0 0 0 0 0 ", "0 0 0 0 0 0 0"}) {
    row.reason = bad;
    EXPECT_FALSE(WarmupStateOf(row)) << bad;
  }
  row = ToRow(state_);
  row.id.key = "m1";
  EXPECT_FALSE(WarmupStateOf(row));
}

TEST_F(WarmupStateTest, IsToldInASentence) {
  state_.step = 1;
  state_.given = 120;
  EXPECT_EQ(Describe(state_, {100, 200}),
            "warm-up of source m1 at google: day 2 of 2, 120 of 200 today");
  state_.receiver = kWarmupRest;
  state_.step = 2;
  EXPECT_EQ(Describe(state_, {100, 200}),
            "warm-up of source m1 at receivers without a provider: done");
}

}  // namespace
}  // namespace sluice::engine
