// Routes: every RouteFault, implicit and null MX, aliases, IDNA, loops, filtered addresses, sites.
// Method: a scripted DNS and a manual clock below the real router.

#include "dns/mx_router.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "tests/dns/mx_router_fixture.h"

namespace sluice::dns {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::UnorderedElementsAre;

TEST_F(MxRouterTest, FindsHostsInOrderOfPreference) {
  dns_.AddMx("example.com", {{20, "mx2.example.com"}, {10, "mx1.example.com"}});
  dns_.AddA("mx1.example.com", "8.8.8.1");
  dns_.AddA("mx2.example.com", "8.8.8.2");
  const MxRoute route = Find("Example.COM.");
  EXPECT_EQ(route.fault, RouteFault::kNone);
  EXPECT_THAT(Names(route), ElementsAre("mx1.example.com", "mx2.example.com"));
  EXPECT_EQ(route.site, "mx[1-2].example.com");
  EXPECT_EQ(route.hosts[0].port, 25);
  EXPECT_EQ(route.expires, clock_.Now() - 25s + 1ms + 300s);
}

TEST_F(MxRouterTest, AnswersInsideTheCallFromTheCache) {
  dns_.AddMx("example.com", {{10, "mx1.example.com"}});
  dns_.AddA("mx1.example.com", "8.8.8.1");
  Find("example.com");
  const size_t asked = dns_.asked().size();
  bool answered = false;
  router_->Find("example.com", [&](const MxRoute&) { answered = true; });
  EXPECT_TRUE(answered);
  answered = false;
  router_->Addresses("mx1.example.com", [&](const HostAddresses&) { answered = true; });
  EXPECT_TRUE(answered);
  EXPECT_EQ(dns_.asked().size(), asked);
}

TEST_F(MxRouterTest, ShufflesEqualsAnewAtEachFind) {
  dns_.AddMx("example.com", {{10, "a.example.com"}, {10, "b.example.com"}, {20, "c.example.com"}});
  for (const char* host : {"a.example.com", "b.example.com", "c.example.com"})
    dns_.AddA(host, "8.8.8.1");
  std::map<std::string, int> first;
  for (int i = 0; i < 200; ++i) {
    const MxRoute route = Find("example.com");
    ++first[route.hosts[0].name];
    ASSERT_EQ(route.hosts[2].name, "c.example.com");
  }
  EXPECT_GT(first["a.example.com"], 50);
  EXPECT_GT(first["b.example.com"], 50);
}

TEST_F(MxRouterTest, TakesTheDomainItselfWithoutMx) {
  dns_.AddA("example.com", "8.8.8.1");
  const MxRoute route = Find("example.com");
  EXPECT_EQ(route.fault, RouteFault::kNone);
  EXPECT_THAT(Names(route), ElementsAre("example.com"));
  EXPECT_EQ(route.site, "example.com");
}

TEST_F(MxRouterTest, RefusesDomainsThatDoNotExist) {
  const MxRoute route = Find("no.example");
  EXPECT_EQ(route.fault, RouteFault::kNoSuchDomain);
  EXPECT_EQ(route.detail, "MX no.example: NXDOMAIN");
}

TEST_F(MxRouterTest, RefusesTheNullMx) {
  dns_.AddNullMx("null.example");
  EXPECT_EQ(FaultOf("null.example"), RouteFault::kNullMx);
}

TEST_F(MxRouterTest, IgnoresANullMxBesideRealOnes) {
  dns_.AddMx("example.com", {{0, "."}, {10, "mx.example.com"}});
  dns_.AddA("mx.example.com", "8.8.8.1");
  const MxRoute route = Find("example.com");
  EXPECT_THAT(Names(route), ElementsAre("mx.example.com"));
  EXPECT_EQ(route.site, "mx.example.com");
}

TEST_F(MxRouterTest, RefusesADomainWithoutAnyAddress) {
  dns_.AddTxt("txt.example", "no mail here");
  EXPECT_EQ(FaultOf("txt.example"), RouteFault::kNoAddress);
  dns_.AddMx("example.com", {{10, "gone.example.com"}, {20, "gone2.example.com"}});
  const MxRoute route = Find("example.com");
  EXPECT_EQ(route.fault, RouteFault::kNoAddress);
  EXPECT_TRUE(route.hosts.empty());
  EXPECT_THAT(route.detail, HasSubstr("gone.example.com: NXDOMAIN"));
}

TEST_F(MxRouterTest, RetriesWhenTheMissingAddressIsNotDefinite) {
  dns_.AddMx("example.com", {{10, "gone.example.com"}, {20, "sick.example.com"}});
  dns_.SetFailure("sick.example.com", FakeFailure::kServFail);
  const MxRoute route = Find("example.com");
  EXPECT_EQ(route.fault, RouteFault::kTemporary);
  EXPECT_THAT(route.detail, HasSubstr("sick.example.com: SERVFAIL"));
}

TEST_F(MxRouterTest, GoesOnWithTheHostsThatHaveAddresses) {
  dns_.AddMx("example.com", {{10, "sick.example.com"}, {20, "mx.example.com"}});
  dns_.SetFailure("sick.example.com", FakeFailure::kTimeout);
  dns_.AddA("mx.example.com", "8.8.8.1");
  EXPECT_THAT(Names(Find("example.com")), ElementsAre("sick.example.com", "mx.example.com"));
}

TEST_F(MxRouterTest, RetriesWhenServersFail) {
  for (const FakeFailure failure :
       {FakeFailure::kServFail, FakeFailure::kRefused, FakeFailure::kTimeout, FakeFailure::kGarbage,
        FakeFailure::kTruncated, FakeFailure::kWrongName}) {
    dns_.SetFailure("example.com", failure);
    EXPECT_EQ(FaultOf("example.com"), RouteFault::kTemporary);
    clock_.Advance(timers_, 1min);
  }
}

TEST_F(MxRouterTest, KnowsItsOwnNameAtTheBestPreference) {
  dns_.AddMx("example.com", {{10, "mta.example.org"}, {20, "mx.example.com"}});
  dns_.AddA("mx.example.com", "8.8.8.1");
  EXPECT_EQ(FaultOf("example.com"), RouteFault::kLoop);
}

TEST_F(MxRouterTest, CutsItselfAndWorseHosts) {
  dns_.AddMx("example.com", {{10, "mx.example.com"},
                             {20, "mta.example.org"},
                             {20, "b.example.com"},
                             {30, "c.example.com"}});
  for (const char* host : {"mx.example.com", "b.example.com", "c.example.com", "mta.example.org"})
    dns_.AddA(host, "8.8.8.1");
  const MxRoute route = Find("example.com");
  EXPECT_THAT(Names(route), ElementsAre("mx.example.com"));
  EXPECT_THAT(route.site, HasSubstr("mta.example.org"));
}

TEST_F(MxRouterTest, KnowsItsOwnAddressUnderAnotherName) {
  options_.own_addresses = {*IpAddress::Parse("8.8.4.4")};
  Apply();
  dns_.AddMx("loop.example", {{10, "x.example"}});
  dns_.AddA("x.example", "8.8.4.4");
  EXPECT_EQ(FaultOf("loop.example"), RouteFault::kLoop);
  dns_.AddA("plain.example", "8.8.4.4");
  EXPECT_EQ(FaultOf("plain.example"), RouteFault::kLoop);
  dns_.AddMx("backup.example", {{10, "y.example"}, {20, "x.example"}});
  dns_.AddA("y.example", "8.8.8.8");
  EXPECT_THAT(Names(Find("backup.example")), ElementsAre("y.example"));
  EXPECT_EQ(FaultOf("[8.8.4.4]"), RouteFault::kLoop);
}

TEST_F(MxRouterTest, RefusesSpecialAddressesUnlessAllowed) {
  dns_.AddMx("inside.example", {{10, "mx.inside.example"}});
  dns_.AddA("mx.inside.example", "127.0.0.1");
  dns_.AddA("mx.inside.example", "10.1.2.3");
  const MxRoute refused = Find("inside.example");
  EXPECT_EQ(refused.fault, RouteFault::kForbidden);
  EXPECT_THAT(refused.detail, HasSubstr("private or reserved"));
  EXPECT_EQ(Addresses("mx.inside.example").fault, RouteFault::kForbidden);
  EXPECT_EQ(FaultOf("[127.0.0.1]"), RouteFault::kForbidden);
  options_.allow_special = true;
  Apply();
  EXPECT_EQ(FaultOf("inside.example"), RouteFault::kNone);
  EXPECT_THAT(Texts(Addresses("mx.inside.example")), UnorderedElementsAre("127.0.0.1", "10.1.2.3"));
  EXPECT_EQ(FaultOf("[127.0.0.1]"), RouteFault::kNone);
}

TEST_F(MxRouterTest, UsesThePublicAddressesOfAMixedHost) {
  dns_.AddMx("example.com", {{10, "mx.example.com"}});
  dns_.AddA("mx.example.com", "127.0.0.1");
  dns_.AddA("mx.example.com", "8.8.8.1");
  EXPECT_EQ(FaultOf("example.com"), RouteFault::kNone);
  EXPECT_THAT(Texts(Addresses("mx.example.com")), ElementsAre("8.8.8.1"));
}

TEST_F(MxRouterTest, NeverTakesTheUnspecifiedAddress) {
  options_.allow_special = true;
  Apply();
  dns_.AddA("zero.example", "0.0.0.0");
  EXPECT_EQ(FaultOf("zero.example"), RouteFault::kNoAddress);
  EXPECT_EQ(FaultOf("[0.0.0.0]"), RouteFault::kForbidden);
}

TEST_F(MxRouterTest, DoesNotTakeAnAddressWrittenAsAnMxHost) {
  dns_.AddMx("example.com", {{10, "127.0.0.1"}});
  EXPECT_EQ(FaultOf("example.com"), RouteFault::kNoAddress);
}

TEST_F(MxRouterTest, TakesHostsThatTheConfigurationNames) {
  dns_.AddA("relay.example", "10.0.0.1");
  std::optional<HostAddresses> out;
  router_->ConfiguredAddresses("relay.example", [&](const HostAddresses& a) { out = a; });
  clock_.Advance(timers_, 1s);
  EXPECT_THAT(Texts(*out), ElementsAre("10.0.0.1"));
  router_->ConfiguredAddresses("127.0.0.1", [&](const HostAddresses& a) { out = a; });
  EXPECT_THAT(Texts(*out), ElementsAre("127.0.0.1"));
}

TEST_F(MxRouterTest, FollowsAliasesOfTheDomainAndOfMxHosts) {
  dns_.AddCname("alias.example", "example.com");
  dns_.AddMx("example.com", {{10, "mx.example.com"}});
  dns_.AddCname("mx.example.com", "real.example.com");
  dns_.AddA("real.example.com", "8.8.8.1");
  const MxRoute route = Find("alias.example");
  EXPECT_EQ(route.fault, RouteFault::kNone);
  EXPECT_THAT(Names(route), ElementsAre("mx.example.com"));
  EXPECT_EQ(route.site, Find("example.com").site);
  EXPECT_THAT(Texts(Addresses("mx.example.com")), ElementsAre("8.8.8.1"));
}

TEST_F(MxRouterTest, FollowsAnAliasToAnImplicitMx) {
  dns_.AddCname("alias.example", "host.example.com");
  dns_.AddA("host.example.com", "8.8.8.1");
  const MxRoute route = Find("alias.example");
  EXPECT_THAT(Names(route), ElementsAre("host.example.com"));
  EXPECT_EQ(route.site, "host.example.com");
}

TEST_F(MxRouterTest, TakesUnicodeDomains) {
  dns_.AddMx("xn--bcher-kva.example", {{10, "mx.example.com"}});
  dns_.AddA("mx.example.com", "8.8.8.1");
  EXPECT_EQ(FaultOf("b\xc3\xbc"
                    "cher.example"),
            RouteFault::kNone);
}

TEST_F(MxRouterTest, RefusesWhatIsNoDomain) {
  for (const char* domain : {"", "a..b", "1.2.3.4", "ex ample.com", "\xff.com", "[1.2.3]"})
    EXPECT_EQ(FaultOf(domain), RouteFault::kMalformed) << domain;
  EXPECT_TRUE(dns_.asked().empty());
}

TEST_F(MxRouterTest, RoutesAddressLiterals) {
  const MxRoute route = Find("[8.8.8.8]");
  EXPECT_EQ(route.fault, RouteFault::kNone);
  EXPECT_THAT(Names(route), ElementsAre("8.8.8.8"));
  EXPECT_EQ(route.site, "8.8.8.8");
  EXPECT_THAT(Texts(Addresses("8.8.8.8")), ElementsAre("8.8.8.8"));
  EXPECT_EQ(FaultOf("[IPv6:2606:4700::1]"), RouteFault::kNoAddress);
}

TEST_F(MxRouterTest, PutsIpv6FirstOnlyWhereItIsOn) {
  dns_.AddMx("example.com", {{10, "mx.example.com"}});
  dns_.AddA("mx.example.com", "8.8.8.1");
  dns_.AddA("mx.example.com", "8.8.8.2");
  dns_.AddAaaa("mx.example.com", "2606:4700::1");
  Find("example.com");
  EXPECT_THAT(Texts(Addresses("mx.example.com")), UnorderedElementsAre("8.8.8.1", "8.8.8.2"));
  EXPECT_EQ(dns_.CountAsked("AAAA mx.example.com"), 0u);
  options_.ipv6 = true;
  Apply();
  const std::vector<std::string> texts = Texts(Addresses("mx.example.com"));
  ASSERT_EQ(texts.size(), 3u);
  EXPECT_EQ(texts[0], "2606:4700::1");
}

TEST_F(MxRouterTest, DoesNotTakeAMappedAddressFromAaaa) {
  options_.ipv6 = true;
  options_.allow_special = true;
  Apply();
  dns_.AddAaaa("mapped.example", "::ffff:8.8.8.8");
  EXPECT_EQ(FaultOf("mapped.example"), RouteFault::kNoAddress);
}

TEST_F(MxRouterTest, UsesThePortOfTheOptionsButNotInTheSite) {
  options_.port = 2525;
  Apply();
  dns_.AddMx("example.com", {{10, "mx.example.com"}});
  dns_.AddA("mx.example.com", "8.8.8.1");
  const MxRoute route = Find("example.com");
  EXPECT_EQ(route.hosts[0].port, 2525);
  EXPECT_EQ(route.site, "mx.example.com");
}

TEST_F(MxRouterTest, AsksOnceForManyFindsOfOneDomain) {
  dns_.AddMx("example.com", {{10, "mx.example.com"}});
  dns_.AddA("mx.example.com", "8.8.8.1");
  int answers = 0;
  for (int i = 0; i < 100; ++i) router_->Find("example.com", [&](const MxRoute&) { ++answers; });
  clock_.Advance(timers_, 1s);
  EXPECT_EQ(answers, 100);
  EXPECT_THAT(dns_.asked(), ElementsAre("MX example.com", "A mx.example.com"));
}

TEST_F(MxRouterTest, GivesEqualSetsOneSite) {
  for (const char* domain : {"one.example", "two.example"}) {
    dns_.AddMx(domain, {{10, "mx1.host.example"}, {20, "mx2.host.example"}});
  }
  dns_.AddA("mx1.host.example", "8.8.8.1");
  dns_.AddA("mx2.host.example", "8.8.8.2");
  EXPECT_EQ(Find("one.example").site, Find("two.example").site);
}

}  // namespace
}  // namespace sluice::dns
