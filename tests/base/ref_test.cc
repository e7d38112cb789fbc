// Shared ownership: the object lives exactly as long as somebody holds it, on whichever thread.

#include "engine/base/ref.h"

#include <gtest/gtest.h>

#include <thread>
#include <utility>
#include <vector>

namespace sluice {
namespace {

struct Counted : RefCounted<Counted> {
  explicit Counted(int& alive_count) : alive(alive_count) { ++alive; }
  ~Counted() { --alive; }
  int& alive;
};

TEST(Ref, KeepsItsObjectUntilTheLastOneGoes) {
  int alive = 0;
  Ref<Counted> first = MakeRef<Counted>(alive);
  EXPECT_TRUE(first->unique());
  Ref<Counted> second = first;
  EXPECT_FALSE(first->unique());
  first = Ref<Counted>();
  EXPECT_FALSE(first);
  EXPECT_EQ(alive, 1);
  second = Ref<Counted>();
  EXPECT_EQ(alive, 0);
}

TEST(Ref, MovesWithoutCounting) {
  int alive = 0;
  Ref<Counted> first = MakeRef<Counted>(alive);
  Ref<Counted> second = std::move(first);
  EXPECT_TRUE(second->unique());
  second = MakeRef<Counted>(alive);
  EXPECT_EQ(alive, 1);
}

TEST(Ref, OutlivesAssignmentToItself) {
  int alive = 0;
  Ref<Counted> ref = MakeRef<Counted>(alive);
  const Ref<Counted>& same = ref;
  ref = same;
  EXPECT_EQ(alive, 1);
  EXPECT_TRUE(ref->unique());
}

TEST(Ref, TurnsIntoARefToConst) {
  int alive = 0;
  const Ref<Counted> ref = MakeRef<Counted>(alive);
  const Ref<const Counted> reader = ref;
  EXPECT_EQ(reader.get(), ref.get());
  EXPECT_FALSE(ref->unique());
}

TEST(Ref, IsFreedOnceWhenManyThreadsLetGo) {
  int alive = 0;
  Ref<Counted> ref = MakeRef<Counted>(alive);
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([copy = ref] {
      for (int k = 0; k < 10'000; ++k) const Ref<Counted> inner = copy;
    });
  }
  ref = Ref<Counted>();
  for (std::thread& thread : threads) thread.join();
  threads.clear();
  EXPECT_EQ(alive, 0);
}

}  // namespace
}  // namespace sluice
