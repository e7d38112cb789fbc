// Goal: every job given to the pool is done once, on some thread, and told of on its own shard.
// Method: two doors and three lines, stepped by hand.

#include "engine/runtime/signer_pool.h"

#include <gtest/gtest.h>

#include <vector>

namespace sluice::engine {
namespace {

TEST(SignerPool, DealsJobsToItsThreadsInTurnAndAnswersTheShardThatAsked) {
  SignerPool pool(3);
  Mailbox one;
  Mailbox two;
  SignerPool::Door from_one(pool, one);
  SignerPool::Door from_two(pool, two);
  int jobs = 0;
  std::vector<int> told;
  for (int i = 0; i < 6; ++i) {
    Workers& door = i % 2 == 0 ? static_cast<Workers&>(from_one) : from_two;
    door.Run([&jobs] { ++jobs; }, [&told, i] { told.push_back(i); });
  }
  EXPECT_EQ(jobs, 0);
  EXPECT_TRUE(pool.Step(0));
  EXPECT_EQ(jobs, 2);
  EXPECT_FALSE(pool.Step(0));
  EXPECT_TRUE(pool.Step(1));
  EXPECT_TRUE(pool.Step(2));
  EXPECT_EQ(jobs, 6);
  EXPECT_TRUE(told.empty());
  one.Run();
  EXPECT_EQ(told, (std::vector<int>{0, 4, 2}));
  two.Run();
  EXPECT_EQ(told, (std::vector<int>{0, 4, 2, 3, 1, 5}));
}

}  // namespace
}  // namespace sluice::engine
