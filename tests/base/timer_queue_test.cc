// Deadlines: earliest first, each once, and safe against everything a callback may do to the
// others.

#include "engine/base/timer_queue.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/base/random.h"

namespace sluice {
namespace {

constexpr Instant At(int64_t micros) { return Instant(Duration(micros)); }

TEST(TimerQueue, HasNoNextWhenNothingWaits) {
  TimerQueue queue;
  EXPECT_EQ(queue.next(), kNever);
  Timer timer(queue, [] { FAIL(); });
  EXPECT_EQ(timer.when(), kNever);
  queue.Run(At(1'000));
}

TEST(TimerQueue, FiresEarliestFirstAndNothingBeforeItsTime) {
  TimerQueue queue;
  std::string fired;
  Timer c(queue, [&] { fired += 'c'; });
  Timer a(queue, [&] { fired += 'a'; });
  Timer b(queue, [&] { fired += 'b'; });
  c.Set(At(30));
  a.Set(At(10));
  b.Set(At(20));
  EXPECT_EQ(queue.next(), At(10));
  queue.Run(At(9));
  EXPECT_EQ(fired, "");
  queue.Run(At(20));
  EXPECT_EQ(fired, "ab");
  EXPECT_EQ(queue.next(), At(30));
  EXPECT_EQ(a.when(), kNever);
  queue.Run(At(1'000));
  queue.Run(At(1'000));
  EXPECT_EQ(fired, "abc");
}

TEST(TimerQueue, ObeysTheLastSet) {
  TimerQueue queue;
  int fired = 0;
  Timer timer(queue, [&] { ++fired; });
  timer.Set(At(10));
  timer.Set(At(50));
  queue.Run(At(40));
  EXPECT_EQ(fired, 0);
  timer.Set(At(20));
  EXPECT_EQ(queue.next(), At(20));
  timer.Cancel();
  EXPECT_EQ(queue.next(), kNever);
  queue.Run(At(100));
  EXPECT_EQ(fired, 0);
}

TEST(TimerQueue, LetsACallbackSetItsOwnTimerAgain) {
  TimerQueue queue;
  int fired = 0;
  std::optional<Timer> timer;
  timer.emplace(queue, [&] {
    ++fired;
    timer->Set(At(5));  // already past: waits for the next Run, so a wrong deadline cannot spin
  });
  timer->Set(At(10));
  queue.Run(At(10));
  EXPECT_EQ(fired, 1);
  EXPECT_EQ(queue.next(), At(5));
  queue.Run(At(10));
  EXPECT_EQ(fired, 2);
}

TEST(TimerQueue, DoesNotFireWhatAnEarlierCallbackCancelledInTheSameRun) {
  TimerQueue queue;
  Timer later(queue, [] { FAIL(); });
  Timer first(queue, [&] { later.Cancel(); });
  first.Set(At(1));
  later.Set(At(2));
  queue.Run(At(10));
}

TEST(TimerQueue, DoesNotFireWhatAnEarlierCallbackMovedInTheSameRun) {
  TimerQueue queue;
  int fired = 0;
  Timer later(queue, [&] { ++fired; });
  Timer first(queue, [&] { later.Set(At(100)); });
  first.Set(At(1));
  later.Set(At(2));
  queue.Run(At(10));
  EXPECT_EQ(fired, 0);
  EXPECT_EQ(queue.next(), At(100));
  queue.Run(At(100));
  EXPECT_EQ(fired, 1);
}

TEST(TimerQueue, LetsACallbackDestroyOtherDueTimers) {
  TimerQueue queue;
  auto later = std::make_unique<Timer>(queue, [] { FAIL(); });
  auto waiting = std::make_unique<Timer>(queue, [] { FAIL(); });
  Timer first(queue, [&] {
    later.reset();
    waiting.reset();
  });
  first.Set(At(1));
  later->Set(At(2));
  waiting->Set(At(50));
  queue.Run(At(10));
  EXPECT_EQ(queue.next(), kNever);
}

TEST(TimerQueue, MovesFromItsDestroyedTimers) {
  TimerQueue queue;
  {
    Timer timer(queue, [] { FAIL(); });
    timer.Set(At(1));
  }
  EXPECT_EQ(queue.next(), kNever);
  queue.Run(At(10));
}

// Against a plain list: many random sets, cancels and runs.
TEST(TimerQueue, AgreesWithASortedList) {
  Random random(11);
  TimerQueue queue;
  constexpr size_t kTimers = 200;
  std::vector<Instant> expected(kTimers, kNever);
  std::vector<std::unique_ptr<Timer>> timers;
  std::vector<size_t> fired;
  for (size_t i = 0; i < kTimers; ++i)
    timers.push_back(std::make_unique<Timer>(queue, [&fired, i] { fired.push_back(i); }));
  int64_t now = 0;
  for (int step = 0; step < 20'000; ++step) {
    const size_t i = random.Below(kTimers);
    expected[i] = random.Below(5) == 0 ? kNever : At(now + int64_t(random.Below(500)));
    timers[i]->Set(expected[i]);
    ASSERT_EQ(queue.next(), *std::min_element(expected.begin(), expected.end()));
    if (random.Below(4) != 0) continue;
    now += int64_t(random.Below(20));
    fired.clear();
    queue.Run(At(now));
    Instant last = Instant::min();
    for (const size_t f : fired) {
      ASSERT_LE(expected[f], At(now));
      ASSERT_GE(expected[f], last) << "not the earliest first";
      last = expected[f];
      expected[f] = kNever;
    }
    for (const Instant when : expected) ASSERT_GT(when, At(now)) << "a due timer did not fire";
  }
}

TEST(TimerQueueDeathTest, MustNotDieBeforeItsTimers) {
  EXPECT_DEATH(
      {
        auto queue = std::make_unique<TimerQueue>();
        Timer timer(*queue, [] {});
        timer.Set(At(1));
        queue.reset();
      },
      "check failed");
}

}  // namespace
}  // namespace sluice
