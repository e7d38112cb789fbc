// The simulated network breaks connections when told, and the same way for the same seed.
// Method: two recording ends, then random traffic under all faults at once.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "tests/sim/sim_net.h"
#include "tests/sim/two_ends.h"

namespace sluice::sim {
namespace {

using namespace std::chrono_literals;
using io::CloseReason;

TEST(SimNetFaults, ResetsAndLosesWhatIsUnderWay) {
  Pair pair;
  LinkModel link;
  link.reset = 1;
  pair.fabric.SetLink(link);
  pair.Open();
  pair.client.Send("lost");
  pair.world.RunToEnd(1h);
  EXPECT_EQ(pair.server.received, "");
  EXPECT_EQ(pair.server.reason, CloseReason::kReset);
  EXPECT_EQ(pair.client.reason, CloseReason::kReset);
  EXPECT_EQ(pair.fabric.stats().resets, 1u);
}

TEST(SimNetFaults, StallsAndThenGoesOnInOrder) {
  Pair pair;
  LinkModel link;
  link.stalled = 0.5;
  pair.fabric.SetLink(link);
  pair.Open();
  std::string all;
  for (int i = 0; i < 50; ++i) {
    const std::string line = "line " + std::to_string(i) + "\r\n";
    all += line;
    pair.client.Send(line);
  }
  const Instant start = pair.world.now();
  pair.world.RunToEnd(1h);
  EXPECT_EQ(pair.server.received, all);
  EXPECT_GT(pair.world.now() - start, 20s);
}

TEST(SimNetFaults, CrashesWithoutAWordToTheDead) {
  for (const bool power_loss : {false, true}) {
    Pair pair;
    pair.Open();
    io::Stream* stale = pair.server.stream;
    pair.server_net.Crash(power_loss);
    stale->Write("from the grave");
    stale->Close();
    stale->Abort();
    pair.world.RunFor(1min);
    EXPECT_FALSE(pair.server.closed);
    EXPECT_EQ(pair.client.closed, !power_loss);
    if (power_loss) {
      pair.client.Send("hello?");
      pair.world.RunToEnd(1h);
    }
    EXPECT_EQ(pair.client.reason, CloseReason::kReset);
    // The next process listens at the same place.
    pair.listener.reset();
    pair.client.closed = false;
    pair.client.connected = false;
    pair.Open();
    EXPECT_TRUE(pair.client.connected);
  }
}

TEST(SimNetFaults, ListensOnAllAddressesOfAProcessAndSharesPorts) {
  SimWorld world(3);
  SimFabric fabric(world);
  const IpAddress second = *IpAddress::Parse("192.0.2.2");
  SimNet server(fabric, "server", {kServerIp, second});
  SimNet client(fabric, "client", {kClientIp});
  int accepted[2] = {0, 0};
  std::vector<std::unique_ptr<io::Listener>> listeners;
  for (int i = 0; i < 2; ++i) {
    listeners.push_back(*server.Listen({IpAddress::V4(0), 25}, [&accepted, i](io::Stream*) {
      ++accepted[i];
      return nullptr;
    }));
  }
  EXPECT_NE((*server.Listen({kServerIp, 0}, [](io::Stream*) { return nullptr; }))->bound().port, 0);
  EXPECT_FALSE(server.Listen({kClientIp, 25}, [](io::Stream*) { return nullptr; }).has_value());
  std::vector<std::unique_ptr<End>> ends;
  for (int i = 0; i < 40; ++i) {
    ends.push_back(std::make_unique<End>(world));
    ends.back()->stream = client.Connect({{i % 2 ? second : kServerIp, 25}, {}}, ends.back().get());
  }
  world.RunToEnd(1h);
  EXPECT_EQ(accepted[0] + accepted[1], 40);
  EXPECT_GT(accepted[0], 5);
  EXPECT_GT(accepted[1], 5);
}

// Random traffic under all faults: events stay in order, every stream ends once, what arrives is a
// beginning of what was sent. Returns the run's fingerprint.
uint64_t Storm(uint64_t seed) {
  Pair pair(seed);
  LinkModel link;
  link.refused = 0.05;
  link.reset = 0.02;
  link.stalled = 0.05;
  link.window = 3000;
  link.chunk_max = 700;
  pair.fabric.SetLink(link);
  Random random(seed ^ 77);
  std::vector<std::unique_ptr<End>> clients;
  std::vector<std::unique_ptr<End>> servers;
  const auto listener = pair.server_net.Listen(kServerAt, [&](io::Stream* stream) {
    servers.push_back(std::make_unique<End>(pair.world));
    servers.back()->stream = stream;
    return servers.back().get();
  });
  const std::string all = Pattern(20'000);
  for (int i = 0; i < 200; ++i) {
    clients.push_back(std::make_unique<End>(pair.world));
    End* end = clients.back().get();
    end->stream = pair.client_net.Connect({kServerAt, {}}, end);
    end->to_send = all.substr(0, size_t(random.Below(all.size())));
    pair.world.ScheduleIn(Duration(int64_t(random.Below(60'000'000))), [end, i] {
      if (end->stream == nullptr) return;
      i % 2 ? end->stream->Close() : end->stream->Abort();
    });
  }
  pair.world.RunToEnd(1h);
  for (const auto* ends : {&clients, &servers}) {
    for (const auto& end : *ends) {
      EXPECT_TRUE(end->closed);
      EXPECT_EQ(all.compare(0, end->received.size(), end->received), 0);
    }
  }
  EXPECT_EQ(pair.fabric.stream_count(), 0u);
  EXPECT_GT(pair.fabric.stats().refused, 0u);
  EXPECT_GT(pair.fabric.stats().resets, 0u);
  pair.world.Note(std::to_string(pair.fabric.stats().octets));
  return pair.world.trace_hash();
}

TEST(SimNetFaults, GivesTheSameRunForTheSameSeed) {
  EXPECT_EQ(Storm(5), Storm(5));
  EXPECT_NE(Storm(5), Storm(6));
}

}  // namespace
}  // namespace sluice::sim
