// The simulated network: it keeps the promises of net.h and breaks connections only when told.
// Method: two recording ends; random traffic under every fault; the same seed twice.

#include "tests/sim/sim_net.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

namespace sluice::sim {
namespace {

using namespace std::chrono_literals;
using io::CloseReason;

// One end: records all it hears, and writes what it was given as room allows.
class End final : public io::StreamEvents {
 public:
  explicit End(SimWorld& world) : world_(world) {}

  void OnConnected() override {
    Log("connected");
    connected = true;
    Push();
  }
  void OnRead(std::string_view bytes) override {
    CheckAlive();
    EXPECT_FALSE(bytes.empty());
    EXPECT_FALSE(paused);
    received.append(bytes);
    ++reads;
    if (on_read) on_read(bytes);
  }
  void OnWritable() override {
    CheckAlive();
    Push();
  }
  void OnTlsReady(const io::TlsInfo& info) override {
    Log("tls " + info.version + " " + info.cipher);
    tls = true;
    Push();
  }
  void OnEof() override {
    CheckAlive();
    Log("eof");
    EXPECT_FALSE(eof);
    eof = true;
    if (close_on_eof) stream->Close();
  }
  void OnClosed(const io::CloseInfo& info) override {
    CheckAlive();
    closed = true;
    reason = info.reason;
    detail = info.detail;
    stream = nullptr;
    Log("closed");
  }

  void Send(std::string_view bytes) {
    to_send.append(bytes);
    Push();
  }
  void Push() {
    if (stream == nullptr || to_send.empty()) return;
    const size_t taken = stream->Write(to_send);
    EXPECT_LE(taken, to_send.size());
    to_send.erase(0, taken);
  }

  io::Stream* stream = nullptr;
  std::string received, to_send, detail;
  std::function<void(std::string_view)> on_read;
  bool connected = false;
  bool tls = false;
  bool eof = false;
  bool closed = false;
  bool paused = false;
  bool close_on_eof = true;
  int reads = 0;
  CloseReason reason = CloseReason::kError;

 private:
  void CheckAlive() const { EXPECT_FALSE(closed) << "an event after OnClosed"; }
  void Log(const std::string& what) { world_.Note(what); }

  SimWorld& world_;
};

const IpAddress kServerIp = *IpAddress::Parse("192.0.2.1");
const IpAddress kClientIp = *IpAddress::Parse("198.51.100.1");
const Endpoint kServerAt{kServerIp, 25};

struct Pair {
  explicit Pair(uint64_t seed = 1) : world(seed) {}

  void Listen() {
    auto made = server_net.Listen(kServerAt, [this](io::Stream* stream) -> io::StreamEvents* {
      if (refuse) return nullptr;
      server.stream = stream;
      return &server;
    });
    ASSERT_TRUE(made.has_value());
    listener = std::move(*made);
  }
  void Connect() { client.stream = client_net.Connect({kServerAt, {}}, &client); }
  void Open() {
    Listen();
    Connect();
    EXPECT_TRUE(world.RunUntil([this] { return client.connected; }, 10s));
  }

  SimWorld world;
  SimFabric fabric{world};
  SimNet server_net{fabric, "server", {kServerIp}};
  SimNet client_net{fabric, "client", {kClientIp}};
  End server{world};
  End client{world};
  bool refuse = false;
  std::unique_ptr<io::Listener> listener;
};

std::string Pattern(size_t size) {
  std::string out;
  for (size_t i = 0; i < size; ++i) out.push_back(char('a' + i * 7 % 26));
  return out;
}

TEST(SimNet, ConnectsAndCarriesBytesBothWaysInOrder) {
  Pair pair;
  pair.Open();
  EXPECT_EQ(pair.client.stream->peer(), kServerAt);
  EXPECT_EQ(pair.server.stream->local(), kServerAt);
  EXPECT_EQ(pair.server.stream->peer(), pair.client.stream->local());
  EXPECT_EQ(pair.server.stream->peer().address, kClientIp);
  const std::string up = Pattern(300'000);
  const std::string down = Pattern(200'000);
  pair.client.Send(up);
  pair.server.Send(down);
  EXPECT_GT(pair.client.to_send.size(), 0u) << "the window never filled";
  pair.world.RunToEnd(1h);
  EXPECT_EQ(pair.server.received, up);
  EXPECT_EQ(pair.client.received, down);
  EXPECT_GT(pair.server.reads, 5);
}

TEST(SimNet, CallsNothingInsideACall) {
  Pair pair;
  pair.Listen();
  pair.Connect();
  EXPECT_FALSE(pair.client.connected);
  pair.world.RunUntil([&] { return pair.client.connected; }, 1s);
  pair.client.stream->Abort();
  EXPECT_FALSE(pair.client.closed);
  pair.world.RunToEnd(1h);
  EXPECT_EQ(pair.client.reason, CloseReason::kLocal);
  EXPECT_EQ(pair.server.reason, CloseReason::kReset);
}

TEST(SimNet, ClosesInOrderAfterTheLastByte) {
  Pair pair;
  pair.Open();
  pair.client.Send("last words");
  pair.client.stream->Close();
  pair.world.RunToEnd(1h);
  EXPECT_EQ(pair.server.received, "last words");
  EXPECT_TRUE(pair.server.eof);
  EXPECT_EQ(pair.server.reason, CloseReason::kPeerClosed);
  EXPECT_EQ(pair.client.reason, CloseReason::kLocal);
  EXPECT_EQ(pair.fabric.stream_count(), 0u);
}

TEST(SimNet, LetsTheServersLastReplyThrough) {
  Pair pair;
  pair.Open();
  pair.client.Send("QUIT\r\n");
  pair.server.on_read = [&](std::string_view) {
    if (!pair.server.received.ends_with("\r\n")) return;
    pair.server.stream->Write("221 Bye\r\n");
    pair.server.stream->Close();
  };
  pair.world.RunToEnd(1h);
  EXPECT_EQ(pair.client.received, "221 Bye\r\n");
  EXPECT_EQ(pair.client.reason, CloseReason::kPeerClosed);
  EXPECT_EQ(pair.server.reason, CloseReason::kLocal);
}

TEST(SimNet, LingersTwoSecondsAtMost) {
  Pair pair;
  pair.Open();
  pair.client.close_on_eof = false;
  pair.server.stream->Close();
  const Instant closed = pair.world.now();
  pair.world.RunUntil([&] { return pair.server.closed; }, 1h);
  EXPECT_EQ(pair.world.now(), closed + 2s);
  pair.client.Send("anybody?");
  pair.world.RunToEnd(1h);
  EXPECT_EQ(pair.client.reason, CloseReason::kReset);
}

TEST(SimNet, HoldsBackWhatAPausedReaderDoesNotTake) {
  LinkModel small;
  small.window = 1000;
  Pair pair;
  pair.fabric.SetLink(small);
  pair.Open();
  pair.server.stream->PauseReading();
  pair.server.paused = true;
  pair.client.Send(Pattern(5000));
  pair.world.RunFor(1min);
  EXPECT_EQ(pair.client.to_send.size(), 4000u);
  pair.client.stream->Close();
  pair.world.RunFor(10s);
  EXPECT_FALSE(pair.server.eof) << "the end overtook the bytes";
  pair.server.paused = false;
  pair.server.stream->ResumeReading();
  pair.world.RunToEnd(1h);
  EXPECT_EQ(pair.server.received, Pattern(1000));
  EXPECT_TRUE(pair.server.eof);
}

TEST(SimNet, RefusesWhereNobodyListens) {
  Pair pair;
  pair.Connect();
  pair.world.RunToEnd(1h);
  EXPECT_EQ(pair.client.reason, CloseReason::kRefused);
}

TEST(SimNet, ResetsWhomTheListenerDoesNotWant) {
  Pair pair;
  pair.refuse = true;
  pair.Listen();
  pair.Connect();
  pair.world.RunToEnd(1h);
  EXPECT_EQ(pair.client.reason, CloseReason::kReset);
  EXPECT_FALSE(pair.server.closed);
}

TEST(SimNet, KnowsUnreachableBlackholedAndForeignAddresses) {
  Pair pair;
  pair.Listen();
  End lost(pair.world);
  lost.stream = pair.client_net.Connect({{*IpAddress::Parse("203.0.113.9"), 25}, {}}, &lost);
  End foreign(pair.world);
  foreign.stream = pair.client_net.Connect({kServerAt, kServerIp}, &foreign);
  pair.fabric.SetReach(kServerIp, Reach::kBlackholed);
  pair.Connect();
  const Instant start = pair.world.now();
  pair.world.RunToEnd(1h);
  EXPECT_EQ(lost.reason, CloseReason::kUnreachable);
  EXPECT_EQ(foreign.reason, CloseReason::kUnreachable);
  EXPECT_EQ(pair.client.reason, CloseReason::kTimedOut);
  EXPECT_EQ(pair.world.now(), start + kConnectGivesUp);
}

TEST(SimNet, LetsAConnectingStreamBeClosed) {
  for (const Duration after : {Duration(0), Duration(5ms), Duration(15ms), Duration(30ms)}) {
    Pair pair;
    LinkModel link;
    link.latency_min = link.latency_max = 10ms;
    pair.fabric.SetLink(link);
    pair.Listen();
    pair.Connect();
    pair.world.RunFor(after);
    pair.client.stream->Close();
    pair.world.RunToEnd(1h);
    EXPECT_TRUE(pair.client.closed);
    EXPECT_EQ(pair.client.reason, CloseReason::kLocal);
    EXPECT_EQ(pair.fabric.stream_count(), 0u);
  }
}

TEST(SimNet, ShakesHandsForTlsAndGoesOn) {
  Pair pair;
  pair.Open();
  const auto server_tls = pair.server_net.MakeTlsServer("any", "any");
  const auto client_tls = pair.client_net.MakeTlsClient();
  pair.client.Send("STARTTLS\r\n");
  pair.server.on_read = [&](std::string_view) {
    if (pair.server.tls || !pair.server.received.ends_with("\r\n")) return;
    pair.server.stream->Write("220 go\r\n");
    pair.server.stream->StartTlsServer(*server_tls);
    pair.server.Send("over tls");
  };
  pair.client.on_read = [&](std::string_view) {
    if (pair.client.tls || !pair.client.received.ends_with("\r\n")) return;
    pair.client.stream->StartTlsClient({client_tls, "mx.example"});
    pair.client.Send("sealed");
    EXPECT_EQ(pair.client.to_send, "sealed") << "written during the handshake";
  };
  pair.world.RunToEnd(1h);
  EXPECT_TRUE(pair.client.tls);
  EXPECT_TRUE(pair.server.tls);
  EXPECT_EQ(pair.server.received, "STARTTLS\r\nsealed");
  EXPECT_EQ(pair.client.received, "220 go\r\nover tls");
}

TEST(SimNet, DropsWhatWasSentAheadOfTheHandshake) {
  Pair pair;
  LinkModel link;
  link.tiny_reads = 0;
  link.chunk_max = 10;
  pair.fabric.SetLink(link);
  pair.Open();
  const auto server_tls = pair.server_net.MakeTlsServer("any", "any");
  pair.client.Send("STARTTLS\r\nMAIL FROM:<injected@example>\r\n");
  std::string before;
  pair.server.on_read = [&](std::string_view) {
    if (!before.empty()) return;
    before = pair.server.received;
    pair.server.stream->StartTlsServer(*server_tls);
  };
  pair.world.RunFor(10s);
  EXPECT_EQ(pair.server.received, before);
}

TEST(SimNet, FailsHandshakesWhenTold) {
  Pair pair;
  LinkModel link;
  link.tls_failed = 1;
  pair.fabric.SetLink(link);
  pair.Open();
  pair.server.stream->StartTlsServer(*pair.server_net.MakeTlsServer("any", "any"));
  pair.client.stream->StartTlsClient({pair.client_net.MakeTlsClient(), ""});
  pair.world.RunToEnd(1h);
  EXPECT_EQ(pair.client.reason, CloseReason::kTlsFailed);
  EXPECT_EQ(pair.server.reason, CloseReason::kTlsFailed);
}

TEST(SimNet, ShowsAClientHelloToWhoExpectsNone) {
  Pair pair;
  pair.Open();
  pair.client.stream->StartTlsClient({pair.client_net.MakeTlsClient(), ""});
  pair.world.RunUntil([&] { return !pair.server.received.empty(); }, 1s);
  EXPECT_EQ(pair.server.received[0], '\x16');
  pair.server.stream->StartTlsServer(*pair.server_net.MakeTlsServer("any", "any"),
                                     pair.server.received);
  pair.world.RunUntil([&] { return pair.server.tls; }, 1s);
  EXPECT_TRUE(pair.client.tls);
}

TEST(SimNet, FailsTlsWhenThePeerSpeaksClearText) {
  Pair pair;
  pair.Open();
  pair.server.stream->StartTlsServer(*pair.server_net.MakeTlsServer("any", "any"));
  pair.client.Send("EHLO x\r\n");
  pair.world.RunToEnd(1h);
  EXPECT_EQ(pair.server.reason, CloseReason::kTlsFailed);
  EXPECT_EQ(pair.client.reason, CloseReason::kReset);
}

TEST(SimNet, ResetsAndLosesWhatIsUnderWay) {
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

TEST(SimNet, StallsAndThenGoesOnInOrder) {
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

TEST(SimNet, CrashesWithoutAWordToTheDead) {
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

TEST(SimNet, ListensOnAllAddressesOfAProcessAndSharesPorts) {
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

TEST(SimNet, GivesTheSameRunForTheSameSeed) {
  EXPECT_EQ(Storm(5), Storm(5));
  EXPECT_NE(Storm(5), Storm(6));
}

}  // namespace
}  // namespace sluice::sim
