// Goal: no job is lost, whatever number comes at once. Method: stepped by hand, on one thread.

#include "engine/runtime/queue_worker.h"

#include <gtest/gtest.h>

#include <numeric>
#include <vector>

namespace sluice::engine {
namespace {

TEST(QueueWorker, KeepsTheJobsThatItsRingHasNoRoomForAndRunsAllInOrder) {
  constexpr size_t kJobs = 3 * QueueWorker::kRingCapacity + 7;
  Mailbox home;
  QueueWorker worker(home);
  std::vector<size_t> ran;
  std::vector<size_t> told;
  for (size_t i = 0; i < kJobs; ++i)
    worker.Run([&ran, i] { ran.push_back(i); }, [&told, i] { told.push_back(i); });
  while (worker.Step()) {
    home.Run();
    // What comes later goes behind those that wait.
    if (ran.size() == QueueWorker::kRingCapacity)
      worker.Run([&] { ran.push_back(kJobs); }, [&] { told.push_back(kJobs); });
  }
  std::vector<size_t> all(kJobs + 1);
  std::iota(all.begin(), all.end(), size_t(0));
  EXPECT_EQ(ran, all);
  EXPECT_EQ(told, all);
}

}  // namespace
}  // namespace sluice::engine
