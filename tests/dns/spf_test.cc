// SPF: syntax, macros (RFC 7208 7.4's own examples), and what only the limits and faults show.
// Plain verdicts are compared with another evaluator's in spf_peer_test.cc.

#include "dns/spf.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "dns/spf_record.h"
#include "tests/dns/study_fixture.h"

namespace sluice::dns {
namespace {

using ::testing::HasSubstr;

TEST(SpfRecord, ReadsEveryMechanism) {
  const auto record = ParseSpfRecord(
      "v=spf1 ip4:192.0.2.0/24 -ip6:2001:db8::/32 ~a ?mx/30 a:x.test/24//64 mx:y.test//48 "
      "include:z.test exists:%{i}.w.test ptr ptr:p.test redirect=r.test exp=e.test unknown=%{d} "
      " all");
  ASSERT_TRUE(record.has_value()) << record.error().what;
  ASSERT_EQ(record->terms.size(), 11u);
  EXPECT_EQ(record->terms[0].prefix4, 24);
  EXPECT_EQ(record->terms[1].qualifier, '-');
  EXPECT_EQ(record->terms[1].prefix6, 32);
  EXPECT_EQ(record->terms[3].prefix4, 30);
  EXPECT_EQ(record->terms[4].domain, "x.test");
  EXPECT_EQ(record->terms[4].prefix6, 64);
  EXPECT_EQ(record->terms[5].prefix4, 32);
  EXPECT_EQ(record->redirect, "r.test");
  EXPECT_EQ(record->exp, "e.test");
}

TEST(SpfRecord, QuotesTheTermThatIsWrong) {
  for (const char* term :
       {"ip4:1.2.3",       "ip4:1.2.3.4/33",   "ip4",       "ip6:1.2.3.4",  "ip6:::1/129",
        "all:x.test",      "include",          "include:",  "exists",       "a:nodots",
        "a:x.test/33",     "a:1.2.3.4",        "mx/24/64",  "bogus:x.test", "a:%{x}.test",
        "a:%(d).test",     "a:x.%{d0}",        "redirect=", "ipv4:1.2.3.4", "ip4:1.2.3.4,",
        "ip4:1.2.3.4/024", "include:x.test/24"}) {
    const auto record = ParseSpfRecord("v=spf1 " + std::string(term) + " -all");
    ASSERT_FALSE(record.has_value()) << term;
    EXPECT_THAT(record.error().what, HasSubstr(term));
  }
  EXPECT_FALSE(ParseSpfRecord("v=spf1 redirect=a.test redirect=b.test").has_value());
  EXPECT_FALSE(IsSpfRecord("v=spf10"));
  EXPECT_FALSE(IsSpfRecord(" v=spf1"));
  EXPECT_TRUE(IsSpfRecord("V=SPF1"));
}

TEST(SpfRecord, ExpandsMacrosAsTheRfcDoes) {
  const SpfMacros v4{"strong-bad@email.example.com", "email.example.com", Ip("192.0.2.3"),
                     "mx.example.org", "mx.example.org"};
  SpfMacros v6 = v4;
  v6.address = Ip("2001:db8::cb01");
  const std::pair<const char*, const char*> cases[] = {
      {"%{s}", "strong-bad@email.example.com"},
      {"%{o}", "email.example.com"},
      {"%{d4}", "email.example.com"},
      {"%{d1}", "com"},
      {"%{dr}", "com.example.email"},
      {"%{d2r}", "example.email"},
      {"%{l-}", "strong.bad"},
      {"%{lr-}", "bad.strong"},
      {"%{l1r-}", "strong"},
      {"%{ir}.%{v}._spf.%{d2}", "3.2.0.192.in-addr._spf.example.com"},
      {"%{lr-}.lp._spf.%{d2}", "bad.strong.lp._spf.example.com"},
      {"%{ir}.%{v}.%{l1r-}.lp._spf.%{d2}", "3.2.0.192.in-addr.strong.lp._spf.example.com"},
      {"%{d2}.trusted-domains.example.net", "example.com.trusted-domains.example.net"},
      {"%{S}.x.test", "strong-bad%40email.example.com.x.test"},
      {"%%%_%-.x.test", "% %20.x.test"},
  };
  for (const auto& [spec, out] : cases) EXPECT_EQ(ExpandSpfMacros(spec, v4), out) << spec;
  EXPECT_EQ(ExpandSpfMacros("%{ir}.%{v}._spf.%{d2}", v6),
            "1.0.b.c.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6._spf.example.com");
  const std::string longest =
      ExpandSpfMacros(std::string(60, 'a') + ".%{s}.%{s}.%{s}.%{s}.%{s}.%{s}.%{s}.x.test", v4);
  EXPECT_LE(longest.size(), 253u);
  EXPECT_TRUE(longest.ends_with(".x.test"));
}

class Spf : public testing::Test {
 protected:
  SpfVerdict Check(const char* address = "192.0.2.1", const char* domain = "a.test") {
    return world_.Study<SpfVerdict>([&](Facts& facts) {
      return CheckSpf(facts, {Ip(address), domain, std::string("u@") + domain, "helo.test"});
    });
  }
  int Count(const char* domain = "a.test") {
    return world_.Study<int>([&](Facts& facts) { return CountSpfLookups(facts, domain); });
  }
  void Txt(const char* name, const std::string& text) { world_.dns.AddTxt(name, text); }
  StudyWorld world_;
};

TEST_F(Spf, JoinsTheStringsOfALongRecord) {
  std::string record = "v=spf1";
  for (int i = 0; i < 40; ++i) record += " ip4:198.51.100." + std::to_string(i);
  Txt("a.test", record + " ip4:192.0.2.1 -all");
  EXPECT_EQ(Check().result, SpfResult::kPass);
  EXPECT_EQ(Check("192.0.2.2").result, SpfResult::kFail);
}

TEST_F(Spf, RefusesSeveralRecordsAndNamesTheirNumber) {
  Txt("a.test", "v=spf1 -all");
  Txt("a.test", "v=spf1 ip4:192.0.2.1 -all");
  EXPECT_EQ(Check().result, SpfResult::kPermError);
  EXPECT_THAT(Check().why, HasSubstr("2 SPF records"));
}

TEST_F(Spf, EndsLoops) {
  Txt("a.test", "v=spf1 include:b.test -all");
  Txt("b.test", "v=spf1 include:a.test -all");
  EXPECT_EQ(Check().result, SpfResult::kPermError);
  EXPECT_THAT(Check().why, HasSubstr("a.test includes itself"));
  Txt("c.test", "v=spf1 redirect=c.test");
  EXPECT_EQ(Check("192.0.2.1", "c.test").result, SpfResult::kPermError);
}

TEST_F(Spf, TakesTenLookupsAndNoMore) {
  std::string ten = "v=spf1";
  for (int i = 0; i < 10; ++i) {
    const std::string name = "i" + std::to_string(i) + ".test";
    ten += " include:" + name;
    Txt(name.c_str(), "v=spf1 ip4:198.51.100.1 -all");
  }
  Txt("a.test", ten + " ip4:192.0.2.1 -all");
  EXPECT_EQ(Check().result, SpfResult::kPass);
  EXPECT_EQ(Check().lookups, 10);
  world_.dns.AddA("x.test", "198.51.100.1");
  Txt("b.test", ten + " a:x.test ip4:192.0.2.1 -all");
  EXPECT_EQ(Check("192.0.2.1", "b.test").result, SpfResult::kPermError);
  EXPECT_EQ(Count("a.test"), 10);
  EXPECT_EQ(Count("b.test"), 11);
}

TEST_F(Spf, CountsTheWholeCostAlsoBehindAMatch) {
  Txt("a.test", "v=spf1 ip4:192.0.2.1 include:b.test mx exists:%{i}.c.test -all");
  Txt("b.test", "v=spf1 a -all");
  world_.dns.AddA("b.test", "198.51.100.1");
  EXPECT_EQ(Check().lookups, 0);
  EXPECT_EQ(Count(), 4);
}

TEST_F(Spf, TakesTwoLookupsInVain) {
  Txt("a.test", "v=spf1 a:n1.test a:n2.test ip4:192.0.2.1 -all");
  EXPECT_EQ(Check().result, SpfResult::kPass);
  Txt("b.test", "v=spf1 a:n1.test a:n2.test a:n3.test ip4:192.0.2.1 -all");
  EXPECT_EQ(Check("192.0.2.1", "b.test").result, SpfResult::kPermError);
  EXPECT_THAT(Check("192.0.2.1", "b.test").why, HasSubstr("in vain"));
}

TEST_F(Spf, TellsTemporaryFaultsFromPermanentOnes) {
  Txt("a.test", "v=spf1 include:b.test -all");
  world_.dns.SetFailure("b.test", FakeFailure::kTimeout);
  EXPECT_EQ(Check().result, SpfResult::kTempError);
  world_.dns.SetFailure("b.test", FakeFailure::kNone);
  EXPECT_EQ(Check().result, SpfResult::kPermError);  // it has no record
  world_.dns.SetFailure("a.test", FakeFailure::kServFail);
  EXPECT_EQ(Check().result, SpfResult::kTempError);
}

TEST_F(Spf, RefusesElevenMxHosts) {
  std::vector<std::pair<uint16_t, std::string>> hosts;
  for (int i = 0; i < 11; ++i) hosts.emplace_back(10, "mx" + std::to_string(i) + ".test");
  world_.dns.AddMx("a.test", hosts);
  Txt("a.test", "v=spf1 mx -all");
  EXPECT_EQ(Check().result, SpfResult::kPermError);
}

TEST_F(Spf, SurvivesReverseDnsThatFails) {
  Txt("a.test", "v=spf1 ptr ~all");
  world_.dns.SetFailure("1.2.0.192.in-addr.arpa", FakeFailure::kTimeout);
  EXPECT_EQ(Check().result, SpfResult::kSoftFail);
}

}  // namespace
}  // namespace sluice::dns
