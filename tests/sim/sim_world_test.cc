// The event queue of the simulator: total order, timer queues, hooks.

#include "tests/sim/sim_world.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace sluice::sim {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;

TEST(SimWorld, RunsEventsByTimeThenInTheOrderTheyWereScheduled) {
  SimWorld world(1);
  std::vector<std::string> order;
  const Instant start = world.now();
  world.ScheduleIn(2s, [&] { order.emplace_back("late"); });
  world.ScheduleIn(1s, [&] {
    order.emplace_back("first");
    world.ScheduleIn(0s, [&] { order.emplace_back("inner"); });
  });
  world.ScheduleIn(1s, [&] { order.emplace_back("second"); });
  EXPECT_TRUE(world.RunToEnd(1h));
  EXPECT_THAT(order, ElementsAre("first", "second", "inner", "late"));
  EXPECT_EQ(world.now(), start + 2s);
  EXPECT_FALSE(world.Step());
}

TEST(SimWorld, FiresTimersAtTheirMoment) {
  SimWorld world(1);
  TimerQueue timers;
  world.AddTimers(timers);
  std::vector<std::string> order;
  Timer timer(timers, [&] { order.emplace_back("timer"); });
  timer.Set(world.now() + 1s);
  world.ScheduleIn(1s, [&] { order.emplace_back("event"); });
  world.ScheduleIn(999ms, [&] { order.emplace_back("before"); });
  EXPECT_EQ(world.next(), world.now() + 999ms);
  EXPECT_TRUE(world.RunToEnd(1h));
  EXPECT_THAT(order, ElementsAre("before", "event", "timer"));
  timer.Set(world.now() - 1s);
  EXPECT_EQ(world.next(), world.now());
  world.RemoveTimers(timers);
  EXPECT_EQ(world.next(), kNever);
  timer.Cancel();
}

TEST(SimWorld, StopsAtABoundOrWhenDone) {
  SimWorld world(1);
  int count = 0;
  std::function<void()> tick = [&] {
    ++count;
    world.ScheduleIn(1s, tick);
  };
  world.ScheduleIn(1s, tick);
  const Instant start = world.now();
  world.RunUntil(start + 10500ms);
  EXPECT_EQ(count, 10);
  EXPECT_EQ(world.now(), start + 10500ms);
  EXPECT_TRUE(world.RunUntil([&] { return count == 15; }, 1h));
  EXPECT_FALSE(world.RunUntil([&] { return count == 1500; }, 1min));
  EXPECT_FALSE(world.RunToEnd(1min));
}

TEST(SimWorld, CallsHooksAfterEachStep) {
  SimWorld world(1);
  int turns = 0;
  const int hook = world.AddTurnHook([&] { ++turns; });
  for (int i = 0; i < 3; ++i) world.ScheduleIn(1s, [] {});
  world.RunToEnd(1h);
  EXPECT_EQ(turns, 3);
  world.RemoveTurnHook(hook);
  world.ScheduleIn(1s, [] {});
  world.RunToEnd(1h);
  EXPECT_EQ(turns, 3);
}

TEST(SimWorld, FingerprintsARunByTimeAndText) {
  const auto run = [](uint64_t seed, Duration at, const std::string& text) {
    SimWorld world(seed);
    world.ScheduleIn(at, [&] { world.Note(text); });
    world.RunToEnd(1h);
    return world.trace_hash();
  };
  EXPECT_EQ(run(1, 1s, "a"), run(2, 1s, "a"));
  EXPECT_NE(run(1, 1s, "a"), run(1, 2s, "a"));
  EXPECT_NE(run(1, 1s, "a"), run(1, 1s, "b"));
}

TEST(SimWorld, KeepsTheWallBesideTheClock) {
  SimWorld world(1);
  const WallTime before = world.clock().Wall();
  EXPECT_EQ(FormatRfc3339(before), "2026-11-21T08:00:00.000000Z");
  world.RunFor(1h);
  EXPECT_EQ(world.clock().Wall() - before, 1h);
  world.clock().JumpWall(-2h);
  EXPECT_EQ(world.clock().Wall() - before, -1h);
}

}  // namespace
}  // namespace sluice::sim
