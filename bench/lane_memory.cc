// Question   How much memory does a lane take whose mail waits on disk, at a million of them?
// Method     A shard's Lanes are told of lanes as after a start: each of 100,000 domains with 10
//            campaigns of 5 tenants, due in the future. What is resident grows by what they take:
//            the lane, its place in the index, its wake-up, its names.
// Prediction 150 octets a lane at a million; 200 at most.
// Bounds     One core, 300 MB, seconds. Nothing is written to the queue.
// Result     Not measured yet.
// Run        lane_memory [--path DIR]. Exit status 1 over 200 octets a lane at 100,000 and more.

#include <array>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>

#include "bench/process_figures.h"
#include "bench/queue_load.h"
#include "engine/base/check.h"
#include "engine/base/random.h"
#include "engine/io/system_clock.h"
#include "engine/shard/lanes.h"
#include "tests/shard/no_net.h"

namespace {

using namespace sluice;
using namespace sluice::engine;

constexpr double kOctetsMax = 200;

// Nothing is due: nobody is woken.
class Nobody final : public LanesOwner {
 public:
  void OnLaneAwake(Lane&, LaneHandle) override { CHECK(false); }
  void OnLaneAsleep(Lane&, LaneHandle) override { CHECK(false); }
  void OnReady(Lane&, LaneHandle) override { CHECK(false); }
  bool MayExpireHere(const Lane&, Waiting&) override { return true; }
  void OnExpired(Lane&, LaneHandle, Waiting) override { CHECK(false); }
  void OnDamaged(const Lane&, queue::RecipientId) override { CHECK(false); }
};

// Octets a lane.
double Measure(queue::Queue& queue, size_t count) {
  io::SystemClock clock;
  TimerQueue timers;
  NoNet net;
  Random random(1);
  BodyBudget bodies(size_t(1) << 20);
  ShardContext context{0, clock, timers, net, random, bodies, std::make_shared<config::Config>()};
  Mailbox mailbox;
  const std::array<Mailbox*, 1> mailboxes{&mailbox};
  Writer writer(queue, clock, mailboxes);
  Reader reader(queue);
  Links links(0, mailbox, writer, reader);
  Nobody nobody;
  Lanes lanes(context, queue, links, nobody);
  const int64_t before = RssAnon();
  for (size_t i = 0; i < count; ++i) {
    const size_t campaign = i % 10;
    queue::LaneRow row;
    row.key = {"mail" + std::to_string(i / 10) + ".example.com",
               "tenant-" + std::to_string(campaign / 2),
               "newsletter-2026-" + std::to_string(campaign)};
    row.waiting = 1;
    row.next_due = clock.Wall() + std::chrono::seconds(3'600 + random.Below(86'400));
    lanes.AddSleeping(row);
  }
  CHECK(lanes.size() == count);
  return double(RssAnon() - before) / double(count);
}

}  // namespace

int main(int argc, char** argv) {
  const bench::Arguments arguments(argc, argv);
  const std::string path = arguments.Text("--path", "lane-memory.tmp");
  queue::QueueOptions options;
  options.path = path;
  auto queue = queue::Queue::Open(options);
  CHECK(queue.has_value());
  bool good = true;
  std::printf("%10s %14s\n", "lanes", "octets/lane");
  for (size_t lanes = 1'000; lanes <= 1'000'000; lanes *= 10) {
    const double octets = Measure(**queue, lanes);
    std::printf("%10zu %14.0f\n", lanes, octets);
    good &= lanes < 100'000 || octets < kOctetsMax;
  }
  queue->reset();
  std::filesystem::remove_all(path);
  return good ? 0 : 1;
}
