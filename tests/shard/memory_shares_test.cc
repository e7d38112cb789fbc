// What each tenant may keep in memory: nobody fills it for the others.

#include "engine/shard/memory_shares.h"

#include <gtest/gtest.h>

namespace sluice::engine {
namespace {

using queue::MailClass;

// Fills lane after lane of the tenant, each as far as it may; how much it holds then.
size_t Fill(MemoryShares& shares, uint32_t tenant, size_t lanes) {
  size_t held = 0;
  for (size_t lane = 0; lane < lanes; ++lane)
    for (size_t n = 0; n < shares.WindowOf(tenant, MailClass::kBulk); ++n, ++held)
      shares.Took(tenant);
  return held;
}

TEST(MemoryShares, LeavesRoomBesideOneThatTakesAllItCanGet) {
  MemoryShares shares;
  const uint32_t huge = shares.Hold("huge");
  const size_t held = Fill(shares, huge, 2'000);
  EXPECT_GT(held, MemoryShares::kShardMax / 2);
  EXPECT_LT(held, MemoryShares::kShardMax * 4 / 5);
  EXPECT_EQ(shares.WindowOf(huge, MailClass::kBulk), MemoryShares::kLeast);
  EXPECT_EQ(shares.WindowOf(shares.Hold("small"), MailClass::kBulk), MemoryShares::kWindowMax);
}

TEST(MemoryShares, GivesEqualSharesToThoseWhoFillIt) {
  MemoryShares shares;
  const uint32_t a = shares.Hold("a");
  const uint32_t b = shares.Hold("b");
  size_t held_a = 0;
  size_t held_b = 0;
  for (int i = 0; i < 1'000; ++i) {
    held_a += Fill(shares, a, 1);
    held_b += Fill(shares, b, 1);
  }
  EXPECT_NEAR(double(held_a), double(held_b), 1'100);
}

// Even when lanes without number hold their least.
TEST(MemoryShares, HasAWindowForTheNewcomerWhenAllIsFull) {
  MemoryShares shares;
  const uint32_t huge = shares.Hold("huge");
  Fill(shares, huge, 100'000);
  EXPECT_GT(shares.total(), MemoryShares::kShardMax + MemoryShares::kTransactionalMax);
  EXPECT_EQ(shares.WindowOf(shares.Hold("small"), MailClass::kBulk), MemoryShares::kWindowMax);
}

TEST(MemoryShares, HasRoomOfItsOwnForTransactionalMail) {
  MemoryShares shares;
  const uint32_t tenant = shares.Hold("a");
  Fill(shares, tenant, 2'000);
  EXPECT_EQ(shares.WindowOf(tenant, MailClass::kBulk), MemoryShares::kLeast);
  EXPECT_GT(shares.WindowOf(tenant, MailClass::kTransactional), MemoryShares::kLeast);
}

TEST(MemoryShares, GetsBackWhatIsGivenBack) {
  MemoryShares shares;
  const uint32_t tenant = shares.Hold("a");
  const size_t held = Fill(shares, tenant, 2'000);
  shares.Gave(tenant, held);
  EXPECT_EQ(shares.total(), 0u);
  EXPECT_EQ(shares.WindowOf(tenant, MailClass::kBulk), MemoryShares::kWindowMax);
}

}  // namespace
}  // namespace sluice::engine
