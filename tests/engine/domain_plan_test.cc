// From a configuration to the records it needs: which, with which values, and the same for good.

#include "engine/domains/domain_plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "dns/reverse.h"
#include "tests/engine/domain_fixture.h"

namespace sluice::engine {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

class DomainPlanTest : public DomainTest {
 protected:
  // "TYPE NAME VALUE" of each record; of keys only how it begins.
  std::vector<std::string> Lines() const {
    std::vector<std::string> out;
    for (const PlannedRecord& record : AllRecords(Plan(), Host()))
      out.push_back(std::string(RoleId(record.role)) + " " + record.name + " " +
                    record.value.substr(0, record.role == Role::kDkim ? 22 : std::string::npos));
    return out;
  }
};

TEST_F(DomainPlanTest, NamesEveryRecordOfTheDomainAndTheMachine) {
  const std::string both = "v=spf1 ip4:9.9.9.1 ip6:2606:4700::1 ";
  EXPECT_THAT(
      Lines(),
      testing::ElementsAre(
          StartsWith("dkim s1._domainkey.example.com v=DKIM1; k=rsa; p=MII"),
          StartsWith("dkim s2._domainkey.example.com v=DKIM1; k=ed25519"),
          "spf example.com " + both + "~all", "dmarc _dmarc.example.com v=DMARC1; p=none",
          "return_path_mx bounces.example.com mta.host.com",
          "return_path_spf bounces.example.com " + both + "-all",
          "hostname_address mta.host.com 9.9.9.1",
          StartsWith("ownership _sluice.example.com sluice-verify="),
          "ehlo_address m1.host.com 9.9.9.1", "reverse_name 1.9.9.9.in-addr.arpa m1.host.com",
          "ehlo_spf m1.host.com v=spf1 ip4:9.9.9.1 -all", "ehlo_address m2.host.com 2606:4700::1",
          "reverse_name " + dns::ReverseName(dns::Ip("2606:4700::1")) + " m2.host.com",
          "ehlo_spf m2.host.com v=spf1 ip6:2606:4700::1 -all"));
}

TEST_F(DomainPlanTest, PlansOneSpfRecordAName) {
  config.sources[0].ehlo = "example.com";
  config.domains[0].return_path = "m2.host.com";
  std::map<std::string, std::set<std::string>> spf;
  for (const PlannedRecord& record : AllRecords(Plan(), Host()))
    if (record.value.starts_with("v=spf1")) spf[record.name].insert(record.value);
  EXPECT_EQ(spf.size(), 2u);
  for (const auto& [name, values] : spf) EXPECT_EQ(values.size(), 1u) << name;
}

TEST_F(DomainPlanTest, TakesTheMachinesAddressWhereNoneIsConfigured) {
  config.sources = {{"default", {}, {}, "mta.host.com"}};
  config.pools = {{"default", {{"default", 1}}}};
  const HostPlan host = Host();
  ASSERT_EQ(host.sources.size(), 1u);
  EXPECT_TRUE(host.sources[0].guessed);
  EXPECT_FALSE(host.sources[0].hidden);
  EXPECT_EQ(host.sources[0].address, dns::Ip("8.8.4.4"));  // public before loopback
}

TEST_F(DomainPlanTest, KnowsPrivateAddressesUnlessAllMailStaysPrivate) {
  config.sources[0].public_address = dns::Ip("10.0.0.1");
  EXPECT_TRUE(Host().sources[0].hidden);
  config.dns.allow_special = true;
  EXPECT_FALSE(Host().sources[0].hidden);
}

TEST_F(DomainPlanTest, RefusesAKeyThatCannotBeRead) {
  config.domains[0].dkim[0].key = "missing.pem";
  const auto plan = PlanDomain(config, config.domains[0], Host());
  ASSERT_FALSE(plan.has_value());
  EXPECT_THAT(plan.error().what, HasSubstr("missing.pem"));
}

TEST(OwnershipToken, StaysTheSameAndTellsTenantsDomainsAndProvidersApart) {
  const std::string token = OwnershipToken("mta1.host.com", "crm", "example.com");
  // Published in DNS by other people: a change of the derivation would unverify all of them.
  EXPECT_EQ(token, OwnershipToken("mta2.host.com", "crm", "example.com"));
  EXPECT_THAT(token, StartsWith("sluice-verify="));
  EXPECT_EQ(token.size(), 46u);
  EXPECT_NE(token, OwnershipToken("mta1.host.com", "shop", "example.com"));
  EXPECT_NE(token, OwnershipToken("mta1.host.com", "crm", "example.org"));
  EXPECT_NE(token, OwnershipToken("mta1.other.com", "crm", "example.com"));
  EXPECT_NE(OwnershipToken("a.com", "xy", "z"), OwnershipToken("a.com", "x", "yz"));
}

}  // namespace
}  // namespace sluice::engine
