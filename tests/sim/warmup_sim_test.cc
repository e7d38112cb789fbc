// A new source over 30 days of its plan, as receivers and the event log see it: no day over the
// plan, what is over goes where the policy says, and no progress on bad days.

#include <gtest/gtest.h>

#include <map>
#include <numeric>
#include <string>
#include <vector>

#include "tests/sim/engine_sim_fixture.h"

namespace sluice::sim {
namespace {

class WarmupSim : public EngineSim {
 protected:
  static constexpr size_t kDays = 30;

  static uint64_t Planned(size_t step) { return 20 + 10 * step; }

  WarmupSim() {
    std::string plan;
    for (size_t step = 0; step < kDays; ++step)
      plan += (step > 0 ? ", " : "") + std::to_string(Planned(step));
    config_->sources = {
        {.name = "old", .address = {}, .public_address = {}, .ehlo = ""},
        {.name = "new", .address = {}, .public_address = {}, .ehlo = "", .warmup = plan}};
    // So that the new one takes what it may.
    config_->pools.front().members = {{"old", 1}, {"new", 10'000}};
    config_->retry.gaps = {1h};
  }

  // From morning to morning: `mails`, and what came of earlier ones. The wall begins at eight.
  void Day(size_t mails) {
    SendMany(mails, "d" + std::to_string(day_++) + "-", "a.test");
    world_.RunFor(24h - world_.now().time_since_epoch() % 24h);
  }
  // Attempts by source on each day since the first.
  std::map<std::string, std::vector<uint64_t>> Attempts() const {
    std::map<std::string, std::vector<uint64_t>> out;
    const WallTime first = TimeZone().DayOf(WallFromMicros(SimClock::kWallStartMicros));
    for (const SourceAttempt& attempt : record_.attempts()) {
      std::vector<uint64_t>& days = out[attempt.source];
      days.resize(day_ + 1);
      ++days[size_t((attempt.at - first) / 24h)];
    }
    return out;
  }
  size_t delivered() const { return record_.CountFinal(queue::EventType::kDelivered); }

  size_t day_ = 0;
};

TEST_F(WarmupSim, KeepsToThePlanForThirtyDaysAndStaysOnBadOnes) {
  Receiver& receiver = AddDomain("a.test");
  Start();
  // What the receiver does on some days; the same day of the plan comes again.
  Manners bounces;
  bounces.rcpt_5xx = 0.2;
  Manners defers;
  defers.rcpt_4xx = 0.3;
  const std::map<size_t, Manners> bad = {{4, bounces}, {5, bounces}, {11, defers}, {20, defers}};
  std::vector<size_t> steps;
  size_t step = 0;
  for (size_t day = 0; step < kDays; ++day) {
    const auto manners = bad.find(day);
    receiver.SetManners(manners == bad.end() ? Manners() : manners->second);
    steps.push_back(step);
    if (manners == bad.end()) ++step;
    Day(Planned(steps.back()) + 100);
    if (day % 7 == 3) Restart(day % 2 == 0, 1min);
  }
  ASSERT_EQ(steps.size(), kDays + bad.size());
  const auto attempts = Attempts();
  uint64_t over = 0;
  for (size_t day = 0; day < steps.size(); ++day) {
    const uint64_t sent = attempts.at("new")[day];
    EXPECT_LE(sent, Planned(steps[day])) << "day " << day;
    EXPECT_GE(sent, Planned(steps[day]) * 9 / 10) << "day " << day;
    over += attempts.at("old")[day];
  }
  EXPECT_GE(over, 100 * steps.size()) << "what is over goes from the other source";
  receiver.SetManners({});
  Day(1'000);
  EXPECT_GE(Attempts().at("new")[steps.size()], 990u) << "it is warm";
  EXPECT_EQ(record_.fates().size(), delivered() + record_.CountFinal(queue::EventType::kBounced));
  for (const std::string& fault : record_.faults()) ADD_FAILURE() << fault;
}

TEST_F(WarmupSim, LetsTheMailWaitForTheNextDayWhereThatIsThePolicy) {
  config_->sources[1].warmup_overflow = config::Source::WarmupOverflow::kWait;
  AddDomain("a.test");
  Start();
  Day(200);
  for (int i = 0; i < 5; ++i) Day(0);
  auto attempts = Attempts();
  // What is over would be over a hundred; a few go by its own share, before the day is full.
  const std::vector<uint64_t>& old = attempts["old"];
  EXPECT_LE(std::accumulate(old.begin(), old.end(), uint64_t(0)), 5u);
  const std::vector<uint64_t>& days = attempts.at("new");
  EXPECT_EQ(std::vector<uint64_t>(days.begin(), days.begin() + 4),
            (std::vector<uint64_t>{20, 30, 40, 50}));
  EXPECT_EQ(delivered(), 200u);
}

// As receivers see it: what was under way when the power failed counts as well.
TEST_F(WarmupSim, IsNotOverThePlanWhateverCrashes) {
  config_->sources[1].warmup = "400, 500";
  config_->pools.front().members = {{"new", 1}};
  AddDomain("a.test");
  Start();
  SendMany(800, "r", "a.test");
  for (size_t crash = 1; crash <= 4; ++crash) {  // each in the midst of sending
    ASSERT_TRUE(world_.RunUntil([&] { return mailroom_.all().size() >= 40 * crash; }, 1min));
    Restart(true, 1s);
  }
  world_.RunFor(30min);
  EXPECT_LE(mailroom_.all().size(), 400u);
  EXPECT_GE(mailroom_.all().size(), 200u) << "only what was in hand is lost";
}

// Design 12.1: what the plan keeps back is not late.
TEST_F(WarmupSim, ExpiresNothingThatWaitsForItsDay) {
  config_->sources[1].warmup_overflow = config::Source::WarmupOverflow::kWait;
  config_->retry.max_age = 24h;
  AddDomain("a.test");
  Start();
  Day(300);
  for (int i = 0; i < 3; ++i) Day(0);
  Restart(false, 1min);
  for (int i = 0; i < 4; ++i) Day(0);
  EXPECT_EQ(delivered(), 300u);
  EXPECT_EQ(record_.CountFinal(queue::EventType::kExpired), 0u);
}

}  // namespace
}  // namespace sluice::sim
