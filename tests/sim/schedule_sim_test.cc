// Mail that says itself when it goes, in the simulated engine.

#include <gtest/gtest.h>

#include <set>
#include <string>

#include "tests/sim/engine_sim_fixture.h"

namespace sluice::sim {
namespace {

class ScheduleSim : public EngineSim {};

// Schedules (docs/fairness.md). Held is not late: max_age runs from the start.
TEST_F(ScheduleSim, HoldsScheduledMailUntilItsTimeOverARestart) {
  AddDomain("a.test");
  Start();
  const Instant sent = world_.now();
  for (int i = 0; i < 50; ++i)
    engine_->Submit({.sender = "news@sender.test",
                     .recipients = {"r" + std::to_string(i) + "@a.test"},
                     .campaign = "c",
                     .hold = 96h},
                    [](MessageId) {});
  Send("now@a.test");
  world_.RunFor(48h);
  EXPECT_EQ(mailroom_.all().size(), 1u) << "others of the campaign do not wait for it";
  Restart(true, 1h);
  world_.RunUntil(sent + 96h - 1min);
  EXPECT_EQ(mailroom_.all().size(), 1u);
  world_.RunFor(2min);
  EXPECT_EQ(mailroom_.all().size(), 51u);
  EXPECT_TRUE(record_.faults().empty());
}

TEST_F(ScheduleSim, SendsOnlyInTheHoursOfASchedule) {
  config_->delivery.connections_per_path = 1;
  Manners slow;
  slow.reply_min = slow.reply_max = 1s;
  AddDomain("a.test", slow);
  Start();
  // Two hours of each day, the first begins an hour from now.
  constexpr int64_t kDay = int64_t(24) * 60 * 60;
  const int64_t now = MicrosOf(world_.clock().Wall()) / 1'000'000 % kDay;
  queue::SendWindow window;
  window.from = uint16_t((now / 60 + 60) % queue::kMinutesOfDay);
  window.to = uint16_t((window.from + 120) % queue::kMinutesOfDay);
  for (int i = 0; i < 9'000; ++i) {
    engine_->Submit({.sender = "news@sender.test",
                     .recipients = {"r" + std::to_string(i) + "@a.test"},
                     .campaign = "c",
                     .hold = 1h,
                     .window = window},
                    [](MessageId) {});
    if (i % 100 == 99) world_.RunFor(10ms);
  }
  world_.RunFor(26h + 30min);
  const size_t taken = mailroom_.all().size();
  ASSERT_GT(taken, 1'000u);
  ASSERT_LT(taken, 9'000u);
  const WallTime start = world_.clock().Wall() - (world_.now() - Instant{});
  std::set<int64_t> days;
  for (const Taken& one : mailroom_.all()) {
    const WallTime at = start + (one.at - Instant{});
    days.insert(MicrosOf(at) / 1'000'000 / kDay);
    // What was begun in the hours may end a few seconds after them.
    const bool begun = queue::NextInHours(window, at - 30s) == at - 30s;
    EXPECT_TRUE(begun || queue::NextInHours(window, at) == at) << FormatRfc3339(at);
  }
  EXPECT_EQ(days.size(), 2u) << "the rest of the first day goes on the second";
  EXPECT_TRUE(record_.faults().empty());
}

TEST_F(ScheduleSim, ExpiresAtTheEndOfASchedule) {
  fabric_.SetReach(AddHostless("dead.test"), Reach::kRefused);
  Start();
  queue::SendWindow window;
  window.end = world_.clock().Wall() + 3h;
  engine_->Submit({.sender = "news@sender.test",
                   .recipients = {"r@dead.test"},
                   .campaign = "c",
                   .window = window},
                  [](MessageId) {});
  world_.RunFor(3h - 1min);
  EXPECT_EQ(record_.CountFinal(queue::EventType::kExpired), 0u);
  world_.RunFor(70min);
  EXPECT_EQ(record_.CountFinal(queue::EventType::kExpired), 1u);
  EXPECT_TRUE(record_.faults().empty());
}

}  // namespace
}  // namespace sluice::sim
