// The one place that decides what TLS a connection must have: what wins over what, and which
// connection may carry what.

#include "engine/delivery/tls_policy.h"

#include <gtest/gtest.h>

#include <string>

namespace sluice::engine {
namespace {

using config::RouteTls;
using dns::DaneState;

constexpr const char* kHost = "mx.example.net";

std::shared_ptr<const dns::StsPolicy> Sts(dns::StsMode mode,
                                          std::vector<std::string> mx = {kHost}) {
  return std::make_shared<const dns::StsPolicy>(
      dns::StsPolicy{.mode = mode, .max_age = 86400, .mx = std::move(mx)});
}

dns::HostDane Dane(DaneState state) {
  dns::HostDane dane;
  dane.state = state;
  if (state == DaneState::kUsable) {
    dane.base = "target.example.net";
    dane.names = {"target.example.net", kHost};
    dane.records = {{3, 1, 1, std::string(32, 'x')}};
  }
  return dane;
}

TlsRule RuleOf(const DomainTls& wanted, DaneState dane) {
  return PlanTls(wanted, Dane(dane), kHost, false).rule;
}

TEST(TlsPolicy, TheStrongestThatAppliesWins) {
  const auto enforce = Sts(dns::StsMode::kEnforce);
  const auto testing = Sts(dns::StsMode::kTesting);
  struct Case {
    RouteTls route;
    std::shared_ptr<const dns::StsPolicy> sts;
    DaneState dane;
    TlsRule rule;
  };
  const Case cases[] = {
      {RouteTls::kOpportunistic, {}, DaneState::kInsecure, TlsRule::kOpportunistic},
      {RouteTls::kOpportunistic, {}, DaneState::kNone, TlsRule::kOpportunistic},
      {RouteTls::kOpportunistic, {}, DaneState::kUsable, TlsRule::kDane},
      {RouteTls::kOpportunistic, {}, DaneState::kUnusable, TlsRule::kDaneUnusable},
      {RouteTls::kOpportunistic, testing, DaneState::kNone, TlsRule::kStsTesting},
      {RouteTls::kOpportunistic, testing, DaneState::kUnusable, TlsRule::kDaneUnusable},
      {RouteTls::kOpportunistic, enforce, DaneState::kNone, TlsRule::kSts},
      {RouteTls::kOpportunistic, enforce, DaneState::kUnusable, TlsRule::kSts},
      {RouteTls::kOpportunistic, enforce, DaneState::kUsable, TlsRule::kDane},
      {RouteTls::kOff, {}, DaneState::kNone, TlsRule::kOff},
      {RouteTls::kOff, testing, DaneState::kNone, TlsRule::kOff},
      {RouteTls::kOff, enforce, DaneState::kNone, TlsRule::kSts},
      {RouteTls::kOff, {}, DaneState::kUsable, TlsRule::kDane},
      {RouteTls::kOff, {}, DaneState::kUnusable, TlsRule::kDaneUnusable},
      {RouteTls::kRequired, {}, DaneState::kNone, TlsRule::kRequired},
      {RouteTls::kRequired, testing, DaneState::kNone, TlsRule::kRequired},
      {RouteTls::kRequired, enforce, DaneState::kNone, TlsRule::kSts},
      {RouteTls::kVerified, {}, DaneState::kNone, TlsRule::kVerified},
      {RouteTls::kVerified, {}, DaneState::kUnusable, TlsRule::kVerified},
      {RouteTls::kVerified, {}, DaneState::kUsable, TlsRule::kDane},
  };
  for (const Case& c : cases)
    EXPECT_EQ(RuleOf({"example.net", c.route, c.sts}, c.dane), c.rule)
        << int(c.route) << " " << int(c.dane) << " " << NameOf(c.rule);
}

TEST(TlsPolicy, DaneNamesTheHostAndTheDomain) {
  const TlsPlan plan = PlanTls({"example.net"}, Dane(DaneState::kUsable), kHost, true);
  EXPECT_TRUE(plan.must && plan.use_tls);
  EXPECT_FALSE(plan.domains_own);
  EXPECT_EQ(plan.server_name, "target.example.net");
  EXPECT_EQ(plan.names, (std::vector<std::string>{"target.example.net", kHost, "example.net"}));
  EXPECT_EQ(plan.tlsa.size(), 1u);
}

TEST(TlsPolicy, AFailedTlsaLookupForbidsTheHostWhateverElseHolds) {
  for (const RouteTls route : {RouteTls::kOff, RouteTls::kVerified, RouteTls::kOpportunistic}) {
    const TlsPlan plan = PlanTls({"example.net", route}, Dane(DaneState::kFailed), kHost, false);
    EXPECT_FALSE(plan.refusal.empty());
    EXPECT_FALSE(plan.domains_own);
  }
}

TEST(TlsPolicy, AHostOutsideTheEnforcedPolicyIsForbiddenForThatDomain) {
  const DomainTls wanted{"example.net", RouteTls::kOpportunistic,
                         Sts(dns::StsMode::kEnforce, {"*.example.org"})};
  const TlsPlan plan = PlanTls(wanted, Dane(DaneState::kNone), kHost, false);
  EXPECT_NE(plan.refusal.find("not in the MTA-STS policy of example.net"), std::string::npos);
  EXPECT_TRUE(plan.domains_own);
}

TEST(TlsPolicy, OnlyWhatIsNotDemandedGivesWayToABrokenStartTls) {
  for (const auto& [route, use] :
       {std::pair(RouteTls::kOpportunistic, false), std::pair(RouteTls::kRequired, true),
        std::pair(RouteTls::kVerified, true), std::pair(RouteTls::kOff, false)})
    EXPECT_EQ(PlanTls({"example.net", route}, Dane(DaneState::kNone), kHost, true).use_tls, use);
  EXPECT_TRUE(PlanTls({"example.net"}, Dane(DaneState::kUnusable), kHost, true).use_tls);
}

TEST(TlsPolicy, AStricterConnectionCarriesLaxerMailAndNotTheOtherWayRound) {
  const auto enforce = Sts(dns::StsMode::kEnforce);
  const auto elsewhere = Sts(dns::StsMode::kEnforce, {"mx.example.org"});
  const auto testing = Sts(dns::StsMode::kTesting);
  const DomainTls lax{"lax.example"};
  const DomainTls off{"off.example", RouteTls::kOff};
  const DomainTls noted{"noted.example", RouteTls::kOpportunistic, testing};
  const DomainTls required{"required.example", RouteTls::kRequired};
  const DomainTls verified{"verified.example", RouteTls::kVerified};
  const DomainTls strict{"strict.example", RouteTls::kOpportunistic, enforce};
  const DomainTls other{"other.example", RouteTls::kOpportunistic, elsewhere};
  const auto facts = [](TlsRule rule, bool on, io::TlsProof proof) {
    return TlsFacts{rule, "first.example", kHost, on, proof, ""};
  };
  const auto carried = [&](const TlsFacts& made) {
    std::string out;
    for (const DomainTls* wanted : {&lax, &off, &noted, &required, &verified, &strict, &other})
      if (Suffices(made, *wanted)) out += wanted->domain.substr(0, wanted->domain.find('.')) + " ";
    return out;
  };
  EXPECT_EQ(carried(facts(TlsRule::kOpportunistic, false, io::TlsProof::kNone)), "lax off noted ");
  EXPECT_EQ(carried(facts(TlsRule::kOpportunistic, true, io::TlsProof::kNone)),
            "lax off noted required ");
  EXPECT_EQ(carried(facts(TlsRule::kStsTesting, true, io::TlsProof::kNone)),
            "lax off noted required ");
  EXPECT_EQ(carried(facts(TlsRule::kSts, true, io::TlsProof::kPkix)),
            "lax off noted required verified strict ");
  EXPECT_EQ(carried(facts(TlsRule::kDane, true, io::TlsProof::kDaneEe)),
            "lax off noted required verified strict other ");
  // A trust anchor: perhaps the name that matched was the first domain's.
  const TlsFacts anchored = facts(TlsRule::kDane, true, io::TlsProof::kDaneTa);
  EXPECT_EQ(carried(anchored), "");
  EXPECT_TRUE(Suffices(anchored, {"first.example", RouteTls::kVerified}));
}

TEST(TlsPolicy, SaysTheRuleAndWhatWasFound) {
  TlsFacts facts{TlsRule::kDane, "d", kHost, true, io::TlsProof::kDaneEe, ""};
  EXPECT_EQ(DescribeTls(TlsRule::kDane, facts), "dane dane-ee");
  facts.proof = io::TlsProof::kPkix;
  EXPECT_EQ(DescribeTls(TlsRule::kSts, facts), "mta-sts pkix");
  EXPECT_EQ(DescribeTls(TlsRule::kOpportunistic, facts), "opportunistic pkix");
  facts = {TlsRule::kStsTesting, "d", kHost, true, io::TlsProof::kNone, "self-signed certificate"};
  EXPECT_EQ(DescribeTls(TlsRule::kStsTesting, facts),
            "mta-sts-testing failed: self-signed certificate");
  facts.on = false;
  EXPECT_EQ(DescribeTls(TlsRule::kStsTesting, facts), "mta-sts-testing failed: no TLS");
  EXPECT_EQ(DescribeTls(TlsRule::kOff, facts), "off");
}

TEST(TlsPolicy, OnlyDomainsWithTheSameWishesShareATransaction) {
  const auto enforce = Sts(dns::StsMode::kEnforce);
  EXPECT_TRUE(Alike({"a"}, {"b"}));
  EXPECT_TRUE(Alike({"a", RouteTls::kRequired}, {"b", RouteTls::kRequired}));
  EXPECT_FALSE(Alike({"a", RouteTls::kRequired}, {"b"}));
  EXPECT_FALSE(Alike({"a", RouteTls::kOpportunistic, enforce}, {"b"}));
  EXPECT_FALSE(Alike({"a", RouteTls::kOpportunistic, enforce},
                     {"b", RouteTls::kOpportunistic, Sts(dns::StsMode::kEnforce)}));
}

}  // namespace
}  // namespace sluice::engine
