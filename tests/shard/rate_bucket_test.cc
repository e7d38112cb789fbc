// One bucket: slots evenly spaced, a burst after a pause, what comes back is given again.

#include "engine/shard/rate_bucket.h"

#include <gtest/gtest.h>

namespace sluice::engine {
namespace {

constexpr config::Rate kTenASecond{.count = 10, .per = Duration(1'000'000), .burst = 1};

Instant At(int64_t micros) { return Instant(Duration(micros)); }

std::vector<RateSlot> Give(RateBucket& bucket, Instant now, size_t count) {
  std::vector<RateSlot> slots;
  bucket.Give(now, count, slots);
  return slots;
}

TEST(RateBucketTest, SpacesEvenly) {
  RateBucket bucket(kTenASecond);
  const auto slots = Give(bucket, At(5'000'000), 3);
  ASSERT_EQ(slots.size(), 3u);
  EXPECT_LE(slots[0].from, At(5'000'000));
  EXPECT_GE(slots[0].until, At(5'000'000));
  EXPECT_EQ(slots[1].from - slots[0].from, Duration(100'000));
  EXPECT_EQ(slots[2].from - slots[1].from, Duration(100'000));
}

TEST(RateBucketTest, GivesABurstAtOnceAndThenTheRate) {
  RateBucket bucket({.count = 10, .per = Duration(1'000'000), .burst = 4});
  const auto slots = Give(bucket, At(5'000'000), 5);
  for (size_t i = 0; i < 4; ++i) EXPECT_LE(slots[i].from, At(5'000'000)) << i;
  EXPECT_GT(slots[4].from, At(5'090'000));
}

TEST(RateBucketTest, EarnsNoMoreThanTheBurstWhileNobodyAsks) {
  RateBucket bucket({.count = 10, .per = Duration(1'000'000), .burst = 4});
  (void)Give(bucket, At(1'000'000), 4);
  const auto slots = Give(bucket, At(3'600'000'000), 5);
  EXPECT_LE(slots[3].from, At(3'600'000'000));
  EXPECT_GT(slots[4].from, At(3'600'000'000));
}

TEST(RateBucketTest, LosesNothingToALoopThatIsLate) {
  RateBucket bucket(kTenASecond);
  const Instant first = Give(bucket, At(1'003'000), 1)[0].from;
  for (int64_t i = 1; i <= 100; ++i) {
    const int64_t late = i % 4 * 1'000;
    const auto slot = Give(bucket, At(1'000'000 + i * 100'000 + late), 1)[0];
    EXPECT_EQ(slot.from - first, Duration(i * 100'000)) << late << " microseconds late";
  }
}

TEST(RateBucketTest, GivesWhatCameBackToTheNextWhoAsks) {
  RateBucket bucket(kTenASecond);
  const auto slots = Give(bucket, At(1'000'000), 4);
  bucket.Return(slots[1]);
  EXPECT_EQ(Give(bucket, At(1'010'000), 1)[0].from, slots[1].from);
  EXPECT_EQ(Give(bucket, At(1'010'000), 1)[0].from, slots[3].from + Duration(100'000));
}

TEST(RateBucketTest, CountsNothingWhenAllComesBack) {
  RateBucket bucket(kTenASecond);
  const auto slots = Give(bucket, At(1'000'000), 50);
  for (const RateSlot& slot : slots) bucket.Return(slot);
  EXPECT_LE(Give(bucket, At(1'000'000), 1)[0].from, At(1'000'000));
}

TEST(RateBucketTest, NeverGivesASlotThatIsOver) {
  RateBucket bucket(kTenASecond);
  const auto slots = Give(bucket, At(1'000'000), 3);
  bucket.Return(slots[0]);
  EXPECT_EQ(Give(bucket, At(1'050'000), 1)[0].from, slots[2].from + Duration(100'000));
}

TEST(RateBucketTest, CountsOnWhenTheRateChanges) {
  RateBucket bucket({.count = 3, .per = Duration(3'600'000'000), .burst = 1});
  (void)Give(bucket, At(1'000'000), 1);
  bucket.SetRate(kTenASecond, At(1'000'000));
  const auto faster = Give(bucket, At(1'000'000), 1)[0];
  EXPECT_NEAR(double(MicrosOf(faster.from)), 1'100'000, 1'000) << "a gap of the new rate later";
  bucket.SetRate({.count = 1, .per = Duration(1'000'000), .burst = 1}, At(1'100'000));
  const auto slower = Give(bucket, At(1'100'000), 1)[0];
  EXPECT_NEAR(double(MicrosOf(slower.from)), 2'100'000, 2'000);
}

TEST(RateBucketTest, MindsNothingThatIsOutUnderAnotherRate) {
  RateBucket bucket({.count = 5'000, .per = Duration(1'000'000), .burst = 1});
  const auto slots = Give(bucket, At(1'000'000), 100);
  bucket.SetRate({.count = 3, .per = Duration(3'600'000'000), .burst = 1}, At(1'000'000));
  for (size_t i = 1; i < slots.size(); ++i) bucket.Return(slots[i]);
  const auto next = Give(bucket, At(1'000'000), 1)[0];
  EXPECT_EQ(next.from, At(1'000'000 + 1'200'000'000)) << "one was used, not a hundred";
}

TEST(RateBucketTest, KnowsWhenItIsAsGoodAsNew) {
  RateBucket bucket(kTenASecond);
  (void)Give(bucket, At(1'000'000), 2);
  EXPECT_FALSE(bucket.IsIdle(At(1'000'000)));
  EXPECT_TRUE(bucket.IsIdle(At(1'300'000)));
}

TEST(RateBucketTest, BearsTheLargestBurstOfTheSlowestRate) {
  RateBucket bucket({.count = 1, .per = config::kRatePeriodMax, .burst = config::kRateBurstMax});
  const auto slots = Give(bucket, At(1'000'000), 3);
  EXPECT_LE(slots[2].from, At(1'000'000));
}

}  // namespace
}  // namespace sluice::engine
