// The ring: bounded, in order for each producer, and never a lost wake-up. Labelled `threads`, so
// that it also runs under TSan.

#include "engine/base/ring.h"

#include <gtest/gtest.h>

#include <array>
#include <memory>
#include <thread>
#include <vector>

namespace sluice {
namespace {

using namespace std::chrono_literals;

std::vector<int> Drained(Ring<int>& ring) {
  std::vector<int> out;
  ring.Drain(out);
  return out;
}

TEST(Ring, TellsOnlyTheFirstPushToWakeTheConsumer) {
  Ring<int> ring(3);
  EXPECT_EQ(ring.Push(1), PushResult::kWakeUp);
  EXPECT_EQ(ring.Push(2), PushResult::kTaken);
  EXPECT_EQ(Drained(ring), (std::vector{1, 2}));
  EXPECT_EQ(ring.Push(3), PushResult::kWakeUp);
}

TEST(Ring, RefusesWhatIsOverItsCapacityAndLeavesItWithTheCaller) {
  Ring<std::unique_ptr<int>> ring(1);
  EXPECT_EQ(ring.Push(std::make_unique<int>(1)), PushResult::kWakeUp);
  auto kept = std::make_unique<int>(2);
  EXPECT_EQ(ring.Push(static_cast<std::unique_ptr<int>&&>(kept)), PushResult::kFull);
  ASSERT_NE(kept, nullptr);
  EXPECT_EQ(*kept, 2);
  EXPECT_EQ(ring.size(), 1u);
}

TEST(Ring, TakesWhatThereIsRoomFor) {
  Ring<int> ring(3);
  std::vector<int> items = {1, 2};
  EXPECT_EQ(ring.PushSome(items), PushResult::kWakeUp);
  EXPECT_TRUE(items.empty());
  items = {3, 4, 5};
  EXPECT_EQ(ring.PushSome(items), PushResult::kTaken);
  EXPECT_EQ(items, (std::vector{4, 5}));
  EXPECT_EQ(ring.PushSome(items), PushResult::kFull);
  EXPECT_EQ(items, (std::vector{4, 5}));
  EXPECT_EQ(Drained(ring), (std::vector{1, 2, 3}));
  items.clear();
  EXPECT_EQ(ring.PushSome(items), PushResult::kTaken) << "nothing pushed, nobody to wake";
}

TEST(Ring, DrainsNothingFromAnEmptyRing) {
  Ring<int> ring(1);
  EXPECT_TRUE(Drained(ring).empty());
}

TEST(Ring, WaitsNoLongerThanItsBound) {
  Ring<int> ring(1);
  ring.WaitFor(1us);
  EXPECT_TRUE(Drained(ring).empty());
}

TEST(Ring, DoesNotWaitWhenSomethingIsThere) {
  Ring<int> ring(1);
  ring.Push(1);
  ring.WaitFor(std::chrono::hours(1));
  EXPECT_EQ(Drained(ring), std::vector{1});
}

// Four producers against a small ring: everything arrives once, each producer's items in order.
TEST(Ring, KeepsEachProducersOrderAcrossThreads) {
  constexpr int kProducers = 4;
  constexpr int kItems = 20'000;
  Ring<std::pair<int, int>> ring(64);
  std::vector<std::thread> producers;
  for (int p = 0; p < kProducers; ++p) {
    producers.emplace_back([&ring, p] {
      for (int i = 0; i < kItems; ++i)
        while (ring.Push({p, i}) == PushResult::kFull) std::this_thread::yield();
    });
  }
  std::array<int, kProducers> next{};
  std::vector<std::pair<int, int>> batch;
  for (int received = 0; received < kProducers * kItems;) {
    ring.WaitFor(std::chrono::seconds(10));
    ring.Drain(batch);
    ASSERT_FALSE(batch.empty()) << "a wake-up was lost";
    for (const auto& [producer, item] : batch) ASSERT_EQ(item, next.at(size_t(producer))++);
    received += int(batch.size());
    batch.clear();
  }
  for (std::thread& producer : producers) producer.join();
}

// A consumer that sleeps until it is told, as an event loop does: kWakeUp alone must be enough.
TEST(Ring, WakesASleepingConsumerForEveryItem) {
  constexpr int kItems = 20'000;
  Ring<int> ring(1024);
  Ring<char> bell(1u << 20);
  std::thread producer([&] {
    for (int i = 0; i < kItems; ++i) {
      PushResult result = ring.Push(int(i));
      while (result == PushResult::kFull) result = ring.Push(int(i));
      if (result == PushResult::kWakeUp) bell.Push('!');
    }
  });
  int received = 0;
  std::vector<char> rings;
  std::vector<int> batch;
  while (received < kItems) {
    bell.WaitFor(std::chrono::seconds(10));
    bell.Drain(rings);
    ASSERT_FALSE(rings.empty()) << "items wait and nobody rang";
    rings.clear();
    ring.Drain(batch);
    received += int(batch.size());
    batch.clear();
  }
  producer.join();
}

}  // namespace
}  // namespace sluice
