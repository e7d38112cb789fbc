// DKIM key records and DMARC records as people publish them, and what alignment makes of names.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "dns/dkim_record.h"
#include "dns/dmarc_record.h"
#include "tests/dns/study_fixture.h"

namespace sluice::dns {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST(DkimRecord, ReadsKeysAsTheyArePublished) {
  const auto plain = ParseDkimRecord("v=DKIM1; k=rsa; p=AAAA");
  ASSERT_TRUE(plain.has_value());
  EXPECT_EQ(plain->key_type, "rsa");
  EXPECT_EQ(plain->public_key, "AAAA");
  EXPECT_FALSE(plain->testing);
  const auto bare = ParseDkimRecord("p=AA AA\r\n BBBB;");
  ASSERT_TRUE(bare.has_value());
  EXPECT_EQ(bare->public_key, "AAAABBBB");
  EXPECT_EQ(bare->key_type, "rsa");
  const auto full = ParseDkimRecord("v=DKIM1;k=ed25519;h=sha256:sha1;s=*;t=y:s;n=x;p=AAAA");
  ASSERT_TRUE(full.has_value());
  EXPECT_EQ(full->key_type, "ed25519");
  EXPECT_EQ(full->hashes, (std::vector<std::string>{"sha256", "sha1"}));
  EXPECT_THAT(full->services, IsEmpty());
  EXPECT_TRUE(full->testing);
  EXPECT_TRUE(full->strict);
  const auto revoked = ParseDkimRecord("v=DKIM1; p=");
  ASSERT_TRUE(revoked.has_value());
  EXPECT_THAT(revoked->public_key, IsEmpty());
}

TEST(DkimRecord, SaysWhatAVerifierWouldStumbleOver) {
  const std::pair<const char*, const char*> cases[] = {
      {"v=DKIM1; k=rsa", "\"p=\""},
      {"k=rsa; v=DKIM1; p=AAAA", "first"},
      {"v=DKIM2; p=AAAA", "version"},
      {"v=DKIM1; p=AAA", "base64"},
      {"v=DKIM1; p=AAAA; p=BBBB", "twice"},
      {"v=DKIM1 p=AAAA", "version"},
      {"v=DKIM1; nonsense; p=AAAA", "no \"=\""},
      {"v=DKIM1; p=AAAA\" \"BBBB", "base64"},
  };
  for (const auto& [text, what] : cases) {
    const auto record = ParseDkimRecord(text);
    ASSERT_FALSE(record.has_value()) << text;
    EXPECT_THAT(record.error().what, HasSubstr(what)) << text;
  }
}

TEST(DmarcRecord, ReadsPoliciesAndRefusesWhatReceiversIgnore) {
  const auto record = ParseDmarcRecord(
      "v=DMARC1; p=quarantine; sp=reject; adkim=s; aspf=r; pct=50; rua=mailto:a@x.test, "
      "mailto:b@x.test!10m");
  ASSERT_TRUE(record.has_value());
  EXPECT_EQ(record->policy, DmarcPolicy::kQuarantine);
  EXPECT_EQ(record->subdomains, DmarcPolicy::kReject);
  EXPECT_TRUE(record->strict_dkim);
  EXPECT_FALSE(record->strict_spf);
  EXPECT_EQ(record->percent, 50);
  EXPECT_EQ(record->reports.size(), 2u);
  for (const char* wrong : {"v=DMARC1", "v=DMARC1; p=maybe", "p=none; v=DMARC1", "v=DMARC2; p=none",
                            "v=DMARC1; p=none; adkim=x", "v=DMARC1; p=none; pct=101",
                            "v=DMARC1; p=none; p=reject", ";v=DMARC1; p=none"})
    EXPECT_FALSE(ParseDmarcRecord(wrong).has_value()) << wrong;
  EXPECT_TRUE(LooksLikeDmarc("v = DMARC1; p=none"));
  EXPECT_FALSE(LooksLikeDmarc("v=spf1 -all"));
}

TEST(DmarcRecord, AlignsByThePublicSuffixList) {
  EXPECT_EQ(OrganisationalDomain("news.example.co.uk"), "example.co.uk");
  EXPECT_EQ(OrganisationalDomain("Example.com"), "example.com");
  EXPECT_EQ(OrganisationalDomain("co.uk"), "co.uk");
  EXPECT_TRUE(IsAligned("bounces.example.com", "example.com", false));
  EXPECT_FALSE(IsAligned("bounces.example.com", "example.com", true));
  EXPECT_TRUE(IsAligned("EXAMPLE.com", "example.com", true));
  EXPECT_FALSE(IsAligned("a.co.uk", "b.co.uk", false));
}

class FindDmarcTest : public testing::Test {
 protected:
  DmarcFound Find(const char* domain) {
    return world_.Study<DmarcFound>([&](Facts& facts) { return FindDmarc(facts, domain); });
  }
  StudyWorld world_;
};

TEST_F(FindDmarcTest, LooksAtTheOrganisationalDomainNext) {
  world_.dns.AddTxt("_dmarc.example.com", "v=DMARC1; p=reject");
  EXPECT_EQ(Find("news.example.com").kind, DmarcFound::Kind::kFound);
  EXPECT_EQ(Find("news.example.com").name, "_dmarc.example.com");
  world_.dns.AddTxt("_dmarc.news.example.com", "v=DMARC1; p=none");
  EXPECT_EQ(Find("news.example.com").record.policy, DmarcPolicy::kNone);
  EXPECT_EQ(Find("other.net").kind, DmarcFound::Kind::kNone);
  EXPECT_EQ(Find("other.net").name, "_dmarc.other.net");
}

TEST_F(FindDmarcTest, TellsSeveralFaultyAndUnknownApart) {
  world_.dns.AddTxt("_dmarc.a.com", "v=DMARC1; p=none");
  world_.dns.AddTxt("_dmarc.a.com", "some verification token");
  EXPECT_EQ(Find("a.com").kind, DmarcFound::Kind::kFound);
  world_.dns.AddTxt("_dmarc.a.com", "v=DMARC1; p=reject");
  EXPECT_EQ(Find("a.com").kind, DmarcFound::Kind::kSeveral);
  world_.dns.AddTxt("_dmarc.b.com", "v=DMARC1; none");
  EXPECT_EQ(Find("b.com").kind, DmarcFound::Kind::kFaulty);
  world_.dns.SetFailure("_dmarc.c.com", FakeFailure::kServFail);
  EXPECT_EQ(Find("c.com").kind, DmarcFound::Kind::kUnknown);
}

}  // namespace
}  // namespace sluice::dns
