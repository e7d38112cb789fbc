// Where TLSA records are looked for and what the answers mean: RFC 7672 2.1 to 2.2.3 as a table.
// Method: a scripted DNS that signs what it is told to, below the real resolver.

#include "dns/tlsa_lookup.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <string>

#include "tests/dns/fake_dns.h"
#include "tests/dns/manual_clock.h"

namespace sluice::dns {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;

class TlsaLookupTest : public testing::Test {
 protected:
  TlsaLookupTest() {
    dns_.SetAuthentic(true);
    dns_.AddA("mx.example.net", "192.0.2.1");
  }
  static std::string Rdata(uint8_t usage, char fill = 'x') {
    return std::string({char(usage), 1, 1}) + std::string(32, fill);
  }
  HostDane Find(const std::string& host = "mx.example.net") {
    std::optional<HostDane> out;
    lookup_.Find(host, 25, [&](const HostDane& dane) { out = dane; });
    if (!out) clock_.Advance(timers_, 25s);
    EXPECT_TRUE(out.has_value());
    return out.value_or(HostDane{});
  }
  DaneState StateOf(const std::string& host = "mx.example.net") { return Find(host).state; }

  ManualClock clock_;
  TimerQueue timers_;
  FakeDns dns_{timers_, clock_};
  Resolver resolver_{dns_, clock_, 1000};
  TlsaLookup lookup_{resolver_};
};

TEST_F(TlsaLookupTest, GivesTheUsableRecordsOfASignedHost) {
  dns_.AddTlsa("_25._tcp.mx.example.net", Rdata(3, 'a'));
  dns_.AddTlsa("_25._tcp.mx.example.net", Rdata(2, 'b'));
  dns_.AddTlsa("_25._tcp.mx.example.net", Rdata(1, 'c'));  // PKIX-EE: nothing for mail
  const HostDane dane = Find();
  EXPECT_EQ(dane.state, DaneState::kUsable);
  EXPECT_EQ(dane.base, "mx.example.net");
  EXPECT_THAT(dane.names, ElementsAre("mx.example.net"));
  EXPECT_EQ(dane.records.size(), 2u);
}

TEST_F(TlsaLookupTest, TellsNoRecordsFromNoPromise) {
  EXPECT_EQ(StateOf(), DaneState::kNone);
  dns_.SetAuthentic(false);
  dns_.AddA("other.example.net", "192.0.2.2");
  EXPECT_EQ(StateOf("other.example.net"), DaneState::kInsecure);
  // An unsigned host's TLSA records are not even asked for.
  EXPECT_EQ(dns_.CountAsked("TLSA _25._tcp.other.example.net"), 0u);
}

TEST_F(TlsaLookupTest, CallsASetOfUnusableRecordsUnusable) {
  dns_.AddTlsa("_25._tcp.mx.example.net", Rdata(0));
  dns_.AddTlsa("_25._tcp.mx.example.net", std::string("\x03\x01", 2));
  dns_.AddTlsa("_25._tcp.mx.example.net", std::string("\x03\x01\x01short", 8));
  EXPECT_EQ(StateOf(), DaneState::kUnusable);
}

TEST_F(TlsaLookupTest, AFailedLookupIsNeverNone) {
  for (const FakeFailure failure : {FakeFailure::kServFail, FakeFailure::kTimeout,
                                    FakeFailure::kRefused, FakeFailure::kGarbage}) {
    dns_.SetFailure("_25._tcp.mx.example.net", failure);
    EXPECT_EQ(StateOf(), DaneState::kFailed) << int(failure);
    clock_.Advance(timers_, 31s);
  }
  dns_.SetFailure("_25._tcp.mx.example.net", FakeFailure::kNone);
  EXPECT_EQ(StateOf(), DaneState::kNone);
  dns_.SetFailure("gone.example.net", FakeFailure::kServFail);
  EXPECT_EQ(StateOf("gone.example.net"), DaneState::kFailed);
}

TEST_F(TlsaLookupTest, IgnoresUnsignedRecordsOfASignedHost) {
  dns_.AddTlsa("_25._tcp.mx.example.net", Rdata(3));
  dns_.SetUnsigned("_tcp.mx.example.net");
  EXPECT_EQ(StateOf(), DaneState::kNone);
}

TEST_F(TlsaLookupTest, PrefersTheTargetOfASecureAlias) {
  dns_.AddCname("alias.example.net", "mx.example.net");
  dns_.AddTlsa("_25._tcp.alias.example.net", Rdata(3, 'a'));
  HostDane dane = Find("alias.example.net");
  EXPECT_EQ(dane.base, "alias.example.net");  // the target has none
  EXPECT_THAT(dane.names, ElementsAre("alias.example.net"));
  dns_.AddTlsa("_25._tcp.mx.example.net", Rdata(3, 'b'));
  clock_.Advance(timers_, 301s);
  dane = Find("alias.example.net");
  EXPECT_EQ(dane.base, "mx.example.net");
  EXPECT_THAT(dane.names, ElementsAre("mx.example.net", "alias.example.net"));
}

TEST_F(TlsaLookupTest, UsesTheNameItselfWhenOnlyItsAliasIsSigned) {
  dns_.AddA("host.unsigned.example", "192.0.2.3");
  dns_.SetUnsigned("unsigned.example");
  dns_.AddCname("alias.example.net", "host.unsigned.example");
  dns_.AddTlsa("_25._tcp.alias.example.net", Rdata(3, 'a'));
  dns_.AddTlsa("_25._tcp.host.unsigned.example", Rdata(3, 'b'));
  const HostDane dane = Find("alias.example.net");
  EXPECT_EQ(dane.state, DaneState::kUsable);
  EXPECT_EQ(dane.base, "alias.example.net");
  EXPECT_EQ(dns_.CountAsked("TLSA _25._tcp.host.unsigned.example"), 0u);
  // And an unsigned alias promises nothing, wherever it leads.
  dns_.AddCname("alias.unsigned.example", "mx.example.net");
  EXPECT_EQ(StateOf("alias.unsigned.example"), DaneState::kInsecure);
}

TEST_F(TlsaLookupTest, AChainOverSeveralAnswersIsAsSecureAsItsWeakestPart) {
  dns_.SetFollowsCnames(false);
  dns_.AddCname("alias.unsigned.example", "mx.example.net");
  dns_.SetUnsigned("unsigned.example");
  dns_.AddTlsa("_25._tcp.mx.example.net", Rdata(3));
  EXPECT_EQ(StateOf("alias.unsigned.example"), DaneState::kInsecure);
}

TEST_F(TlsaLookupTest, FollowsAnAliasOfTheRecordsThemselves) {
  dns_.AddCname("_25._tcp.mx.example.net", "tlsa.example.org");
  dns_.AddTlsa("tlsa.example.org", Rdata(3));
  const HostDane dane = Find();
  EXPECT_EQ(dane.state, DaneState::kUsable);
  EXPECT_EQ(dane.base, "mx.example.net");
}

TEST_F(TlsaLookupTest, AsksByTheAddressesOfIpv6AloneToo) {
  dns_.AddAaaa("six.example.net", "2001:db8::1");
  dns_.AddTlsa("_25._tcp.six.example.net", Rdata(3));
  EXPECT_EQ(StateOf("six.example.net"), DaneState::kUsable);
}

TEST_F(TlsaLookupTest, AnswersInsideTheCallFromTheCacheAndNobodyAfterItsEnd) {
  Find();
  bool inside = false;
  lookup_.Find("mx.example.net", 25, [&](const HostDane&) { inside = true; });
  EXPECT_TRUE(inside);
  bool late = false;
  {
    TlsaLookup short_lived(resolver_);
    short_lived.Find("new.example.net", 25, [&](const HostDane&) { late = true; });
  }
  clock_.Advance(timers_, 25s);
  EXPECT_FALSE(late);
}

}  // namespace
}  // namespace sluice::dns
