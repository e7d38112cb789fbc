// Question   What does it cost to say whose turn it is, from 10 lanes to a million, and how much
//            memory does a waiting lane take for it?
// Method     Lanes of 20 tenants with 5 campaigns each, at one site and spread over a tenth as many
//            sites. Recipients are taken in turn from site after site; the lane's next recipient is
//            a later one, and every fourth time the lane leaves and comes back, as after a refill.
// Prediction Under 1 us up to 10,000 lanes at one site; 3 us at a million, which no cache holds.
//            Under 150 octets a lane where each of ten lanes of a site has a campaign of its own.
// Bounds     One core, 400 MB, a minute.
// Result     bench/RESULTS.md
// Run        site_queue [--takes N]. Exit status 1 over 10 us a recipient or 200 octets a lane.

#include "engine/shard/site_queue.h"

#include <algorithm>
#include <cstdio>
#include <deque>
#include <string>
#include <vector>

#include "bench/process_figures.h"
#include "bench/queue_load.h"
#include "engine/base/random.h"

namespace {

using namespace sluice;
using namespace sluice::engine;

constexpr double kMicrosMax = 10;
constexpr double kOctetsMax = 200;

QueuePlace Add(SiteQueue& queue, uint32_t lane, uint64_t dice, int64_t due) {
  return queue.Add({lane, 1}, "tenant-" + std::to_string(dice % 20),
                   "campaign-" + std::to_string(dice / 20 % 5), WallFromMicros(due));
}

struct Measured {
  double micros = 0;  // a recipient
  double octets = 0;  // a lane
};

// Of `lanes` lanes over `sites` sites.
Measured Measure(size_t lanes, size_t sites, size_t takes) {
  QueueNodes nodes([](std::string_view) { return 1u; });
  std::vector<QueuePlace> places(lanes, 1);  // touched before memory is counted
  std::vector<int64_t> due(lanes, 1);
  Random random(1);
  const int64_t before = RssAnon();
  std::deque<SiteQueue> queues;
  for (size_t i = 0; i < sites; ++i) queues.emplace_back(nodes);
  for (size_t i = 0; i < lanes; ++i) {
    due[i] = int64_t(random.Below(1'000'000));
    places[i] = Add(queues[i % sites], uint32_t(i), random.Below(100), due[i]);
  }
  Measured out;
  out.octets = double(RssAnon() - before) / double(lanes);
  const double start = CpuMicros();
  for (size_t i = 0; i < takes; ++i) {
    SiteQueue& queue = queues[i * 7919 % sites];
    const uint32_t lane = queue.Next().index;
    queue.Took(places[lane]);
    due[lane] += 1'000'000;
    if (i % 4 == 0) {
      queue.Remove(places[lane]);
      places[lane] = Add(queue, lane, lane, due[lane]);
    } else {
      queue.Move(places[lane], WallFromMicros(due[lane]));
    }
  }
  out.micros = (CpuMicros() - start) / double(takes);
  for (size_t i = 0; i < lanes; ++i) queues[i % sites].Remove(places[i]);
  return out;
}

}  // namespace

int main(int argc, char** argv) {
  const bench::Arguments arguments(argc, argv);
  const size_t takes = arguments.Number("--takes", 1'000'000);
  bool good = true;
  std::printf("%10s %10s %14s %14s\n", "lanes", "sites", "us/recipient", "octets/lane");
  for (size_t lanes = 10; lanes <= 1'000'000; lanes *= 10) {
    for (const size_t sites : {size_t(1), std::max<size_t>(1, lanes / 10)}) {
      const Measured measured = Measure(lanes, sites, takes);
      std::printf("%10zu %10zu %14.2f %14.0f\n", lanes, sites, measured.micros, measured.octets);
      good &= measured.micros < kMicrosMax;
      good &= lanes < 100'000 || measured.octets < kOctetsMax;
      if (lanes == 10) break;
    }
  }
  return good ? 0 : 1;
}
