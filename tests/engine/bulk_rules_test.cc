// What receivers demand of bulk mail: found, told in words, and added where that is possible.

#include "engine/submission/bulk_rules.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "tests/engine/submission_fixture.h"

namespace sluice::engine {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

const smtp::TokenSecrets kSecrets = smtp::TokenSecrets::FromText(std::string(64, '1'), "f").value();

smtp::HeaderFacts Scan(const std::string& header) { return smtp::ScanHeader(header); }

std::string Faults(const smtp::HeaderFacts& header, bool aligned) {
  return BulkFaultText(FindBulkFaults(header, aligned));
}

std::string Faults(const Accepted& accepted) {
  return accepted.bulk_faults ? BulkFaultText(*accepted.bulk_faults) : "not looked at";
}

TEST(BulkRules, FindNothingInMailThatHasAll) {
  EXPECT_EQ(Faults(Scan("From: a@b.test\r\nList-Unsubscribe: <https://b.test/u/1>\r\n"
                        "List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"),
                   true),
            "");
}

TEST(BulkRules, NameEachThingThatIsMissing) {
  const std::string all = Faults(Scan("Subject: s\r\n"), false);
  EXPECT_THAT(all, HasSubstr("From"));
  EXPECT_THAT(all, HasSubstr("signature"));
  EXPECT_THAT(all, HasSubstr("no List-Unsubscribe,"));
  EXPECT_THAT(all, HasSubstr("One-Click"));
  EXPECT_EQ(Faults(Scan("From: a@b.test\r\nList-Unsubscribe: <mailto:u@b.test>\r\n"
                        "List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"),
                   true),
            "no https link in List-Unsubscribe");
}

TEST(BulkRules, AddALinkAndAnAddressThatNameTheRecipient) {
  config::Tenant tenant;
  const smtp::RecipientToken recipient{smtp::TokenKind::kUnsubscribe, 99, 0};
  EXPECT_EQ(UnsubscribeFields(tenant, kSecrets, recipient), "");
  tenant.unsubscribe_url = "https://news.b.test/u";
  const std::string token = kSecrets.Make(recipient);
  EXPECT_EQ(UnsubscribeFields(tenant, kSecrets, recipient),
            "List-Unsubscribe: <https://news.b.test/u/" + token +
                ">\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n");
  tenant.unsubscribe_url += "/";
  tenant.unsubscribe_address = "leave@back.b.test";
  const std::string both = UnsubscribeFields(tenant, kSecrets, recipient);
  EXPECT_THAT(both, StartsWith("List-Unsubscribe: <https://news.b.test/u/" + token + ">,\r\n\t"));
  EXPECT_THAT(both, HasSubstr("<mailto:leave+" + token + "@back.b.test>\r\n"));
  EXPECT_EQ(Faults(Scan("From: a@b.test\r\n" + both), true), "");
}

TEST(BulkRules, AreThoseOfTheTenantOrOfNobodyInParticular) {
  config::Config config;
  config.tenants.push_back({});
  config.tenants.back().name = "acme";
  config.tenants.back().unsubscribe_url = "https://u.test";
  EXPECT_EQ(TenantOf(config, "acme").unsubscribe_url, "https://u.test");
  EXPECT_EQ(TenantOf(config, "other").unsubscribe_url, "");
  EXPECT_EQ(TenantOf(config, "other").bulk_rules, config::Tenant::BulkRules::kWarn);
}

TEST(BulkTally, CountsEachRuleByTenantAndBoundsTheTenants) {
  BulkTally tally;
  BulkFaultSet faults;
  tally.Note("a", faults);
  faults.Add(BulkFault::kNotSigned);
  faults.Add(BulkFault::kShared);
  tally.Note("a", faults);
  EXPECT_EQ(tally.rows().at("a").messages, 2u);
  EXPECT_EQ(tally.rows().at("a").faulty, 1u);
  EXPECT_EQ(tally.rows().at("a").faults[size_t(BulkFault::kNotSigned)], 1u);
  EXPECT_EQ(tally.rows().at("a").faults[size_t(BulkFault::kNoLink)], 0u);
  for (int i = 0; i < 300; ++i) tally.Note("t" + std::to_string(i), faults);
  EXPECT_EQ(tally.rows().size(), BulkTally::kTenantsMax + 1);
  EXPECT_EQ(tally.rows().at("further tenants").faulty, 301 - BulkTally::kTenantsMax);

  BulkTally::Rows sum;
  BulkTally::Merge(tally.rows(), sum);
  BulkTally::Merge(tally.rows(), sum);
  EXPECT_EQ(sum.at("a").messages, 4u);
  EXPECT_LE(sum.size(), BulkTally::kTenantsMax + 1);
  uint64_t messages = 0;
  for (const auto& [tenant, row] : sum) messages += row.messages;
  EXPECT_EQ(messages, 2 * 302u);
}

class BulkSubmission : public SubmissionTest {
 protected:
  BulkSubmission() {
    config::Tenant tenant;
    tenant.name = "default";
    tenant.bulk_rules = config::Tenant::BulkRules::kAdd;
    tenant.unsubscribe_url = "https://u.test";
    config.tenants = {tenant};
    context.tokens = std::make_shared<smtp::TokenSecrets>(kSecrets);
    context.keyring = Keyring::Make(config, [](const std::string& file) -> Result<KeyStore::Key> {
                        return Fail(ErrorCode::kNotFound, file);
                      }).value();
  }
  // The message as stored.
  std::string Send(const std::string& recipients, const std::string& header) {
    Client& client = Connect();
    client.Say("EHLO c\r\nMAIL FROM:<a@b.test>\r\n" + recipients + "DATA\r\n");
    client.Say(header + "\r\ntext\r\n.\r\n");
    return intake.accepted.empty() ? "" : intake.accepted.back().content->ToString();
  }
};

constexpr char kOne[] = "RCPT TO:<c@d.test>\r\n";

TEST_F(BulkSubmission, GetsALinkThatNamesItsRecipientWhereItHasNone) {
  const std::string sent = Send(kOne, "From: a@b.test\r\nX-Campaign: spring\r\n");
  const std::string token =
      kSecrets.Make({smtp::TokenKind::kUnsubscribe, intake.accepted.at(0).message.id, 0});
  EXPECT_THAT(sent, HasSubstr("\r\nList-Unsubscribe: <https://u.test/" + token + ">\r\n"));
  EXPECT_THAT(sent, HasSubstr("\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"));
  EXPECT_EQ(Faults(intake.accepted[0]), "no signature of the From domain");
}

TEST_F(BulkSubmission, KeepsTheSendersOwnLink) {
  const std::string sent =
      Send(kOne, "From: a@b.test\r\nList-Unsubscribe: <https://own.test/1>\r\n");
  EXPECT_THAT(sent, Not(HasSubstr("u.test")));
  EXPECT_THAT(Faults(intake.accepted.at(0)), HasSubstr("One-Click"));
}

TEST_F(BulkSubmission, ToSeveralGetsNoLinkAndIsToldOf) {
  const std::string sent = Send(std::string(kOne) + "RCPT TO:<e@d.test>\r\n",
                                "From: a@b.test\r\nX-Campaign: spring\r\n");
  EXPECT_THAT(sent, Not(HasSubstr("List-Unsubscribe")));
  EXPECT_THAT(Faults(intake.accepted.at(0)), HasSubstr("no List-Unsubscribe,"));
  EXPECT_THAT(Faults(intake.accepted.at(0)), HasSubstr("send one message to each"));
}

TEST_F(BulkSubmission, LeavesTransactionalMailAndTenantsThatWantNoneAlone) {
  EXPECT_THAT(Send(kOne, "From: a@b.test\r\n"), Not(HasSubstr("List-Unsubscribe")));
  EXPECT_EQ(Faults(intake.accepted.at(0)), "not looked at");
  config.tenants[0].bulk_rules = config::Tenant::BulkRules::kOff;
  listener.reset();
  for (Client& client : clients) client.events = nullptr;
  Start();
  EXPECT_THAT(Send(kOne, "From: a@b.test\r\nX-Campaign: spring\r\n"),
              Not(HasSubstr("List-Unsubscribe")));
  EXPECT_EQ(Faults(intake.accepted.at(1)), "not looked at");
}

}  // namespace
}  // namespace sluice::engine
