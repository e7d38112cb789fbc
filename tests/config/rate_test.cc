// Goal: a rate is read as it is meant, told again in the same words, and a part of it is exact.

#include "config/rate.h"

#include <gtest/gtest.h>

#include <string>

namespace sluice::config {
namespace {

std::string Again(std::string_view text) {
  const auto rate = ParseRate(text);
  return rate ? FormatRate(*rate) : "! " + rate.error();
}

TEST(Rate, IsReadAndToldInTheSameWords) {
  for (const char* text : {"100/s", "5000/h", "200000/day", "60/m", "1/10s", "1000000000/s",
                           "100/s burst 20", "3/h", "1/week", "7/90s burst 2"})
    EXPECT_EQ(Again(text), text);
  EXPECT_EQ(Again("100/sec"), "100/s");
  EXPECT_EQ(Again("100 / min"), "100/m");
  EXPECT_EQ(Again("24/24h"), "24/day");
  EXPECT_EQ(Again("100/s burst 1"), "100/s");
}

TEST(Rate, IsEvenlySpacedUnlessItSaysOtherwise) {
  EXPECT_EQ(ParseRate("100/s")->burst, 1u);
  EXPECT_EQ(ParseRate("100/s burst 20")->burst, 20u);
  EXPECT_DOUBLE_EQ(ParseRate("3600/h")->per_second(), 1.0);
}

TEST(Rate, RefusesWhatCannotBeAndSaysWhy) {
  struct Case {
    const char* text;
    const char* why;
  };
  for (const Case& c :
       {Case{"100", "is not a rate"}, Case{"", "is not a rate"}, Case{"/s", "is not a rate"},
        Case{"-1/s", "is not a rate"}, Case{"1.5/s", "is not a rate"},
        Case{"5/fortnight", "is not a rate"}, Case{"5/s burst", "is not a rate"},
        Case{"5/s burst x", "is not a rate"}, Case{"0/s", "would stop everything"},
        Case{"1/0s", "is out of range"}, Case{"1/32d", "is out of range"},
        Case{"1000000001/s", "at most 1000000000"}, Case{"99999999999999999999/s", "is not a rate"},
        Case{"5/s burst 0", "the burst"}, Case{"5/s burst 1000001", "the burst"}}) {
    const auto rate = ParseRate(c.text);
    ASSERT_FALSE(rate) << c.text;
    EXPECT_NE(rate.error().find(c.why), std::string::npos) << rate.error();
  }
}

TEST(Rate, GivesExactParts) {
  const auto part = [](const char* text, uint32_t percent) {
    return FormatRate(PercentOf(*ParseRate(text), percent));
  };
  EXPECT_EQ(part("100/s", 50), "50/s");
  EXPECT_EQ(part("1/s", 50), "1/2s");
  EXPECT_EQ(part("1/s", 1), "1/100s");
  EXPECT_EQ(part("10/s burst 20", 25), "1/400ms burst 5");
  EXPECT_EQ(part("100/s burst 2", 10), "10/s");
  EXPECT_EQ(part("5000/h", 150), "7500/h");
  EXPECT_EQ(part("3/day", 1000), "30/day") << "still evenly spaced";
}

TEST(Rate, StaysWithinItsBoundsHoweverOftenAPartIsTaken) {
  for (const uint32_t percent : {1u, 33u, 999u, 1000u}) {
    Rate rate = *ParseRate("999999937/31d burst 1000000");
    for (int i = 0; i < 40; ++i) {
      rate = PercentOf(rate, percent);
      ASSERT_GE(rate.count, 1u);
      ASSERT_LE(rate.count, kRateCountMax);
      ASSERT_GE(rate.per.count(), 1);
      ASSERT_LE(rate.per, kRatePeriodMax);
      ASSERT_GE(rate.burst, 1u);
    }
  }
}

}  // namespace
}  // namespace sluice::config
