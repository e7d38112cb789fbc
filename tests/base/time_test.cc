// Dates as text: the forms that events (RFC 3339) and header fields (RFC 5322) need.

#include "engine/base/time.h"

#include <gtest/gtest.h>

namespace sluice {
namespace {

constexpr int64_t kSecond = 1'000'000;

TEST(Time, WritesRfc3339WithMicroseconds) {
  EXPECT_EQ(FormatRfc3339(WallFromMicros(0)), "1970-01-01T00:00:00.000000Z");
  EXPECT_EQ(FormatRfc3339(WallFromMicros(1'795'247'460 * kSecond + 123)),
            "2026-11-21T07:51:00.000123Z");
  EXPECT_EQ(FormatRfc3339(WallFromMicros(1'709'251'199 * kSecond + 999'999)),
            "2024-02-29T23:59:59.999999Z");
}

TEST(Time, WritesRfc5322InUtc) {
  EXPECT_EQ(FormatRfc5322(WallFromMicros(1'795'247'460 * kSecond)),
            "Sat, 21 Nov 2026 07:51:00 +0000");
  EXPECT_EQ(FormatRfc5322(WallFromMicros(0)), "Thu, 1 Jan 1970 00:00:00 +0000");
  EXPECT_EQ(FormatRfc5322(WallFromMicros(951'782'400 * kSecond)),
            "Tue, 29 Feb 2000 00:00:00 +0000");
}

TEST(Time, WritesMomentsBefore1970) {
  EXPECT_EQ(FormatRfc3339(WallFromMicros(-1)), "1969-12-31T23:59:59.999999Z");
  EXPECT_EQ(FormatRfc5322(WallFromMicros(-1)), "Wed, 31 Dec 1969 23:59:59 +0000");
}

TEST(Time, NeverIsLaterThanEveryMoment) {
  EXPECT_LT(Instant(Duration(INT64_MAX - 1)), kNever);
  EXPECT_EQ(MicrosOf(WallFromMicros(42)), 42);
}

}  // namespace
}  // namespace sluice
