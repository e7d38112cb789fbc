// Dice: repeatable from the seed, within bounds, and not visibly loaded.

#include "engine/base/random.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <numeric>
#include <vector>

namespace sluice {
namespace {

TEST(Random, RepeatsFromItsSeedAndDiffersFromAnother) {
  Random a(7), b(7), c(8);
  int same = 0;
  for (int i = 0; i < 100; ++i) {
    const uint64_t value = a.Next();
    EXPECT_EQ(value, b.Next());
    same += value == c.Next();
  }
  EXPECT_EQ(same, 0);
}

TEST(Random, StaysBelowItsBoundAndReachesEveryValue) {
  Random random(1);
  std::array<int, 6> seen{};
  for (int i = 0; i < 6'000; ++i) ++seen.at(random.Below(6));
  for (const int count : seen) EXPECT_NEAR(count, 1'000, 150);
  for (int i = 0; i < 10; ++i) EXPECT_EQ(random.Below(1), 0u);
}

TEST(Random, GivesUnitsFromZeroUpToButNotOne) {
  Random random(2);
  double sum = 0;
  for (int i = 0; i < 10'000; ++i) {
    const double unit = random.Unit();
    EXPECT_GE(unit, 0.0);
    EXPECT_LT(unit, 1.0);
    sum += unit;
  }
  EXPECT_NEAR(sum / 10'000, 0.5, 0.02);
}

TEST(Random, ShufflesToAPermutation) {
  Random random(3);
  std::vector<int> cards(52);
  std::iota(cards.begin(), cards.end(), 0);
  const std::vector<int> sorted = cards;
  random.Shuffle(cards);
  EXPECT_NE(cards, sorted);
  std::sort(cards.begin(), cards.end());
  EXPECT_EQ(cards, sorted);
  std::vector<int> none;
  random.Shuffle(none);
}

}  // namespace
}  // namespace sluice
