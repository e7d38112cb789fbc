// Goal: mail is signed by its own domain's keys and the provider's, and never by another tenant's
// (design 12.10, 12.11).
// Method: small configurations; whom the keyring names for a From domain.

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "engine/signing/keyring.h"
#include "tests/engine/signing_keys.h"

namespace sluice::engine {
namespace {

// "s1@example.com s1@provider.example", with "!" in front when none is of the From domain.
std::string Names(const Signers& signers) {
  std::string out = signers.aligned ? "" : "!";
  for (const SigningKey* key : signers.keys)
    out += (out.size() > 1 ? " " : "") + key->selector + "@" + key->domain;
  return out;
}

class KeyringTest : public testing::Test {
 protected:
  KeyringTest() {
    config_.hostname = "mta1.provider.example";
    config_.domains = {TestDomain("example.com", "crm"), TestDomain("shop.example.com", "shop"),
                       TestDomain("bare.example.com", "crm", false),
                       TestDomain("provider.example", "ops"),
                       TestDomain("xn--mnchen-3ya.example", "crm")};
  }
  std::string Of(std::string_view tenant, std::string_view domain) {
    return Names(MakeTestKeyring(config_)->SignersOf(tenant, domain));
  }

  config::Config config_;
};

TEST_F(KeyringTest, UsesTheNearestParentsKeys) {
  EXPECT_EQ(Of("crm", "example.com"), "s1@example.com");
  EXPECT_EQ(Of("crm", "news.example.com"), "s1@example.com");
  EXPECT_EQ(Of("crm", "a.bare.example.com"), "s1@example.com");
  EXPECT_EQ(Of("crm", "m\xc3\xbcnchen.example"), "s1@xn--mnchen-3ya.example");
  EXPECT_EQ(Of("crm", "notexample.com"), "!");
  EXPECT_EQ(Of("crm", "com"), "!");
  EXPECT_EQ(Of("crm", ""), "!");
}

TEST_F(KeyringTest, NeverUsesTheKeyOfAnotherTenant) {
  EXPECT_EQ(Of("shop", "shop.example.com"), "s1@shop.example.com");
  EXPECT_EQ(Of("shop", "example.com"), "!");
  // The nearest entry is the shop's: its parent's key does not sign for it.
  EXPECT_EQ(Of("crm", "shop.example.com"), "!");
  EXPECT_EQ(Of("crm", "x.shop.example.com"), "!");
}

TEST_F(KeyringTest, AddsTheDefaultSignerOnce) {
  config_.default_signer = "provider.example";
  EXPECT_EQ(Of("crm", "example.com"), "s1@example.com s1@provider.example");
  EXPECT_EQ(Of("crm", "elsewhere.test"), "!s1@provider.example");
  EXPECT_EQ(Of("ops", "provider.example"), "s1@provider.example");
}

TEST_F(KeyringTest, SignsReportsByTheHostsDomainWhoseverItIs) {
  EXPECT_EQ(Names(MakeTestKeyring(config_)->reporters()), "s1@provider.example");
  config_.hostname = "mta.example.com";
  config_.default_signer = "provider.example";
  EXPECT_EQ(Names(MakeTestKeyring(config_)->reporters()), "s1@example.com s1@provider.example");
  config_.hostname = "mta.elsewhere.test";
  config_.default_signer = "";
  EXPECT_EQ(Names(MakeTestKeyring(config_)->reporters()), "!");
}

TEST_F(KeyringTest, KnowsWhoOwnsADomain) {
  const auto keyring = MakeTestKeyring(config_);
  EXPECT_TRUE(keyring->HasDomains("crm"));
  EXPECT_FALSE(keyring->HasDomains("default"));
  EXPECT_TRUE(keyring->Owns("crm", "bare.example.com"));
  EXPECT_FALSE(keyring->Owns("crm", "shop.example.com"));
  EXPECT_FALSE(keyring->Owns("crm", "elsewhere.test"));
  EXPECT_FALSE(keyring->empty());
  EXPECT_TRUE(MakeTestKeyring({})->empty());
}

TEST_F(KeyringTest, ForgetsTheMarkOfASelectorThatHasLeft) {
  const uint64_t mark = MakeTestKeyring(config_)->SignersOf("crm", "example.com").keys[0]->mark;
  EXPECT_TRUE(MakeTestKeyring(config_)->Knows(mark));
  config_.domains[0].dkim[0].selector = "s2";
  EXPECT_FALSE(MakeTestKeyring(config_)->Knows(mark));
}

TEST_F(KeyringTest, AddsTheFieldsOfTheConfigurationToTheUsualOnes) {
  config_.dkim.also_sign = {"X-Mailer", "subject", "Received"};
  const auto keyring = MakeTestKeyring(config_);
  const auto rules = keyring->rules();
  const size_t usual = smtp::DefaultFieldRules().size();
  ASSERT_EQ(rules.size(), usual + 1);
  EXPECT_EQ(rules[usual].name, "X-Mailer");
}

TEST(KeyStore, ReadsAFileAnewOnlyWhenItHasChanged) {
  std::string folder = (std::filesystem::temp_directory_path() / "sluice_keys_XXXXXX").string();
  ASSERT_NE(mkdtemp(folder.data()), nullptr);
  const std::string file = folder + "/s1.pem";
  const auto make = [] { return smtp::DkimKey::Generate(smtp::DkimAlgorithm::kEd25519Sha256); };
  ASSERT_TRUE(make().WriteNew(file));
  KeyStore store;
  const auto first = store.Load(file);
  ASSERT_TRUE(first);
  EXPECT_EQ(*store.Load(file), *first);
  // As a careful operator does it: a new file in the place of the old one.
  ASSERT_TRUE(make().WriteNew(file + ".new"));
  std::filesystem::rename(file + ".new", file);
  const auto second = store.Load(file);
  ASSERT_TRUE(second);
  EXPECT_NE((*second)->PublicBase64(), (*first)->PublicBase64());
  std::ofstream(file) << "damaged";
  EXPECT_FALSE(store.Load(file));
  EXPECT_TRUE(SigningSurroundings(store).WhyNoSigningKey(file).starts_with(file + ": "));
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace sluice::engine
