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
#include <fstream>
#include <optional>
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
  const size_t backlog = arguments.Number("--backlog", 1000000);
  const size_t messages = arguments.Number("--messages", 40000);
  const size_t group = arguments.Number("--group", 100);
  sluice::bench::QueueBed bed(arguments.Text("--path", "queue-backlog.tmp"));
  double rates[2] = {};
  {
    sluice::bench::QueueLoad load(bed.queue(), 1);
    const auto rate = [](const char* what, size_t n, auto&& work) {
      return sluice::bench::Timed(what, n, work,
                                  [](const Usage&) { return "RssAnon " + RssAnon(); });
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
  bed.Reopen();
  const Usage begin = UsageNow();
  const auto lanes = bed.queue().Lanes(std::nullopt, 1000);
  size_t found = 0;
  if (lanes && !lanes->empty()) {
    const auto due = bed.queue().Due(lanes->front().id, sluice::WallTime::max(), 1000, nullptr);
    found = due ? due->size() : 0;
  }
  std::printf("lanes and the first %zu due in %.1f ms\n", found, (UsageNow() - begin).wall * 1e3);
  std::printf("ratio: %.2f\n", rates[1] / rates[0]);
  return rates[1] / rates[0] >= 0.8 ? 0 : 1;
}
