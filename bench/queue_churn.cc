// Question   Does the queue keep its speed with a large, fragmented backlog in it?
// Method     Insert-and-finish of messages of 1 to 40 KB on the empty queue; then a backlog
//            (200,000) over 10,000 lanes, all postponed at random, a random half of it finished;
//            then the same insert-and-finish beside what is left. One run, one disk.
// Prediction At least half of the empty queue's rate (design.md 7 measured 22,000-26,000/s against
//            29,000/s for records in LMDB and bodies in segments): the steady path appends to and
//            deletes from the ends of its tables and touches no page of the backlog.
// Bounds     About 5 GB of disk and two minutes with the defaults.
// Result     2 cores, virtual disk with a sync of 100 us, 2026-11: 49,800/s empty, 35,600/s beside
//            100,000 left of 200,000 (2.1 GB live, 4.2 GB on disk): 0.71. Reopened in 3 ms.
// Run        queue_churn [--path DIR] [--backlog N] [--messages N] [--group N] [--lanes N]. Exit
//            status 1 when the ratio is under a half.

#include <cstdio>
#include <string>
#include <vector>

#include "bench/queue_load.h"

namespace {

using sluice::bench::Usage;

std::string CpuOf(const Usage& spent, size_t messages) {
  char text[64];
  std::snprintf(text, sizeof text, "user %5.1f us  system %5.1f us",
                spent.user * 1e6 / double(messages), spent.system * 1e6 / double(messages));
  return text;
}

}  // namespace

int main(int argc, char** argv) {
  const sluice::bench::Arguments arguments(argc, argv);
  const size_t backlog = arguments.Number("--backlog", 200000);
  const size_t messages = arguments.Number("--messages", 40000);
  const size_t group = arguments.Number("--group", 100);
  const size_t lanes = arguments.Number("--lanes", 10000);
  sluice::bench::QueueBed bed(arguments.Text("--path", "queue-churn.tmp"));
  double empty = 0;
  double full = 0;
  {
    sluice::bench::QueueLoad load(bed.queue(), lanes);
    load.SetBodySizes(1000, 40000);
    const auto timed = [](const char* what, size_t n, auto&& work) {
      return sluice::bench::Timed(what, n, work,
                                  [n](const Usage& spent) { return CpuOf(spent, n); });
    };
    load.Steady(group * 50, group);
    empty =
        timed("insert and finish, empty queue", messages, [&] { load.Steady(messages, group); });
    std::vector<sluice::queue::RecipientId> kept;
    timed("fill the backlog", backlog, [&] { load.Fill(backlog, group, kept); });
    timed("postpone all of it", backlog, [&] { load.Postpone(kept, group); });
    load.random().Shuffle(kept);
    kept.resize(kept.size() / 2);
    timed("finish a random half", kept.size(), [&] { load.FinishAll(kept, group); });
    full =
        timed("insert and finish beside the rest", messages, [&] { load.Steady(messages, group); });
  }
  const sluice::queue::QueueTotals totals = bed.queue().totals();
  std::printf("left: %llu messages, %.2f GB live, %.2f GB on disk\n",
              static_cast<unsigned long long>(totals.messages), double(totals.body_bytes) * 1e-9,
              double(totals.disk_bytes) * 1e-9);
  bed.Reopen();
  std::printf("ratio: %.2f\n", full / empty);
  return full / empty >= 0.5 ? 0 : 1;
}
