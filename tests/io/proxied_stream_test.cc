// tests/io/proxied_stream_test.cc — connections by way of a proxy, over real sockets. The proxy is a
// peer of the same loop that says what the test lets it say.

#include "engine/io/proxied_stream.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <tuple>
#include <vector>

#include "engine/io/proxy_header.h"
#include "tests/io/peer.h"

namespace sluice::io {
namespace {

using std::chrono::milliseconds;

template <size_t N>
std::string Octets(const char (&text)[N]) {
  return {text, N - 1};
}

const Endpoint kReceiver = *Endpoint::Parse("192.0.2.1:25");
const IpAddress kFrom = *IpAddress::Parse("198.51.100.9");
const std::string kGranted = Octets("\5\0\0\1\xc6\x33\x64\7\x9c\x40");

// Its answers are sent one at a time, each when something has come.
struct World {
  explicit World(ProxySettings::Kind kind, std::vector<std::string> script = {})
      : answers(std::move(script)) {
    auto made = loop.net().Listen(kAnyPort, [this](Stream* accepted) {
      proxy.stream = accepted;
      return &proxy;
    });
    listener = std::move(made.value());
    proxy.on_read = [this](std::string_view) {
      if (next < answers.size()) proxy.stream->Write(answers[next++]);
    };
    settings = {.kind = kind, .at = listener->bound()};
  }
  ~World() {
    if (client.stream != nullptr) client.stream->Abort();
    RunUntil(loop, [this] { return client.closed.has_value(); });
  }
  void Connect() {
    stream = std::make_unique<ProxiedStream>(loop.net(), settings, ConnectParams{kReceiver, kFrom},
                                             &client);
    client.stream = stream.get();
  }
  bool Run(const std::function<bool()>& so) { return RunUntil(loop, so); }
  std::string name() const { return stream->proxy_name(); }

  UvLoop loop;
  std::unique_ptr<Listener> listener;
  std::vector<std::string> answers;
  size_t next = 0;
  ProxySettings settings;
  Peer client, proxy;
  std::unique_ptr<ProxiedStream> stream;
};

constexpr auto kSocks5 = ProxySettings::Kind::kSocks5;
constexpr auto kProxyV2 = ProxySettings::Kind::kProxyV2;

TEST(ProxiedStream, OpensWhenTheSocksProxyHasConnected) {
  World world(kSocks5, {Octets("\5\0"), kGranted + "220 hello\r\n"});
  world.Connect();
  EXPECT_EQ(world.client.stream->Write("too soon"), 0u);
  ASSERT_TRUE(world.Run([&] { return !world.client.got.empty(); }));
  EXPECT_TRUE(world.client.connected);
  EXPECT_EQ(world.client.got, "220 hello\r\n");
  EXPECT_EQ(world.stream->local().ToString(), "198.51.100.7:40000");
  EXPECT_EQ(world.stream->peer(), kReceiver);
  world.client.stream->Write("EHLO me\r\n");
  ASSERT_TRUE(world.Run([&] { return world.proxy.got.ends_with("EHLO me\r\n"); }));
  world.proxy.stream->Close();
  ASSERT_TRUE(world.Run([&] { return world.client.eof; }));
  world.client.stream->Close();
  ASSERT_TRUE(world.Run([&] { return world.client.closed.has_value(); }));
  EXPECT_EQ(world.client.closed->reason, CloseReason::kPeerClosed);
}

TEST(ProxiedStream, BeginsWithTheHeaderOfProxyV2) {
  World world(kProxyV2, {"220 hello\r\n"});
  world.Connect();
  ASSERT_TRUE(world.Run([&] { return !world.client.got.empty(); }));
  EXPECT_TRUE(world.client.connected);
  EXPECT_EQ(world.client.got, "220 hello\r\n");
  EXPECT_EQ(world.proxy.got, ProxyHeaderV2({kFrom, world.proxy.stream->peer().port}, kReceiver));
  EXPECT_EQ(world.stream->local(), (Endpoint{kFrom, 0}));
}

TEST(ProxiedStream, SaysThatTheProxyRefusesTheConnection) {
  World world(kSocks5);
  world.listener.reset();
  world.Connect();
  ASSERT_TRUE(world.Run([&] { return world.client.closed.has_value(); }));
  EXPECT_EQ(world.client.closed->reason, CloseReason::kProxyFailed);
  EXPECT_EQ(world.client.closed->detail, world.name() + ": connection refused");
  EXPECT_EQ(world.name(), "SOCKS5 proxy " + world.settings.at.ToString());
}

TEST(ProxiedStream, TellsAFaultOfTheProxyFromOneOfTheReceiver) {
  for (const auto& [reply, reason, words] :
       {std::tuple(Octets("\5\5"), CloseReason::kRefused,
                   " says of the way to the receiver: connection refused"),
        std::tuple(Octets("\5\2"), CloseReason::kProxyFailed,
                   " is not allowed to connect there by its own rules")}) {
    World world(kSocks5, {Octets("\5\0"), reply});
    world.Connect();
    ASSERT_TRUE(world.Run([&] { return world.client.closed.has_value(); }));
    EXPECT_FALSE(world.client.connected);
    EXPECT_EQ(world.client.closed->reason, reason);
    EXPECT_EQ(world.client.closed->detail, world.name() + words);
  }
}

TEST(ProxiedStream, SaysThatTheProxyHangsUpWithoutAnAnswer) {
  World world(kSocks5);
  world.proxy.on_read = [&](std::string_view) { world.proxy.stream->Close(); };
  world.Connect();
  ASSERT_TRUE(world.Run([&] { return world.client.closed.has_value(); }));
  EXPECT_EQ(world.client.closed->reason, CloseReason::kProxyFailed);
  EXPECT_EQ(world.client.closed->detail, world.name() + " closes without an answer");
}

TEST(ProxiedStream, KnowsWhoIsWaitedFor) {
  World world(kSocks5, {Octets("\5\0")});
  world.Connect();
  EXPECT_TRUE(world.stream->waits_for_proxy());
  ASSERT_TRUE(world.Run([&] { return !world.stream->waits_for_proxy(); }));
  EXPECT_FALSE(world.client.connected);
  EXPECT_EQ(world.next, 1u);  // it is asked for the receiver now
}

TEST(ProxiedStream, CanBeEndedInEveryState) {
  for (const size_t answered : {0, 1, 2}) {
    for (const bool at_once : {false, true}) {
      World world(kSocks5);
      world.answers = {Octets("\5\0"), kGranted};
      world.answers.resize(answered);
      world.Connect();
      if (answered == 2) {
        ASSERT_TRUE(world.Run([&] { return world.client.connected; }));
      } else {
        RunFor(world.loop, milliseconds(5));
      }
      if (at_once) {
        world.client.stream->Abort();
      } else {
        world.client.stream->Close();
      }
      EXPECT_EQ(world.client.stream->Write("gone"), 4u);
      ASSERT_TRUE(world.Run([&] { return world.client.closed.has_value(); }));
      EXPECT_EQ(world.client.closed->reason, CloseReason::kLocal);
      EXPECT_EQ(world.client.got, "");
    }
  }
}

TEST(ProxiedStream, DeliversNothingAfterAnEndInsideOnConnected) {
  World world(kSocks5, {Octets("\5\0"), kGranted + "220 hello\r\n"});
  world.client.on_connected = [&] { world.client.stream->Abort(); };
  world.Connect();
  ASSERT_TRUE(world.Run([&] { return world.client.closed.has_value(); }));
  EXPECT_EQ(world.client.got, "");
}

TEST(ProxiedStream, MayBeReplacedInsideItsLastEvent) {
  World world(kSocks5);
  world.listener.reset();
  int attempts = 1;
  world.client.on_closed = [&] {
    if (attempts == 3) return;
    ++attempts;
    world.client.closed.reset();
    world.Connect();
  };
  world.Connect();
  ASSERT_TRUE(world.Run([&] { return world.client.closed.has_value(); }));
  EXPECT_EQ(attempts, 3);
  EXPECT_EQ(world.client.closed->reason, CloseReason::kProxyFailed);
}

TEST(ProxiedStream, CarriesTlsThroughTheProxy) {
  World world(kProxyV2);
  const TempDir dir;
  ASSERT_TRUE(WriteSelfSigned(dir.File("cert"), dir.File("key"), "mx.example.org"));
  const auto server = world.loop.net().MakeTlsServer(dir.File("cert"), dir.File("key")).value();
  const auto client = world.loop.net().MakeTlsClient();
  world.Connect();
  ASSERT_TRUE(world.Run([&] { return world.proxy.got.size() == 28; }));  // the header
  world.proxy.stream->StartTlsServer(server);
  world.client.stream->StartTlsClient({client, "mx.example.org"});
  ASSERT_TRUE(world.Run([&] { return world.client.tls && world.proxy.tls; }));
  world.client.stream->Write("EHLO me\r\n");
  ASSERT_TRUE(world.Run([&] { return world.proxy.got.ends_with("EHLO me\r\n"); }));
}

}  // namespace
}  // namespace sluice::io
