// tests/io/loop_test.cc — the event loop: time, timers, wake-ups, signals, foreign sockets.

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <memory>
#include <thread>
#include <vector>

#include "engine/io/system_clock.h"
#include "engine/io/uv_loop.h"
#include "tests/io/peer.h"

namespace sluice::io {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;

TEST(UvLoop, TimersAreNeverEarlyAndAllRun) {
  UvLoop loop;
  const SystemClock clock;
  const Instant start = clock.Now();
  int fired = 0;
  std::vector<std::unique_ptr<Timer>> timers;
  for (int i = 0; i < 40; ++i) {
    const Instant due = start + microseconds(137 * i * i);
    timers.push_back(std::make_unique<Timer>(loop.timers(), [&, due] {
      EXPECT_GE(clock.Now(), due);
      EXPECT_GE(loop.clock().Now(), due);
      if (++fired == 40) loop.Stop();
    }));
    timers.back()->Set(due);
  }
  loop.Run();
  EXPECT_EQ(fired, 40);
}

TEST(UvLoop, TimeStandsStillWithinATurn) {
  UvLoop loop;
  Timer timer(loop.timers(), [&] {
    const Instant now = loop.clock().Now();
    const WallTime wall = loop.clock().Wall();
    std::this_thread::sleep_for(milliseconds(3));
    EXPECT_EQ(loop.clock().Now(), now);
    EXPECT_EQ(loop.clock().Wall(), wall);
    loop.Stop();
  });
  const Instant before = loop.clock().Now();
  timer.Set(before);
  loop.Run();
  RunFor(loop, milliseconds(1));
  EXPECT_GT(loop.clock().Now(), before);
}

TEST(UvLoop, ATimerSetFromItsOwnCallbackKeepsGoing) {
  UvLoop loop;
  int fired = 0;
  Timer timer(loop.timers(), [&] {
    if (++fired == 50) return loop.Stop();
    timer.Set(loop.clock().Now());
  });
  timer.Set(loop.clock().Now());
  loop.Run();
  EXPECT_EQ(fired, 50);
}

TEST(UvLoop, AnEarlierDeadlineMovesTheAlarmForward) {
  UvLoop loop;
  Timer late(loop.timers(), [] { FAIL(); });
  late.Set(loop.clock().Now() + std::chrono::hours(1));
  bool fired = false;
  Timer soon(loop.timers(), [&] {
    fired = true;
    loop.Stop();
  });
  Timer first(loop.timers(), [&] { soon.Set(loop.clock().Now() + milliseconds(2)); });
  first.Set(loop.clock().Now() + milliseconds(1));
  loop.Run();
  EXPECT_TRUE(fired);
}

TEST(UvLoop, WakesFromAnotherThread) {
  UvLoop loop;
  std::atomic<int> work = 0;
  int seen = 0;
  loop.SetOnWake([&] {
    seen = work.load();
    if (seen == 1000) loop.Stop();
  });
  std::thread other([&] {
    for (int i = 0; i < 1000; ++i) {
      work.fetch_add(1);
      loop.Wake();
    }
  });
  loop.Run();
  other.join();
  EXPECT_EQ(seen, 1000);
}

TEST(UvLoop, StopsFromAnotherThreadAndRunsAgain) {
  UvLoop loop;
  for (int i = 0; i < 3; ++i) {
    std::thread other([&] { loop.Stop(); });
    loop.Run();
    other.join();
  }
  loop.Stop();
  loop.Run();  // the stop came first
}

TEST(UvLoop, CallsBeforePollOnceATurnAfterTheTimers) {
  UvLoop loop;
  std::string order;
  Timer timer(loop.timers(), [&] { order += 't'; });
  timer.Set(loop.clock().Now());
  loop.SetOnWake([&] { order += 'w'; });
  loop.SetBeforePoll([&] {
    order += 'p';
    if (order.size() == 2) loop.Wake();
    if (order.size() >= 4) loop.Stop();
  });
  loop.Run();
  EXPECT_EQ(order.substr(0, 4), "tpwp");
}

TEST(UvLoop, HearsSignals) {
  UvLoop loop;
  int hups = 0;
  loop.OnSignal(SIGHUP, [&] {
    ++hups;
    loop.Stop();
  });
  loop.OnSignal(SIGUSR2, [] { FAIL(); });
  kill(getpid(), SIGHUP);
  loop.Run();
  EXPECT_EQ(hups, 1);
}

TEST(SocketWatcher, ReportsWhatIsAskedForAndMayChangeWithinItsCallback) {
  UvLoop loop;
  std::array<int, 2> ends;
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, ends.data()), 0);
  SocketWatcher& watcher = loop.watcher();
  std::string seen;
  watcher.Watch(ends[0], false, true, [&](bool readable, bool writable) {
    seen += readable ? 'R' : '-';
    seen += writable ? 'W' : '-';
    watcher.Watch(ends[0], true, false, [&](bool can_read, bool can_write) {
      seen += can_read ? 'r' : '-';
      seen += can_write ? 'w' : '-';
      watcher.Unwatch(ends[0]);
      loop.Stop();
    });
    ASSERT_EQ(write(ends[1], "x", 1), 1);
  });
  loop.Run();
  EXPECT_EQ(seen, "-Wr-");
  RunFor(loop, milliseconds(2));
  EXPECT_EQ(seen, "-Wr-");
  watcher.Watch(ends[0], true, false, [&](bool, bool) { loop.Stop(); });
  loop.Run();
  watcher.Watch(ends[0], false, false, {});
  watcher.Unwatch(ends[0]);
  close(ends[0]);
  close(ends[1]);
}

TEST(SocketWatcher, AWatchThatIsLeftGoesWithTheLoop) {
  std::array<int, 2> ends;
  ASSERT_EQ(pipe(ends.data()), 0);
  {
    UvLoop loop;
    loop.watcher().Watch(ends[0], true, false, [](bool, bool) {});
  }
  close(ends[0]);
  close(ends[1]);
}

TEST(SystemClock, MovesForward) {
  const SystemClock clock;
  const Instant before = clock.Now();
  std::this_thread::sleep_for(milliseconds(1));
  EXPECT_GT(clock.Now(), before);
  EXPECT_GT(MicrosOf(clock.Wall()), 1'700'000'000'000'000);
}

}  // namespace
}  // namespace sluice::io
