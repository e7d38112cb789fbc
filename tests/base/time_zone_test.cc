// Days begin where the clocks of the zone say so, on days of 23 and 25 hours too.

#include "engine/base/time_zone.h"

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

namespace sluice {
namespace {

using std::chrono::hours;

constexpr WallTime At(int64_t seconds) { return WallFromMicros(seconds * 1'000'000); }
constexpr WallTime kNovember = At(1'795'248'000);  // 2026-11-21 08:00 UTC

TEST(TimeZone, IsUtcUnlessToldOtherwise) {
  const TimeZone zone;
  EXPECT_EQ(zone.OffsetAt(kNovember), Duration(0));
  EXPECT_EQ(zone.DayOf(kNovember), kNovember - hours(8));
  EXPECT_EQ(zone.DayAfter(kNovember), kNovember + hours(16));
  EXPECT_EQ(zone.DayOf(zone.DayAfter(kNovember)), zone.DayAfter(kNovember));
}

TEST(TimeZone, KnowsSummerAndWinter) {
  const auto zone = TimeZone::Load("Europe/Berlin");
  ASSERT_TRUE(zone) << "install tzdata";
  EXPECT_EQ(zone->OffsetAt(kNovember), hours(1));
  EXPECT_EQ(zone->DayOf(kNovember), kNovember - hours(9));
  const WallTime march = At(1'774'746'000 - 3 * 3'600);  // 2026-03-28 22:00 UTC: in Berlin 23:00
  const WallTime sunday = zone->DayAfter(march);
  EXPECT_EQ(sunday, march + hours(1));
  EXPECT_EQ(zone->DayAfter(sunday) - sunday, hours(23));
  const WallTime october = At(1'792'885'200 - 3 * 3'600);  // 2026-10-24 20:00 UTC
  const WallTime long_day = zone->DayAfter(october);
  EXPECT_EQ(zone->DayAfter(long_day) - long_day, hours(25));
}

TEST(TimeZone, GoesFromDayToDayThroughAllItsChanges) {
  for (const char* name : {"Europe/Berlin", "America/New_York", "Asia/Kolkata", "America/Havana",
                           "Africa/Cairo", "Asia/Beirut"}) {
    const auto zone = TimeZone::Load(name);
    ASSERT_TRUE(zone) << "install tzdata";
    WallTime day = zone->DayOf(At(1'262'304'000));  // 2010
    for (int i = 0; i < 9'000; ++i) {
      const WallTime next = zone->DayAfter(day);
      ASSERT_GT(next, day) << name;
      ASSERT_LE(next - day, hours(49)) << name;
      ASSERT_EQ(zone->DayOf(next), next) << name << " " << FormatRfc3339(next);
      ASSERT_EQ(zone->DayOf(next - Duration(1)), day) << name << " " << FormatRfc3339(next);
      day = next;
    }
  }
}

TEST(TimeZone, RefusesWhatIsNone) {
  EXPECT_FALSE(TimeZone::Load("Europe/Berlim"));
  EXPECT_FALSE(TimeZone::Load("../../etc/passwd"));
  EXPECT_FALSE(TimeZone::Load(""));
  EXPECT_FALSE(TimeZone::Parse("TZif"));
  std::ifstream in("/usr/share/zoneinfo/Europe/Berlin", std::ios::binary);
  const std::string file{std::istreambuf_iterator<char>(in), {}};
  for (size_t n = 0; n < file.size(); ++n) (void)TimeZone::Parse(file.substr(0, n));
}

}  // namespace
}  // namespace sluice
