// Plans of warm-up as people write them.

#include "config/warmup_plan.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace sluice::config {
namespace {

TEST(WarmupPlan, ReadsListsAndNames) {
  EXPECT_EQ(ParseWarmupPlan("50, 100,200").value(), (WarmupPlan{50, 100, 200}));
  EXPECT_EQ(ParseWarmupPlan("10").value(), WarmupPlan{10});
  EXPECT_EQ(ParseWarmupPlan("google-default").value(), DefaultWarmupPlan("google"));
}

TEST(WarmupPlan, SaysWhatIsWrong) {
  EXPECT_EQ(ParseWarmupPlan("gogle-default").error(),
            "\"gogle-default\" is no plan: write the recipients of each day, \"50, 100, 200\"; or "
            "did you mean \"google-default\"?");
  for (const char* bad : {"", "50,", "50 100", "-5", "9", "50, 0", "1e3", "1000000001"})
    EXPECT_FALSE(ParseWarmupPlan(bad)) << bad;
  std::string days = "50";
  for (size_t i = 0; i < kWarmupDaysMax; ++i) days += ",50";
  EXPECT_EQ(ParseWarmupPlan(days).error(), "a plan has at most 366 days");
}

TEST(WarmupPlan, GrowsEveryDayForThirtyDaysByDefault) {
  for (const char* provider : {"google", "yahoo", "outlook-consumer", "gmx", "nobody"}) {
    const WarmupPlan plan = DefaultWarmupPlan(provider);
    EXPECT_EQ(plan.size(), 30u);
    EXPECT_EQ(plan.front(), 50u);
    EXPECT_EQ(std::ranges::adjacent_find(plan, std::greater_equal<>()), plan.end()) << provider;
  }
  EXPECT_GT(DefaultWarmupPlan("google").back(), 500'000u);
  EXPECT_EQ(DefaultWarmupPlan("nobody"), ParseWarmupPlan("default").value());
}

TEST(WarmupPlan, ReadsDates) {
  EXPECT_EQ(ParseDate("1970-01-02"), 1);
  EXPECT_EQ(ParseDate("2026-12-01"), 20'788);
  for (const char* bad : {"", "2026-2-01", "2026-02-30", "2026-13-01", "01.12.2026", "2026-12-1x"})
    EXPECT_EQ(ParseDate(bad), std::nullopt) << bad;
}

TEST(WarmupPlan, BeginsADateAtMidnightOfTheZone) {
  EXPECT_EQ(BeginOfDate(20'788, TimeZone()), WallTime(std::chrono::hours(24 * 20'788)));
  for (const auto& [name, hours] : {std::pair("Europe/Berlin", -1), {"America/New_York", 5}}) {
    const auto zone = TimeZone::Load(name);
    ASSERT_TRUE(zone) << "install tzdata";
    EXPECT_EQ(BeginOfDate(20'788, *zone), WallTime(std::chrono::hours(24 * 20'788 + hours)));
  }
}

}  // namespace
}  // namespace sluice::config
