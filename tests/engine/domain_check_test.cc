// What is published exactly is all right; with one record missing, cut, wrong, doubled or beyond
// reach, that one is named, and no other.

#include "engine/domains/domain_check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/domains/spf_advice.h"
#include "tests/engine/domain_fixture.h"

namespace sluice::engine {
namespace {

using ::testing::HasSubstr;

class DomainCheckTest : public DomainTest {
 protected:
  DomainCheckTest() { PublishAll(); }
  Findings Check() {
    const DomainPlan plan = Plan();
    const HostPlan host = Host();
    return world.Study<Findings>([&](dns::Facts& facts) -> std::optional<Findings> {
      auto own = CheckDomain(facts, plan, host);
      auto machine = CheckHost(facts, host);
      if (!own || !machine) return std::nullopt;
      own->insert(own->end(), machine->begin(), machine->end());
      return own;
    });
  }
  // The one finding that is not right.
  Finding TheOne() {
    Findings bad;
    for (const Finding& finding : Check())
      if (finding.judgement != Judgement::kRight) bad.push_back(finding);
    EXPECT_EQ(bad.size(), 1u);
    for (const Finding& finding : bad)
      if (bad.size() > 1) ADD_FAILURE() << finding.name << ": " << finding.what;
    return bad.empty() ? Nothing() : bad.front();
  }
  static Finding Nothing() { return {Role::kDkim, Judgement::kRight, {}, {}, {}, {}, {}}; }
  void Replace(const std::string& name, const std::string& txt) {
    world.dns.Remove(name);
    if (!txt.empty()) world.dns.AddTxt(name, txt);
  }
};

TEST_F(DomainCheckTest, FindsAllRightWhatIsPublishedAsPlanned) {
  const Findings findings = Check();
  EXPECT_TRUE(AllGood(findings));
  for (const Finding& finding : findings)
    EXPECT_EQ(finding.judgement, Judgement::kRight) << finding.what;
}

TEST_F(DomainCheckTest, NamesEachRecordThatIsMissingAndItsValue) {
  for (const PlannedRecord& record : AllRecords(Plan(), Host())) {
    world.dns.Remove(record.name);
    for (const PlannedRecord& other : AllRecords(Plan(), Host()))
      if (other.name == record.name && other != record) Publish(world.dns, other);
    const Finding finding = TheOne();
    EXPECT_EQ(finding.judgement, Judgement::kMissing) << record.name;
    EXPECT_EQ(finding.role, record.role) << finding.what;
    EXPECT_EQ(finding.name, record.name);
    EXPECT_THAT(finding.publish, HasSubstr(record.value));
    EXPECT_FALSE(finding.advice.empty());
    Publish(world.dns, record);
    ASSERT_TRUE(AllGood(Check())) << record.name;
  }
}

TEST_F(DomainCheckTest, CannotTellWhatDnsDoesNotAnswer) {
  world.dns.SetFailure("_dmarc.example.com", dns::FakeFailure::kTimeout);
  EXPECT_EQ(TheOne().judgement, Judgement::kCannotTell);
  EXPECT_FALSE(AllGood(Check()));
}

TEST_F(DomainCheckTest, SaysWhatIsWrongWithAKey) {
  const std::string name = "s1._domainkey.example.com";
  const std::string right = Plan().keys[0].record;
  const std::pair<std::string, const char*> cases[] = {
      {right.substr(0, 238), "cut off"},
      {right.substr(0, 255), "cut at 255"},
      {"v=DKIM1; k=rsa; p=", "revoked"},
      {"v=DKIM1; k=ed25519; p=" + Plan().keys[0].public_key, "k=ed25519"},
      {Plan().keys[1].record, "k=ed25519"},
      {"v=DKIM1; h=sha1; " + right.substr(9), "sha256"},
      {"v=DKIM1; k=rsa; p=AAAA", "another key"},
      {"v=DKIM1; k=rsa", "p="},
      {right + "\" \"", "base64"},
  };
  for (const auto& [text, what] : cases) {
    Replace(name, text);
    const Finding finding = TheOne();
    EXPECT_EQ(finding.judgement, Judgement::kWrong) << text;
    EXPECT_EQ(finding.role, Role::kDkim);
    EXPECT_THAT(finding.what, HasSubstr(what));
    EXPECT_EQ(finding.publish, right);
  }
  Replace(name, right);
  world.dns.AddTxt(name, right);
  EXPECT_THAT(TheOne().what, HasSubstr("2 TXT records"));
}

TEST_F(DomainCheckTest, MendsAnSpfRecordThatIsThere) {
  world.dns.AddTxt("_spf.other.com", "v=spf1 ip4:8.8.8.8 -all");
  Replace("example.com", "v=spf1 include:_spf.other.com ip4:9.9.9.1 -all");
  Finding finding = TheOne();
  EXPECT_EQ(finding.role, Role::kSpf);
  EXPECT_THAT(finding.what, HasSubstr("2606:4700::1"));
  EXPECT_EQ(finding.publish, "v=spf1 ip4:9.9.9.1 ip6:2606:4700::1 include:_spf.other.com -all");
  Replace("example.com", finding.publish);
  EXPECT_TRUE(AllGood(Check()));

  world.dns.AddTxt("example.com", "v=spf1 include:_spf.other.com ?all");
  EXPECT_THAT(TheOne().what, HasSubstr("2 SPF records"));
  EXPECT_EQ(TheOne().publish, "v=spf1 ip4:9.9.9.1 ip6:2606:4700::1 include:_spf.other.com -all");
  Replace("example.com", "v=spf1 +all");
  EXPECT_THAT(TheOne().what, HasSubstr("every address"));
  EXPECT_EQ(TheOne().publish, "v=spf1 ip4:9.9.9.1 ip6:2606:4700::1 ~all");
  Replace("example.com", "v=spf1 include:example.com ip4:9.9.9.1 -all");
  EXPECT_THAT(TheOne().what, HasSubstr("includes itself"));
  Replace("example.com", "v=spf1 ipv4:9.9.9.1 -all");
  EXPECT_THAT(TheOne().what, HasSubstr("no such mechanism"));
}

TEST_F(DomainCheckTest, CountsTheLookupsOfTheWholeSpfRecord) {
  std::string record = "v=spf1 ip4:9.9.9.1 ip6:2606:4700::1";
  for (int i = 0; i < 11; ++i) {
    const std::string name = "i" + std::to_string(i) + ".com";
    world.dns.AddTxt(name, "v=spf1 ip4:8.8.8.8 -all");
    record += " include:" + name;
  }
  Replace("example.com", record + " -all");
  EXPECT_THAT(TheOne().what, HasSubstr("11 lookups"));
}

TEST_F(DomainCheckTest, SaysWhatIsWrongWithDmarc) {
  Replace("_dmarc.example.com", "v=DMARC1; none");
  EXPECT_EQ(TheOne().role, Role::kDmarc);
  Replace("_dmarc.example.com", "v=DMARC1; p=none");
  world.dns.AddTxt("_dmarc.example.com", "v=DMARC1; p=reject");
  EXPECT_THAT(TheOne().what, HasSubstr("2 records"));
}

TEST_F(DomainCheckTest, WantsReportsToBeAskedForAndAgreedTo) {
  config.domain_rules.dmarc_reports = "dmarc@watch.net";
  PublishAll();
  EXPECT_TRUE(AllGood(Check()));
  const std::string consent = "example.com._report._dmarc.watch.net";
  Replace(consent, "");
  EXPECT_EQ(TheOne().role, Role::kReportConsent);
  EXPECT_EQ(TheOne().name, consent);
  EXPECT_THAT(TheOne().advice, HasSubstr("watch.net"));
  Replace(consent, "v=spf1 -all");
  EXPECT_EQ(TheOne().judgement, Judgement::kWrong);
  Replace(consent, "v=DMARC1; rua=mailto:other@watch.net");
  EXPECT_TRUE(AllGood(Check()));

  // A record that is there and asks for no reports: told, and nobody need agree.
  Replace(consent, "");
  Replace("_dmarc.example.com", "v=DMARC1; p=reject; rua=mailto:me@example.com");
  EXPECT_EQ(TheOne().role, Role::kDmarc);
  EXPECT_EQ(TheOne().judgement, Judgement::kWarning);
  EXPECT_THAT(TheOne().advice, HasSubstr("mailto:dmarc@watch.net"));
  EXPECT_TRUE(AllGood(Check()));
  Replace("_dmarc.example.com",
          "v=DMARC1; p=none; rua=mailto:me@example.com, MAILTO:DMARC@watch.net!10m");
  EXPECT_EQ(TheOne().role, Role::kReportConsent);
  Replace(consent, "v=DMARC1");
  EXPECT_TRUE(AllGood(Check()));
}

TEST_F(DomainCheckTest, ReportsOfAnOrganisationAreAgreedToForItsOwnName) {
  config.domains[0].name = "news.example.com";
  config.domains[0].return_path = "bounces.news.example.com";
  config.domains[0].dmarc_reports = "dmarc@watch.net";
  PublishAll();
  world.dns.Remove("_dmarc.news.example.com");
  Replace("_dmarc.example.com", "v=DMARC1; p=none; rua=mailto:dmarc@watch.net");
  EXPECT_EQ(TheOne().name, "example.com._report._dmarc.watch.net");
  world.dns.AddTxt("example.com._report._dmarc.watch.net", "v=DMARC1");
  EXPECT_TRUE(AllGood(Check()));
}

TEST_F(DomainCheckTest, WarnsThatNobodyTakesReturnedMailAndStaysGreen) {
  config.listeners.clear();
  const Finding finding = TheOne();
  EXPECT_EQ(finding.role, Role::kReturnReach);
  EXPECT_EQ(finding.judgement, Judgement::kWarning);
  EXPECT_THAT(finding.what, HasSubstr("inbound"));
  EXPECT_TRUE(AllGood(Check()));
}

TEST_F(DomainCheckTest, JudgesAlignmentByWhatIsThere) {
  const auto dmarc = [&] {
    for (const Finding& finding : Check())
      if (finding.role == Role::kDmarc) return finding;
    return Nothing();
  };
  EXPECT_THAT(dmarc().what, HasSubstr("DKIM and SPF"));
  Replace("_dmarc.example.com", "v=DMARC1; p=none; aspf=s; adkim=s");
  EXPECT_EQ(dmarc().judgement, Judgement::kRight);
  EXPECT_THAT(dmarc().what, HasSubstr("DKIM alone"));
  config.domains[0].dkim.clear();
  EXPECT_EQ(dmarc().judgement, Judgement::kWrong);
  EXPECT_THAT(dmarc().what, HasSubstr("fails DMARC"));
}

TEST_F(DomainCheckTest, FollowsTheReturnPathToThisEngine) {
  world.dns.AddA("mx.elsewhere.com", "8.8.8.8");
  world.dns.AddMx("bounces.example.com", {{10, "mx.elsewhere.com"}});
  EXPECT_EQ(TheOne().role, Role::kReturnMx);
  EXPECT_EQ(TheOne().publish, "10 mta.host.com");
  world.dns.AddA("mx.elsewhere.com", "9.9.9.1");  // another name of ours
  EXPECT_TRUE(AllGood(Check()));
  world.dns.AddMx("bounces.example.com", {{10, "mta.host.com"}, {20, "backup.net"}});
  EXPECT_TRUE(AllGood(Check()));
}

TEST_F(DomainCheckTest, WantsTheTokenOfThisTenant) {
  Replace("_sluice.example.com", OwnershipToken(config.hostname, "shop", "example.com"));
  EXPECT_EQ(TheOne().role, Role::kOwnership);
  EXPECT_THAT(TheOne().what, HasSubstr("another tenant"));
  world.dns.AddTxt("_sluice.example.com", Plan().ownership);  // moves from one to the other
  EXPECT_TRUE(AllGood(Check()));
}

TEST_F(DomainCheckTest, WantsTheReverseNameToBeTheEhloName) {
  world.dns.Remove("1.9.9.9.in-addr.arpa");
  world.dns.AddPtr("1.9.9.9.in-addr.arpa", "static-1.hoster.net");
  const Finding finding = TheOne();
  EXPECT_EQ(finding.role, Role::kReverse);
  EXPECT_THAT(finding.what, HasSubstr("static-1.hoster.net (which does not lead back)"));
  EXPECT_THAT(finding.advice, HasSubstr("owner of the address"));
  EXPECT_EQ(finding.publish, "m1.host.com");
}

TEST_F(DomainCheckTest, TellsAnAddressThatIsNotTheSources) {
  world.dns.Remove("m1.host.com");
  world.dns.AddA("m1.host.com", "8.8.8.8");
  world.dns.AddTxt("m1.host.com", "v=spf1 ip4:9.9.9.1 -all");
  EXPECT_EQ(TheOne().role, Role::kEhloAddress);
  EXPECT_EQ(TheOne().judgement, Judgement::kWrong);
}

TEST_F(DomainCheckTest, TellsListingsAndForgivesListsThatCannotTell) {
  world.dns.AddA("1.9.9.9.bl.com", "127.0.0.3");
  EXPECT_EQ(TheOne().role, Role::kBlockList);
  EXPECT_THAT(TheOne().what, HasSubstr("9.9.9.1 (source one) is listed"));
  EXPECT_FALSE(AllGood(Check()));
  world.dns.SetFailure("1.9.9.9.bl.com", dns::FakeFailure::kTimeout);
  EXPECT_EQ(TheOne().judgement, Judgement::kCannotTell);
  EXPECT_TRUE(AllGood(Check()));
}

TEST_F(DomainCheckTest, RefusesPublicMailDomainsAndHiddenSources) {
  config.domains[0].name = "gmail.com";
  PublishAll();
  EXPECT_EQ(TheOne().role, Role::kPublicMail);
  config.domains[0].name = "example.com";
  config.sources[0].public_address = dns::Ip("10.0.0.1");
  PublishAll();
  bool told = false;
  for (const Finding& finding : Check())
    told |= finding.role == Role::kSource && finding.judgement == Judgement::kWrong;
  EXPECT_TRUE(told);
}

TEST(MergeSpf, KeepsOthersTermsOnce) {
  const std::vector<UsedSource> sources = {{"a", "m.test", dns::Ip("9.9.9.1")},
                                           {"b", "n.test", {}}};
  EXPECT_EQ(MergeSpf({"v=spf1 MX ip4:9.9.9.1 include:x.com redirect=y.com"}, sources),
            "v=spf1 ip4:9.9.9.1 a:n.test MX include:x.com redirect=y.com");
  EXPECT_EQ(MergeSpf({"v=spf1 mx ~all", "v=spf1 mx a -all"}, sources),
            "v=spf1 ip4:9.9.9.1 a:n.test mx a ~all");
  EXPECT_EQ(MergeSpf({}, sources), "v=spf1 ip4:9.9.9.1 a:n.test ~all");
}

}  // namespace
}  // namespace sluice::engine
