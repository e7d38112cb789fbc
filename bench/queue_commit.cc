// Question   What does a message cost in the queue, and how many go through, by size of the group?
// Method     Insert groups of N messages (10 KiB, one recipient, one event each); finish them, with
//            one event each, in the group after; free the outbox as an exporter would. CPU time is
//            of the whole process (there is one thread), so the kernel's share of writes and syncs
//            is in it; "user" is without.
// Prediction Three device syncs a group bound small groups: 1 message a group at about 1/(3 syncs).
//            From 20 a group on CPU bounds: at most 15 us a message at 20 to 250 in user time, plus
//            4-6 us of the kernel's for 10 KiB through the page cache.
// Result     2 cores, virtual disk with a sync of 100 us, 2026-11: 1 a group 1,970/s; 20 22,500/s
//            (5 us user, 22 us system); 100 and 250 68,000/s (4 us user, 5-6 us system). As
//            predicted for small groups, three times better than the budget for large ones.
// Run        queue_commit [--path DIR] [--messages N] [--bytes N]

#include <sys/resource.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <string>
#include <vector>

#include "bench/queue_load.h"

namespace sluice::bench {
namespace {

struct Row {
  double seconds;
  double user_us;
  double system_us;
  double rate;
};

Row Measure(const std::string& path, size_t group, size_t messages, size_t bytes) {
  std::filesystem::remove_all(path);
  queue::QueueOptions options;
  options.path = path;
  options.min_free_bytes = 0;
  auto opened = queue::Queue::Open(options);
  if (!opened) {
    std::fprintf(stderr, "%s\n", opened.error().what.c_str());
    std::exit(1);
  }
  queue::Queue& queue = **opened;
  QueueLoad load(queue, 1);
  load.SetBodySizes(bytes, bytes);
  load.Steady(group * 4, group);  // warm: files, pages, spares
  const Usage before = UsageNow();
  load.Steady(messages, group);
  const Usage spent = UsageNow() - before;
  const double n = double(messages);
  return {spent.wall, spent.user * 1e6 / n, spent.system * 1e6 / n, n / spent.wall};
}

}  // namespace
}  // namespace sluice::bench

int main(int argc, char** argv) {
  using namespace sluice::bench;
  const Arguments arguments(argc, argv);
  const std::string path = arguments.Text("--path", "queue-commit.tmp");
  const size_t bytes = arguments.Number("--bytes", 10240);
  const size_t most = arguments.Number("--messages", 20000);
  std::printf("sync of %s: median %.0f us\n", path.c_str(), MedianSyncMicros(path));
  std::printf("%6s %9s %10s %11s %11s\n", "group", "messages", "per s", "user us/m", "system us/m");
  for (const size_t group : std::array<size_t, 6>{1, 5, 20, 64, 100, 250}) {
    const size_t messages = std::min(most, std::max<size_t>(1000, group * 200));
    const Row row = Measure(path, group, messages, bytes);
    std::printf("%6zu %9zu %10.0f %11.1f %11.1f\n", group, messages, row.rate, row.user_us,
                row.system_us);
    std::fflush(stdout);
  }
  std::filesystem::remove_all(path);
}
