// tests/engine/delivery_proxy_test.cc — whose fault it is when a connection cannot be made because
// of our own side: the source's address, or the proxy that it lives behind.

#include <gtest/gtest.h>

#include "engine/delivery/verdict.h"
#include "tests/engine/delivery_world.h"

namespace sluice::testing {
namespace {

constexpr char kProxyAt[] = "10.0.0.5:1080";

using Kind = io::ProxySettings::Kind;

struct ProxiedWorld : DeliveryWorld {
  explicit ProxiedWorld(Kind kind) {
    Hosts({kA, kB});
    path.address = IpAddress::Parse("198.51.100.9");
    path.proxy = io::ProxySettings{.kind = kind, .at = *Endpoint::Parse(kProxyAt)};
  }
  const std::string& text() { return owner.failures.back().last.text; }
};

TEST(DeliveryByProxy, EndsTheRoundWhenTheProxyCannotBeReached) {
  ProxiedWorld world(Kind::kSocks5);
  world.net.At(kProxyAt).connect = FakeHost::Connect::kRefuse;
  EXPECT_EQ(world.Finish(DeliveryWorld::MakeJob(1, 1)),
            "1 returned 0 connect proxy after 1; closed");
  EXPECT_EQ(world.net.attempts, std::vector<std::string>{kProxyAt});
  EXPECT_EQ(world.text(), "SOCKS5 proxy 10.0.0.5:1080: connection refused");
}

TEST(DeliveryByProxy, WaitsForAProxyNoLongerThanForAConnection) {
  ProxiedWorld world(Kind::kSocks5);
  world.net.At(kProxyAt).connect = FakeHost::Connect::kSilent;
  world.Start(DeliveryWorld::MakeJob(1, 1));
  world.loop.Advance(world.config().timeouts.connect + std::chrono::seconds(2));
  EXPECT_EQ(world.Log(), "1 returned 0 connect proxy after 1; closed");
  EXPECT_EQ(world.text(), "SOCKS5 proxy 10.0.0.5:1080: timed out");
}

TEST(DeliveryByProxy, SaysThatAServerThatIsNoProxyIsNone) {
  ProxiedWorld world(Kind::kSocks5);
  EXPECT_EQ(world.Finish(DeliveryWorld::MakeJob(1, 1)),
            "1 returned 0 connect proxy after 1; closed");
  EXPECT_EQ(world.text(), "SOCKS5 proxy 10.0.0.5:1080 does not speak SOCKS5");
}

TEST(DeliveryByProxy, NamesTheProxyWhenNothingComesThroughIt) {
  ProxiedWorld world(Kind::kProxyV2);
  FakeHost& proxy = world.net.At(kProxyAt);
  proxy.greeting = "silence";
  proxy.replies[""] = {"drop", "drop"};  // the header begins with an empty line
  EXPECT_EQ(world.Finish(DeliveryWorld::MakeJob(1, 1)),
            "1 returned 0 greeting lost after 2; closed");
  EXPECT_EQ(world.text(),
            "connection lost before the greeting, through the PROXY v2 proxy 10.0.0.5:1080");
}

TEST(DeliveryByProxy, BlamesTheSourceAndNotTheRecipient) {
  for (const engine::Fault fault : {engine::Fault::kProxy, engine::Fault::kSourceAddress}) {
    Random random(1);
    const config::Retry retry;
    const engine::ReplyRules rules;
    engine::RoundFailure failure;
    failure.last.stage = engine::Stage::kConnect;
    failure.last.fault = fault;
    const engine::Verdict verdict = JudgeRound({retry, rules, random, WallTime()}, failure, {}, {});
    EXPECT_EQ(verdict.outcome, engine::Outcome::kDeferred);
    EXPECT_EQ(verdict.blame, engine::Blame::kSource);
    EXPECT_EQ(verdict.reason, fault == engine::Fault::kProxy ? "proxy_failed" : "source_address");
  }
}

}  // namespace
}  // namespace sluice::testing
