// Block lists (design 12.12) and reverse DNS: what each kind of answer means.

#include "dns/dnsbl.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "dns/reverse.h"
#include "tests/dns/study_fixture.h"

namespace sluice::dns {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

class Dnsbl : public testing::Test {
 protected:
  // A list that is alive.
  Dnsbl() { world_.dns.AddA("2.0.0.127.bl.test", "127.0.0.2"); }
  DnsblVerdict Ask(const char* address = "192.0.2.10") {
    return world_.Study<DnsblVerdict>(
        [&](Facts& facts) { return AskDnsbl(facts, "bl.test", Ip(address)); });
  }
  StudyWorld world_;
};

TEST_F(Dnsbl, IsClearOnlyWhenTheListIsAliveAndDoesNotKnowTheAddress) {
  EXPECT_EQ(Ask().listing, Listing::kClear);
  EXPECT_EQ(world_.dns.asked().size(), 3u);  // both test points, then the address
  EXPECT_EQ(world_.dns.asked().back(), "A 10.2.0.192.bl.test");
}

TEST_F(Dnsbl, TellsAListingWithTheListsOwnWords) {
  world_.dns.AddA("10.2.0.192.bl.test", "127.0.0.4");
  world_.dns.AddTxt("10.2.0.192.bl.test", "https://bl.test/why?192.0.2.10");
  const DnsblVerdict verdict = Ask();
  EXPECT_EQ(verdict.listing, Listing::kListed);
  EXPECT_EQ(verdict.what, "127.0.0.4");
  EXPECT_EQ(verdict.reason, "https://bl.test/why?192.0.2.10");
}

TEST_F(Dnsbl, ListsIpv6ByNibbles) {
  world_.dns.AddA("1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.bl.test",
                  "127.0.1.2");
  EXPECT_EQ(Ask("2001:db8::1").listing, Listing::kListed);
}

TEST_F(Dnsbl, TakesNothingBut127_0ForAListing) {
  for (const char* answer : {"127.255.255.254", "127.1.0.2", "198.51.100.7", "126.255.255.255"}) {
    world_.dns.Remove("10.2.0.192.bl.test");
    world_.dns.AddA("10.2.0.192.bl.test", answer);
    const DnsblVerdict verdict = Ask();
    EXPECT_EQ(verdict.listing, Listing::kCannotTell) << answer;
    EXPECT_THAT(verdict.advice, HasSubstr("resolver of your own"));
  }
}

TEST_F(Dnsbl, CannotTellFromTimeoutsAndErrors) {
  for (const FakeFailure failure :
       {FakeFailure::kTimeout, FakeFailure::kServFail, FakeFailure::kRefused}) {
    world_.dns.SetFailure("10.2.0.192.bl.test", failure);
    const DnsblVerdict verdict = Ask();
    EXPECT_EQ(verdict.listing, Listing::kCannotTell);
    EXPECT_THAT(verdict.advice, HasSubstr("resolver of your own"));
  }
}

TEST_F(Dnsbl, DoesNotBelieveAListThatFailsItsTestPoints) {
  world_.dns.AddA("1.0.0.127.bl.test", "127.0.0.2");  // everybody is on it
  world_.dns.AddA("10.2.0.192.bl.test", "127.0.0.2");
  EXPECT_EQ(Ask().listing, Listing::kCannotTell);
  EXPECT_THAT(Ask().advice, HasSubstr("take it out"));
  world_.dns.Remove("1.0.0.127.bl.test");
  world_.dns.Remove("2.0.0.127.bl.test");  // dead
  EXPECT_EQ(Ask().listing, Listing::kCannotTell);
  world_.dns.AddA("2.0.0.127.bl.test", "127.255.255.254");  // it refuses us
  EXPECT_EQ(Ask().listing, Listing::kCannotTell);
  EXPECT_THAT(Ask().what, HasSubstr("refuses"));
  world_.dns.SetFailure("2.0.0.127.bl.test", FakeFailure::kTimeout);
  EXPECT_EQ(Ask().listing, Listing::kCannotTell);
  EXPECT_EQ(world_.dns.CountAsked("A 10.2.0.192.bl.test"), 0u);  // never asked
}

TEST(Reverse, NamesAddressesBothWays) {
  EXPECT_EQ(ReverseName(Ip("192.0.2.10")), "10.2.0.192.in-addr.arpa");
  EXPECT_EQ(ReverseName(Ip("2001:db8::1")),
            "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa");
}

TEST(Reverse, ConfirmsTheNamesThatLeadBack) {
  StudyWorld world;
  world.dns.AddPtr("10.2.0.192.in-addr.arpa", "m1.a.test");
  world.dns.AddPtr("10.2.0.192.in-addr.arpa", "liar.b.test");
  world.dns.AddA("m1.a.test", "192.0.2.10");
  world.dns.AddA("liar.b.test", "192.0.2.99");
  const auto found = world.Study<ReverseNames>(
      [](Facts& facts) { return FindReverseNames(facts, Ip("192.0.2.10")); });
  ASSERT_EQ(found.names.size(), 2u);
  EXPECT_EQ(found.names[0], "m1.a.test");
  EXPECT_TRUE(found.confirmed[0]);
  EXPECT_FALSE(found.confirmed[1]);
  const auto none = world.Study<ReverseNames>(
      [](Facts& facts) { return FindReverseNames(facts, Ip("2001:db8::1")); });
  EXPECT_THAT(none.names, IsEmpty());
  EXPECT_FALSE(none.failed);
}

}  // namespace
}  // namespace sluice::dns
