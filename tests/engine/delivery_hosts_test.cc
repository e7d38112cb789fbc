// Goal: a Delivery walks the hosts of a route, with TLS where it is offered (protocol.md 11, 15,
// 16). Method: scripted hosts in virtual time (fake_net.h); what the owner is told is compared as
// text.

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "engine/delivery/delivery.h"
#include "tests/engine/delivery_world.h"

namespace sluice::engine {
namespace {

using std::chrono::seconds;
using testing::DeliveryWorld;
using testing::FakeHost;
using testing::kA;
using testing::kB;
using testing::kC;

TEST(Delivery, WalksToTheNextHostWhenOneIsRefusedSilentOrBroken) {
  DeliveryWorld world;
  world.net.At(kA).connect = FakeHost::Connect::kRefuse;
  world.net.At(kB).connect = FakeHost::Connect::kSilent;
  world.Hosts({kA, kB, kC});
  EXPECT_EQ(world.Finish(DeliveryWorld::MakeJob(1, 1)), "1/0 dot 250 2.0.0; closed");
  EXPECT_EQ(world.net.attempts, (std::vector<std::string>{kA, kB, kC}));
}

TEST(Delivery, NeverBouncesByAGreetingAndTriesTheNextHost) {
  for (const char* greeting : {"554 5.7.1 no service here\r\n", "450 later\r\n", "421 later\r\n",
                               "garbage\r\n", "drop", "silence"}) {
    DeliveryWorld world;
    world.net.At(kA).greeting = greeting;
    world.Hosts({kA, kB});
    EXPECT_EQ(world.Finish(DeliveryWorld::MakeJob(1, 1)), "1/0 dot 250 2.0.0; closed") << greeting;
  }
}

TEST(Delivery, TriesTheNextHostWhenEhloIsRefusedAfterHelo) {  // protocol.md 11
  for (const char* refusal : {"550 5.7.1 no", "421 4.3.2 no", "450 later"}) {
    DeliveryWorld world;
    world.net.At(kA).replies["EHLO"] = {"500 what"};
    world.net.At(kA).replies["HELO"] = {refusal};
    world.Hosts({kA, kB});
    EXPECT_EQ(world.Finish(DeliveryWorld::MakeJob(1, 1)), "1/0 dot 250 2.0.0; closed") << refusal;
    EXPECT_EQ(world.net.attempts, (std::vector<std::string>{kA, kB}));
    EXPECT_EQ(world.net.At(kA).commands,
              (std::vector<std::string>{"EHLO out.example", "HELO out.example"}));
  }
}

TEST(Delivery, EndsTheRoundWhenTheHostSpeaksOfRateListsOrGreylisting) {
  for (const char* greeting :
       {"421 4.7.0 Too many connections from your IP\r\n", "554 IP is on a blocklist\r\n",
        "450 4.7.1 greylisted\r\n", "421 4.7.28 unusual rate of mail\r\n"}) {
    DeliveryWorld world;
    world.net.At(kA).greeting = greeting;
    world.Hosts({kA, kB});
    const std::string log = world.Finish(DeliveryWorld::MakeJob(1, 2));
    EXPECT_TRUE(log.starts_with("1 returned 0,1 greeting ")) << log;
    EXPECT_EQ(world.net.attempts.size(), 1u);
  }
}

TEST(Delivery, ReturnsTheJobWhenAllHostsFail) {
  DeliveryWorld world;
  world.net.At(kA).connect = FakeHost::Connect::kRefuse;
  world.net.At(kB).connect = FakeHost::Connect::kSilent;
  world.Hosts({kA, kB});
  EXPECT_EQ(world.Finish(DeliveryWorld::MakeJob(1, 2)),
            "1 returned 0,1 connect timeout after 2; closed");
}

TEST(Delivery, TriesAtMostFiveAddressesAndTwoSessions) {
  DeliveryWorld many;
  for (int i = 1; i <= 7; ++i) {
    const std::string host = "192.0.2." + std::to_string(i) + ":25";
    many.net.At(host).connect = FakeHost::Connect::kRefuse;
    many.Hosts({host});
  }
  EXPECT_EQ(many.Finish(DeliveryWorld::MakeJob(1, 1)),
            "1 returned 0 connect refused after 5; closed");
  DeliveryWorld sessions;
  for (const char* host : {kA, kB, kC}) sessions.net.At(host).greeting = "554 no\r\n";
  sessions.Hosts({kA, kB, kC});
  EXPECT_EQ(sessions.Finish(DeliveryWorld::MakeJob(1, 1)),
            "1 returned 0 greeting 554 after 2; closed");
}

TEST(Delivery, AsksDnsForNamesOneHostAtATime) {
  for (const bool at_once : {true, false}) {
    DeliveryWorld world;
    world.router.at_once = at_once;
    world.path.hosts = {
        {"mx0.example.net", 5, 25}, {"mx1.example.net", 10, 25}, {"mx2.example.net", 20, 25}};
    world.router.answers["mx1.example.net"] = {*IpAddress::Parse("192.0.2.1"),
                                               *IpAddress::Parse("2001:db8::1")};
    world.router.answers["mx2.example.net"] = {*IpAddress::Parse("192.0.2.2")};
    world.path.address = IpAddress::Parse("198.51.100.1");  // IPv4 only
    world.net.At(kA).connect = FakeHost::Connect::kRefuse;
    EXPECT_EQ(world.Finish(DeliveryWorld::MakeJob(1, 1)), "1/0 dot 250 2.0.0; closed");
    EXPECT_EQ(world.net.attempts, (std::vector<std::string>{kA, kB}));
    EXPECT_EQ(world.owner.results[0].host, "mx2.example.net [192.0.2.2]:25");
    EXPECT_FALSE(world.router.configured);
  }
}

TEST(Delivery, AsksForConfiguredHostsByTheirOwnDoor) {
  DeliveryWorld world;
  world.path.configured = true;
  world.path.hosts = {{"localhost", 0, 2525}};
  world.router.answers["localhost"] = {*IpAddress::Parse("127.0.0.1")};
  EXPECT_EQ(world.Finish(DeliveryWorld::MakeJob(1, 1)), "1/0 dot 250 2.0.0; closed");
  EXPECT_TRUE(world.router.configured);
}

TEST(Delivery, ReturnsTheJobWhenNoHostHasAnAddress) {
  DeliveryWorld world;
  world.path.hosts = {{"mx.example.net", 5, 25}};
  EXPECT_EQ(world.Finish(DeliveryWorld::MakeJob(1, 1)),
            "1 returned 0 connect no-address after 0; closed");
}

TEST(Delivery, UsesTlsWhereItIsOffered) {
  DeliveryWorld world(true);
  world.net.At(kA).extensions = "PIPELINING,STARTTLS";
  world.Hosts({kA});
  EXPECT_EQ(world.Finish(DeliveryWorld::MakeJob(1, 1)), "1/0 dot 250 2.0.0; closed");
  EXPECT_EQ(world.owner.results[0].tls, "TLSv1.3 TLS_AES_256_GCM_SHA384");
}

TEST(Delivery, TriesTheSameHostOnceMoreInClearWhenTlsBreaks) {
  const struct {
    FakeHost::Tls tls;
    const char* starttls;  // its reply; empty: 220
  } kCases[] = {{FakeHost::Tls::kBroken, ""},
                {FakeHost::Tls::kStalls, ""},
                {FakeHost::Tls::kGood, "garbage"},
                {FakeHost::Tls::kGood, "drop"},
                {FakeHost::Tls::kGood, "silence"},
                {FakeHost::Tls::kGood, "421 4.3.0 no"},
                {FakeHost::Tls::kGood, "454 4.7.0 not now"}};
  for (const auto& c : kCases) {
    DeliveryWorld world(true);
    FakeHost& host = world.net.At(kA);
    host.extensions = "PIPELINING,STARTTLS";
    host.tls = c.tls;
    if (c.starttls[0] != '\0') host.replies["STARTTLS"].push_back(c.starttls);
    world.Hosts({kA, kB});
    EXPECT_EQ(world.Finish(DeliveryWorld::MakeJob(1, 1)), "1/0 dot 250 2.0.0; closed")
        << c.starttls;
    EXPECT_EQ(world.owner.results[0].tls, "");
    EXPECT_EQ(world.owner.results[0].host, "192.0.2.1 [192.0.2.1]:25");
    EXPECT_EQ(world.memory.size(), 1u);
    // Remembered: the next delivery does not try.
    const size_t before = host.commands.size();
    world.owner.closed = false;
    EXPECT_EQ(world.Finish(DeliveryWorld::MakeJob(2, 1)), "2/0 dot 250 2.0.0; closed");
    for (size_t i = before; i < host.commands.size(); ++i) EXPECT_NE(host.commands[i], "STARTTLS");
  }
}

TEST(Delivery, GoesOnAtTheNextHostWhenOneFailsWithinTheTransaction) {
  for (const char* reply : {"drop", "silence", "garbage", "299"}) {
    if (std::string(reply) == "299") continue;
    DeliveryWorld world;
    world.net.At(kA).extensions = "";
    world.net.At(kA).replies["RCPT"] = {"550 5.1.1 no", reply};
    world.Hosts({kA, kB});
    EXPECT_EQ(world.Finish(DeliveryWorld::MakeJob(1, 3)),
              "1/0 rcpt 550 5.1.1; 1/1 dot 250 2.0.0; 1/2 dot 250 2.0.0; closed")
        << reply;
  }
}

TEST(HostMemory, ForgetsAfterAWhileAndWhenFull) {
  HostMemory memory;
  const Instant start{seconds(1)};
  const Endpoint host = *Endpoint::Parse(kA);
  memory.Remember(host, start);
  EXPECT_TRUE(memory.IsBroken(host, start + seconds(3599)));
  EXPECT_FALSE(memory.IsBroken(host, start + seconds(3600)));
  for (uint32_t i = 0; i <= HostMemory::kEntriesMax; ++i)
    memory.Remember({IpAddress::V4(i), 25}, start);
  EXPECT_EQ(memory.size(), HostMemory::kEntriesMax);
  EXPECT_FALSE(memory.IsBroken({IpAddress::V4(0), 25}, start));
}

TEST(Delivery, UsesOnlyAddressesOfTheFamilyThatItsShapeAllows) {
  for (const config::IpFamily family : {config::IpFamily::kIpv4, config::IpFamily::kIpv6}) {
    DeliveryWorld world;
    world.Hosts({kA, kB});
    Shape shape = PlainShape(world.config());
    shape.ip_family = family;
    world.path.shape = std::make_shared<const Shape>(shape);
    world.Finish(DeliveryWorld::MakeJob(1, 1));
    const size_t tried = family == config::IpFamily::kIpv4 ? 1 : 0;
    EXPECT_EQ(world.net.attempts.size(), tried);
  }
}

}  // namespace
}  // namespace sluice::engine
