// Lanes over a real queue, with writer and reader stepped in random order: whatever is added comes
// out until it is finished, never twice at once, in spite of spills, refills from old snapshots,
// evictions and restarts.

#include "engine/shard/lanes.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <set>
#include <string>

#include "tests/shard/lanes_process.h"

namespace sluice::engine {
namespace {

class LanesTest : public ::testing::TestWithParam<uint64_t> {
 protected:
  LanesTest() : path_(::testing::TempDir() + "lanes_test_" + std::to_string(GetParam())) {
    std::filesystem::remove_all(path_);
  }
  ~LanesTest() override { std::filesystem::remove_all(path_); }

  void Play(Process& process, int steps, bool accept) {
    for (int i = 0; i < steps; ++i) {
      const uint64_t dice = random_.Below(100);
      if (accept && dice < 30) {
        for (int k = 0; k < 20; ++k)
          process.Accept(dice < 20 ? "big.test" : "d" + std::to_string(dice));
      } else if (dice < 60) {
        for (int k = 0; k < 10 && process.TakeOne(); ++k) {
        }
      } else if (dice < 85) {
        for (int k = 0; k < 12; ++k) process.EndOne();
      } else if (dice == 85) {
        process.SuspendFor(std::chrono::milliseconds(300));
      } else if (dice == 86) {
        process.Resume();
      } else if (accept && dice < 91) {
        process.Accept(dice == 87 ? "held.test" : "big.test", true);
      } else {
        process.ReleaseOne();
      }
      if (random_.Below(3) == 0) process.StepWriter();
      if (random_.Below(4) == 0) process.StepReader();
      clock_.passed += std::chrono::milliseconds(random_.Below(40));
      process.Turn();
    }
  }

  void Drain(Process& process) {
    for (int i = 0; i < 100'000 && !process.quiet(); ++i) {
      while (process.TakeOne()) {
      }
      for (int k = 0; k < 50; ++k) process.EndOne();
      for (int k = 0; k < 5; ++k) process.ReleaseOne();
      process.StepWriter();
      process.StepReader();
      clock_.passed += std::chrono::milliseconds(20);
      process.Resume();
      process.Turn();
    }
    EXPECT_TRUE(process.quiet());
  }

  void Turns(Process& process) {
    for (int i = 0; i < 5; ++i) {
      clock_.passed += Writer::kGather;
      process.StepWriter();
      process.Turn();
    }
  }
  // All on disk, none in memory.
  void AcceptSuspended(Process& process, int recipients) {
    process.SuspendFor(std::chrono::seconds(1));
    for (int i = 0; i < recipients; ++i) process.Accept("big.test");
    Turns(process);
  }
  void Wake(Process& process) {
    clock_.passed += std::chrono::seconds(2);
    process.Resume();
    process.Turn();
  }

  const std::string path_;
  ManualClock clock_;
  Random random_{GetParam()};
};

TEST_P(LanesTest, HandsOutEveryRecipientUntilItIsFinishedAndNeverTwiceAtOnce) {
  Process process(clock_, random_, path_);
  Play(process, 600, true);
  Drain(process);
  EXPECT_EQ(process.finished, process.durable);
  EXPECT_EQ(process.totals().recipients, 0u);
}

TEST_P(LanesTest, LosesNothingThatWasDurableInACrash) {
  std::set<queue::RecipientId> durable;
  std::set<queue::RecipientId> finished;
  std::set<queue::RecipientId> seen;
  for (int run = 0; run < 4; ++run) {
    Process process(clock_, random_, path_);
    process.finished = finished;  // none of them may come out again
    process.Recover();
    if (run == 3) process.FindCaptured();
    Play(process, 150, true);
    if (run == 3) {
      Drain(process);
      EXPECT_EQ(process.totals().recipients, 0u);
    }
    durable.merge(process.durable);
    seen.merge(process.seen);
    finished = process.finished;
  }
  for (const queue::RecipientId& id : durable) EXPECT_TRUE(seen.contains(id)) << id.message;
}

TEST_P(LanesTest, ComesBackToWhatWasDueWhenItsSiteWasSuspended) {
  Process process(clock_, random_, path_);
  AcceptSuspended(process, 10);
  Wake(process);  // the question is on its way to the reader
  process.SuspendFor(std::chrono::seconds(1));
  process.StepReader();
  Turns(process);
  EXPECT_FALSE(process.TakeOne());
  clock_.passed += std::chrono::seconds(2);
  Drain(process);
  EXPECT_EQ(process.finished.size(), 10u);
}

// A refill that was asked for passes over what is loaded; by its answer that is loaded no more.
TEST_P(LanesTest, ComesBackToWhatWasLetGoWhileARefillWasUnanswered) {
  Process process(clock_, random_, path_);
  process.Probe();
  AcceptSuspended(process, int(Lanes::kProbeWindow));
  Wake(process);
  process.StepReader();
  process.Turn();
  for (size_t i = 0; i < Lanes::kProbeWindow / 2 + 1; ++i) EXPECT_TRUE(process.TakeOne());
  process.Turn();  // the window is half empty: a refill is asked for
  process.SuspendFor(std::chrono::seconds(1));
  process.StepReader();
  process.FinishAll();
  Turns(process);
  clock_.passed += std::chrono::seconds(2);
  Drain(process);
  EXPECT_EQ(process.finished.size(), Lanes::kProbeWindow);
}

// The recovery reads lanes while the engine is at work already.
TEST_P(LanesTest, DropsALaneOfWhichARowWasCountedTwice) {
  Process process(clock_, random_, path_);
  AcceptSuspended(process, 1);
  Wake(process);
  process.StepReader();
  process.Turn();
  EXPECT_TRUE(process.TakeOne());
  process.RecoverLanes();
  process.Turn();  // a refill is asked for
  process.FinishAll();
  Drain(process);
  EXPECT_EQ(process.finished.size(), 1u);
}

// A thousand recipients of one message must not be a thousand changes.
TEST_P(LanesTest, SpillsManyRecipientsWithOneChange) {
  Process process(clock_, random_, path_);
  AcceptSuspended(process, 1);
  const size_t before = process.changes();
  process.SuspendFor(std::chrono::seconds(1));
  process.AddAll(1'200);
  process.Turn();
  EXPECT_EQ(process.changes() - before, 3u);
  Turns(process);
  clock_.passed += std::chrono::seconds(2);
  Drain(process);
  EXPECT_EQ(process.finished.size(), 1'201u);
}

TEST_P(LanesTest, CountsWhatIsCapturedWhileARefillIsUnanswered) {
  Process process(clock_, random_, path_);
  AcceptSuspended(process, 3);
  Wake(process);  // the question is on its way to the reader
  process.Accept("big.test", true);
  process.CommitWhileReading();
  process.StepReader();
  process.Turn();
  while (process.TakeOne()) {
  }
  process.FinishAll();
  Turns(process);
  EXPECT_EQ(process.finished.size(), 3u);
  Drain(process);
  EXPECT_EQ(process.finished.size(), 4u);
}

INSTANTIATE_TEST_SUITE_P(Seeds, LanesTest, ::testing::Range<uint64_t>(1, 5));

}  // namespace
}  // namespace sluice::engine
