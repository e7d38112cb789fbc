// X-Schedule-... fields: what they mean, and what is said of those that make no sense.

#include "engine/submission/schedule_fields.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

namespace sluice::engine {
namespace {

using ::testing::HasSubstr;
using namespace std::chrono_literals;

// Wednesday, 2026-11-25T17:00:00Z.
constexpr WallTime kNow = WallFromMicros(1'795'626'000'000'000);

std::expected<Schedule, std::string> Parse(std::vector<smtp::ScheduleField> fields) {
  return ParseSchedule(fields, kNow);
}

TEST(ScheduleFields, ReadsMoments) {
  EXPECT_EQ(FormatRfc3339(ParseMoment("2026-11-25T17:00:00Z").value()),
            "2026-11-25T17:00:00.000000Z");
  EXPECT_EQ(ParseMoment("2026-11-25T17:00:00Z"), kNow);
  for (const char* same : {"2026-11-25T18:00:00+01:00", "2026-11-25 18:00+0100",
                           "2026-11-25t12:00:00.999 -05:00", "2026-11-26T01:00:00+08:00"})
    EXPECT_EQ(ParseMoment(same), kNow) << same;
  for (const char* wrong :
       {"", "tomorrow", "2026-11-25", "2026-11-25T17:00:00", "2026-02-30T17:00:00Z",
        "2026-13-01T17:00:00Z", "2026-11-25T24:00:00Z", "2026-11-25T17:60Z", "2026-11-25T17:00ZZ",
        "2026-11-25T17:00:00+99:00", "26-11-25T17:00Z", "2026-11-25T17:00: 1Z"})
    EXPECT_FALSE(ParseMoment(wrong)) << wrong;
}

TEST(ScheduleFields, HoldsMailUntilItsStart) {
  const Schedule schedule = Parse({{"X-Schedule-Start", "2026-11-26T08:00:00Z"}}).value();
  EXPECT_EQ(FirstDue(schedule, kNow, "a@b.test"), kNow + 15h);
  EXPECT_EQ(LastDue(schedule, kNow), kNow + 15h);
  EXPECT_TRUE(schedule.window.empty());
}

TEST(ScheduleFields, SendsAtOnceWhatShouldHaveStarted) {
  const Schedule schedule = Parse({{"X-Schedule-Start", "2020-01-01T00:00:00Z"}}).value();
  EXPECT_EQ(FirstDue(schedule, kNow, "a@b.test"), kNow);
}

TEST(ScheduleFields, MovesIntoTheHours) {
  const Schedule day = Parse({{"x-schedule-hours", "09:00-17:00 +01:00"}}).value();
  EXPECT_EQ(FirstDue(day, kNow, ""), kNow + 15h) << "it is 18:00 there, 9:00 comes in 15 hours";
  EXPECT_EQ(FirstDue(day, kNow - 3h, ""), kNow - 3h);
  const Schedule night = Parse({{"X-Schedule-Hours", "22:00-06:00"}}).value();
  EXPECT_EQ(FirstDue(night, kNow, ""), kNow + 5h);
  EXPECT_EQ(FirstDue(night, kNow + 12h, ""), kNow + 12h);
  EXPECT_EQ(FirstDue(night, kNow + 13h, ""), kNow + 29h);
}

TEST(ScheduleFields, SplitsRecipientsInParts) {
  const Schedule schedule = Parse({{"X-Schedule-Parts", "4 every 1h"}}).value();
  std::multiset<WallTime> due;
  for (int i = 0; i < 4'000; ++i)
    due.insert(FirstDue(schedule, kNow, "r" + std::to_string(i) + "@b.test"));
  EXPECT_EQ(std::set<WallTime>(due.begin(), due.end()),
            (std::set<WallTime>{kNow, kNow + 1h, kNow + 2h, kNow + 3h}));
  for (const WallTime part : {kNow, kNow + 1h, kNow + 2h, kNow + 3h})
    EXPECT_NEAR(double(due.count(part)), 1'000, 200);
  EXPECT_EQ(LastDue(schedule, kNow), kNow + 3h);
}

TEST(ScheduleFields, SaysWhatIsWrong) {
  struct {
    smtp::ScheduleField field;
    const char* words;
  } const kCases[] = {
      {{"X-Schedule-Start", "soon"}, "X-Schedule-Start must be a time such as 2026-"},
      {{"X-Schedule-Start", "2028-01-01T00:00:00Z"}, "more than a year ahead"},
      {{"X-Schedule-End", "2026-11-25T16:00:00Z"}, "X-Schedule-End is over"},
      {{"X-Schedule-Hours", "9-17"}, "X-Schedule-Hours must be hours of the day"},
      {{"X-Schedule-Hours", "09:00-09:00"}, "X-Schedule-Hours must be"},
      {{"X-Schedule-Hours", "09:00-24:30"}, "X-Schedule-Hours must be"},
      {{"X-Schedule-Hours", "09:00-17:00 CET"}, "X-Schedule-Hours must be"},
      {{"X-Schedule-Parts", "0 every 1h"}, "X-Schedule-Parts must be"},
      {{"X-Schedule-Parts", "4 every"}, "X-Schedule-Parts must be"},
      {{"X-Schedule-Parts", "4 every 1h more"}, "X-Schedule-Parts must be"},
      {{"X-Schedule-Parts", "1000 every 30d"}, "X-Schedule-Parts must be"},
      {{"X-Schedule-Stat", "x"}, "X-Schedule-Stat is not known"},
  };
  for (const auto& c : kCases) {
    const auto parsed = Parse({c.field});
    ASSERT_FALSE(parsed) << c.field.value;
    EXPECT_THAT(parsed.error(), HasSubstr(c.words));
  }
}

TEST(ScheduleFields, RefusesAnEndBeforeTheLastPart) {
  const smtp::ScheduleField parts{"X-Schedule-Parts", "4 every 1h"};
  EXPECT_FALSE(Parse({parts, {"X-Schedule-End", "2026-11-25T19:00:00Z"}}));
  EXPECT_TRUE(Parse({parts, {"X-Schedule-End", "2026-11-25T21:00:00Z"}}));
}

}  // namespace
}  // namespace sluice::engine
