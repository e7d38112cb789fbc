// Question   Do a million messages for a dead site cost speed, memory, or time to open?
// Method     Insert-and-finish of 10 KiB messages on the empty queue; then a million messages of
//            2 KiB for one lane, each postponed once; then the same again; then reopened.
// Prediction At least 80% of the empty queue's rate: the steady path does not touch the backlog's
//            pages. Anonymous memory under 100 MB (the map is the kernel's), opened within 100 ms.
// Bounds     About 3 GB of disk and two minutes with the defaults.
// Result     2 cores shared with builds and other tests, 2026-11: 8,400/s empty, 7,250/s beside the
//            million (0.86); RssAnon 3.6 MB; reopened in 24 ms, the first 1,000 due 10 ms later.
// Run        queue_backlog [--path DIR] [--backlog N] [--messages N] [--group N]. Exit status 1
//            when the ratio is under 0.8.

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "bench/queue_load.h"

namespace {

using sluice::bench::Usage;
using sluice::bench::UsageNow;

std::string RssAnon() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);)
    if (line.starts_with("RssAnon:")) return line.substr(line.find_first_of("0123456789"));
  return "unknown";
}

}  // namespace

int main(int argc, char** argv) {
  const sluice::bench::Arguments arguments(argc, argv);
  const std::string path = arguments.Text("--path", "queue-backlog.tmp");
  const size_t backlog = arguments.Number("--backlog", 1000000);
  const size_t messages = arguments.Number("--messages", 40000);
  const size_t group = arguments.Number("--group", 100);

  std::filesystem::remove_all(path);
  sluice::queue::QueueOptions options;
  options.path = path;
  options.min_free_bytes = 0;
  auto opened = sluice::queue::Queue::Open(options);
  if (!opened) {
    std::fprintf(stderr, "%s\n", opened.error().what.c_str());
    return 1;
  }
  double rates[2] = {};
  {
    sluice::bench::QueueLoad load(**opened, 1);
    const auto rate = [&](const char* what, size_t n, auto&& work) {
      const Usage before = UsageNow();
      work();
      const double seconds = (UsageNow() - before).wall;
      std::printf("%-34s %8zu in %6.1f s  %8.0f/s  RssAnon %s\n", what, n, seconds,
                  double(n) / seconds, RssAnon().c_str());
      std::fflush(stdout);
      return double(n) / seconds;
    };
    load.Steady(group * 50, group);
    rates[0] =
        rate("insert and finish, empty queue", messages, [&] { load.Steady(messages, group); });
    load.SetBodySizes(2048, 2048);
    constexpr size_t kStep = 50000;  // what the load itself remembers stays small
    rate("fill and postpone the backlog", backlog, [&] {
      for (size_t done = 0; done < backlog; done += kStep) {
        std::vector<sluice::queue::RecipientId> kept;
        load.Fill(std::min(kStep, backlog - done), group, kept);
        load.Postpone(kept, group);
      }
    });
    load.SetBodySizes(10240, 10240);
    rates[1] = rate("insert and finish beside it", messages, [&] { load.Steady(messages, group); });
  }
  const Usage before = UsageNow();
  opened->reset();
  opened = sluice::queue::Queue::Open(options);
  std::printf("reopened in %.1f ms\n", (UsageNow().wall - before.wall) * 1e3);
  if (opened) {
    const Usage begin = UsageNow();
    const auto lanes = (*opened)->Lanes(std::nullopt, 1000);
    size_t found = 0;
    if (lanes && !lanes->empty()) {
      const auto due = (*opened)->Due(lanes->front().id, sluice::WallTime::max(), 1000, nullptr);
      found = due ? due->size() : 0;
    }
    std::printf("lanes and the first %zu due in %.1f ms\n", found, (UsageNow() - begin).wall * 1e3);
  }
  std::printf("ratio: %.2f\n", rates[1] / rates[0]);
  opened = sluice::Fail(sluice::ErrorCode::kClosed, "");
  std::filesystem::remove_all(path);
  return rates[1] / rates[0] >= 0.8 ? 0 : 1;
}
