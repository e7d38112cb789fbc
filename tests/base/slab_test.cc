// Handles: an old one finds nothing, whatever lives in its place now.

#include "engine/base/slab.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace sluice {
namespace {

TEST(Slab, FindsWhatLivesAndNothingElse) {
  Slab<std::string> slab;
  EXPECT_EQ(slab.Get(Handle<std::string>()), nullptr);
  const auto a = slab.Emplace("a");
  const auto b = slab.Emplace("b");
  EXPECT_EQ(*slab.Get(a), "a");
  EXPECT_EQ(*slab.Get(b), "b");
  EXPECT_EQ(slab.size(), 2u);
  slab.Erase(a);
  EXPECT_EQ(slab.Get(a), nullptr);
  EXPECT_EQ(*slab.Get(b), "b");
  EXPECT_EQ(slab.size(), 1u);
}

TEST(Slab, GivesAReusedPlaceANewGeneration) {
  Slab<int> slab;
  const auto old = slab.Emplace(1);
  slab.Erase(old);
  const auto fresh = slab.Emplace(2);
  EXPECT_EQ(fresh.index, old.index);
  EXPECT_NE(fresh, old);
  EXPECT_EQ(slab.Get(old), nullptr);
  EXPECT_EQ(*slab.Get(fresh), 2);
}

TEST(Slab, NeverMovesItsObjects) {
  Slab<int> slab;
  const auto first = slab.Emplace(1);
  const int* place = slab.Get(first);
  for (int i = 0; i < 1'000; ++i) slab.Emplace(i);
  EXPECT_EQ(slab.Get(first), place);
}

TEST(Slab, CarriesHandlesThroughANumber) {
  Slab<int> slab;
  const auto handle = slab.Emplace(1);
  EXPECT_EQ(Handle<int>::FromU64(handle.ToU64()), handle);
  EXPECT_TRUE(Handle<int>().empty());
  EXPECT_TRUE(Handle<int>::FromU64(Handle<int>().ToU64()).empty());
}

TEST(Slab, LetsAnObjectEndWhileItIsVisited) {
  Slab<int> slab;
  for (int i = 0; i < 10; ++i) slab.Emplace(i);
  slab.ForEach([&](Handle<int> handle, int& value) {
    if (value % 2 == 0) slab.Erase(handle);
  });
  std::vector<int> left;
  slab.ForEach([&](Handle<int>, int& value) { left.push_back(value); });
  EXPECT_EQ(left, (std::vector{1, 3, 5, 7, 9}));
  EXPECT_EQ(slab.size(), 5u);
}

struct LooksItselfUp {
  LooksItselfUp(Slab<LooksItselfUp>& owner, bool& seen) : slab(owner), found(seen) {}
  ~LooksItselfUp() { found = slab.Get(self) != nullptr; }
  Slab<LooksItselfUp>& slab;
  bool& found;
  Handle<LooksItselfUp> self;
};

TEST(Slab, HidesAnObjectFromItsOwnDestructor) {
  Slab<LooksItselfUp> slab;
  bool found = true;
  const auto handle = slab.Emplace(slab, found);
  slab.Get(handle)->self = handle;
  slab.Erase(handle);
  EXPECT_FALSE(found);
}

TEST(SlabDeathTest, DoesNotEraseTwice) {
  Slab<int> slab;
  const auto handle = slab.Emplace(1);
  slab.Erase(handle);
  EXPECT_DEATH(slab.Erase(handle), "check failed");
}

}  // namespace
}  // namespace sluice
