// Goal: what is submitted is signed as it leaves, or refused in clear words when it may not go out
// under its From or unsigned (design 12.10, 12.11).
// Method: sessions on fakes; the signer pool is stepped by hand.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "engine/submission/envelope.h"
#include "engine/submission/local_submission.h"
#include "engine/submission/sender_policy.h"
#include "tests/engine/signing_keys.h"
#include "tests/engine/submission_fixture.h"

namespace sluice::engine {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

class SubmissionSigningTest : public SubmissionTest {
 protected:
  SubmissionSigningTest() {
    config.domains = {TestDomain("b.test", "default"), TestDomain("acme.test", "acme")};
  }
  void Begin() {
    Start();
    context.keyring = MakeTestKeyring(*context.config);
    context.signing = &signing;
  }
  // A message of a trusted client; the reply to its dot, empty when it was taken.
  std::string Send(const std::string& header, const std::string& body = "hi\r\n") {
    if (context.keyring == nullptr) Begin();
    Client& client = Connect();
    return client.Say(std::string(kEnvelope) + "DATA\r\n").empty()
               ? "no 354"
               : client.Say(header + "\r\n" + body + ".\r\n");
  }
  // The same, by the user crm of tenant acme.
  std::string SendAsUser(const std::string& header) {
    if (context.keyring == nullptr) Begin();
    Client& client = ConnectTls();
    client.Say("AUTH PLAIN AGNybQBzZWNyZXQ=\r\n");
    authenticator.Answer(AuthOutcome::kGood);
    client.stream->Take();
    client.Say("MAIL FROM:<a@b.test>\r\nRCPT TO:<c@d.test>\r\nDATA\r\n");
    return client.Say(header + "\r\nhi\r\n.\r\n");
  }

  StepWorkers pool;
  Signing signing{pool};
};

TEST_F(SubmissionSigningTest, HandsOverWhatLeavesForSigning) {
  EXPECT_THAT(Send("Bcc: x\r\nFrom: a@b.test\r\nX-Pool: p\r\nSubject: s\r\n", "a  b \r\n\r\n"),
              IsEmpty());
  ASSERT_EQ(intake.accepted.size(), 1u);
  const Accepted& accepted = intake.accepted[0];
  ASSERT_TRUE(accepted.sign);
  EXPECT_FALSE(accepted.unsigned_domain);
  EXPECT_THAT(accepted.sign->header, StartsWith("Received: from c"));
  EXPECT_THAT(accepted.sign->header, testing::EndsWith("From: a@b.test\r\nSubject: s\r\n"));
  EXPECT_THAT(accepted.sign->header, testing::Not(HasSubstr("Bcc")));
  smtp::DkimBodyHash hash(smtp::Canonical::kRelaxed);
  hash.Update("a b\r\n");
  EXPECT_EQ(accepted.sign->body_hash, hash.Finish());
  const auto fields = MakeSignatures(*accepted.sign);
  ASSERT_TRUE(fields);
  EXPECT_THAT(*fields, StartsWith("DKIM-Signature: v=1; a=ed25519-sha256; c=relaxed/relaxed; "
                                  "d=b.test; s=s1;"));
  EXPECT_THAT(*fields, HasSubstr("h=From:From:"));
}

TEST_F(SubmissionSigningTest, HashesTheBodyHoweverItArrives) {
  const std::string body = "one  line \r\n\r\n..dots\r\n \t\r\nlast\r\n\r\n";
  Begin();
  Client& client = Connect();
  client.Say(std::string(kEnvelope) + "DATA\r\n");
  for (const char c : "From: a@b.test\r\n\r\n" + body + ".\r\n") client.Say({&c, 1});
  Send("From: a@b.test\r\n", body);
  ASSERT_EQ(intake.accepted.size(), 2u);
  EXPECT_EQ(intake.accepted[0].sign->body_hash, intake.accepted[1].sign->body_hash);
}

TEST_F(SubmissionSigningTest, SignsAMessageOfAHeaderOnly) {
  Begin();
  Client& client = Connect();
  client.Say(std::string(kEnvelope) + "DATA\r\nFrom: a@b.test\r\n.\r\n");
  ASSERT_EQ(intake.accepted.size(), 1u);
  ASSERT_TRUE(intake.accepted[0].sign);
  EXPECT_THAT(intake.accepted[0].sign->header, testing::EndsWith("From: a@b.test\r\n"));
  EXPECT_EQ(intake.accepted[0].sign->body_hash,
            smtp::DkimBodyHash(smtp::Canonical::kRelaxed).Finish());
}

// protocol.md 6: a signature takes time, in which the client may go and send the message again.
TEST_F(SubmissionSigningTest, WantsAMessageOnlyWhileItsClientIsThere) {
  Client& client = Connect();
  client.Say(std::string(kEnvelope) + "DATA\r\nFrom: a@b.test\r\n\r\nx\r\n.\r\n");
  ASSERT_EQ(intake.accepted.size(), 1u);
  ASSERT_TRUE(intake.accepted[0].wanted);
  EXPECT_TRUE(intake.accepted[0].wanted());
  client.Leave();
  EXPECT_FALSE(intake.accepted[0].wanted());
}

TEST_F(SubmissionSigningTest, TellsTheOperatorOfMailThatIsRefusedForItsFrom) {
  EXPECT_THAT(Send("From: x@other.test\r\nX-Campaign: spring\r\n"), StartsWith("451 4.7.0"));
  Send("From: x@other.test\r\nX-Campaign: spring\r\n");
  ASSERT_EQ(intake.alerts.size(), 1u);
  EXPECT_THAT(intake.alerts[0],
              StartsWith("sender_refused: address 192.0.2.7: 1 message was refused for its From, "
                         "the last with: 451 4.7.0 There is no key to sign mail of other.test"));
  EXPECT_EQ(listener->counters().sender_refusals, 2u);
  EXPECT_EQ(listener->counters().message_faults, 0u);
  intake.admission = {451, "4.7.0", "From domain acme.test is not verified"};
  SendAsUser("From: x@acme.test\r\n");
  ASSERT_EQ(intake.alerts.size(), 2u);
  EXPECT_THAT(intake.alerts[1], HasSubstr("user crm: 1 message"));
  EXPECT_EQ(listener->counters().message_faults, 0u);
}

// A 5xx, which the session counts among its faults as well.
TEST_F(SubmissionSigningTest, TellsOfAFromOutsideTheTenantsDomainsOnce) {
  EXPECT_THAT(SendAsUser("From: x@other.test\r\n"), StartsWith("550 5.7.1"));
  ASSERT_EQ(intake.alerts.size(), 1u);
  EXPECT_THAT(intake.alerts[0], StartsWith("sender_refused: user crm"));
  EXPECT_EQ(listener->counters().sender_refusals, 1u);
  EXPECT_EQ(listener->counters().message_faults, 0u);
}

TEST_F(SubmissionSigningTest, AnswersWhatLiesOutsideTheTenantsDomains) {
  const struct {
    const char* header;
    const char* reply;
  } kCases[] = {
      {"From: x@acme.test\r\n", ""},
      {"From: x@news.acme.test\r\n", ""},
      {"From: x@other.test\r\n", "550 5.7.1 From: other.test is not a domain of acme\r\n"},
      {"From: x@b.test\r\n", "550 5.7.1 From: b.test is not a domain of acme\r\n"},
      {"From: x@acme.test, y@other.test\r\n",
       "550 5.7.1 From has several mailboxes, and other.test is not a domain of acme\r\n"},
      {"From: \"x@acme.test\" <y@other.test>\r\n",
       "550 5.7.1 From: other.test is not a domain of acme\r\n"},
      {"Subject: s\r\n",
       "550 5.7.1 There is no From with a domain; it must lie in a domain of acme\r\n"},
      {"From: undisclosed\r\n",
       "550 5.7.1 There is no From with a domain; it must lie in a domain of acme\r\n"},
      {"From: x@acme.test\r\nFrom: x@acme.test\r\n",
       "550 5.6.0 Line 2 of the header is a second From\r\n"},
  };
  for (const auto& c : kCases) {
    EXPECT_EQ(SendAsUser(c.header), c.reply) << c.header;
    intake.Commit();
  }
}

TEST_F(SubmissionSigningTest, LetsAUserOfAnyFromSendWhatHeHasNoKeyFor) {
  config.users[0].any_from = true;
  EXPECT_THAT(SendAsUser("From: x@other.test\r\n"), IsEmpty());
  ASSERT_EQ(intake.accepted.size(), 1u);
  EXPECT_FALSE(intake.accepted[0].sign);
  EXPECT_EQ(intake.accepted[0].unsigned_domain, "other.test");
  // Another tenant's key is not used for him.
  EXPECT_THAT(SendAsUser("From: x@b.test\r\n"), IsEmpty());
  EXPECT_FALSE(intake.accepted[1].sign);
}

TEST_F(SubmissionSigningTest, RefusesUnsignedBulkOnceThereIsADomain) {
  EXPECT_EQ(Send("From: x@other.test\r\nPrecedence: bulk\r\n"),
            "451 4.7.0 There is no key to sign mail of other.test for default\r\n");
  EXPECT_THAT(Send("From: x@other.test\r\n"), IsEmpty());
  EXPECT_EQ(intake.accepted.at(0).unsigned_domain, "other.test");
}

TEST_F(SubmissionSigningTest, SendsEverythingWithAWarningBeforeThereIsADomain) {
  config.domains.clear();
  EXPECT_THAT(Send("From: x@other.test\r\nPrecedence: bulk\r\n"), IsEmpty());
  EXPECT_EQ(intake.accepted.at(0).unsigned_domain, "other.test");
  EXPECT_FALSE(intake.accepted[0].sign);
}

TEST_F(SubmissionSigningTest, DoesWithUnsignedMailWhatTheConfigurationSays) {
  config.domains.push_back(TestDomain("provider.test", "ops"));
  config.unsigned_mail = config::Unsigned::kRefuse;
  EXPECT_THAT(Send("From: x@other.test\r\n"), StartsWith("451 4.7.0 "));
  EXPECT_THAT(Send("Subject: s\r\n"), StartsWith("451 4.7.0 There is no From with a domain"));
  config.unsigned_mail = config::Unsigned::kWarn;
  context.config = std::make_shared<config::Config>(config);
  EXPECT_THAT(Send("From: x@other.test\r\nPrecedence: bulk\r\n"), IsEmpty());
  EXPECT_EQ(intake.accepted.at(0).unsigned_domain, "other.test");
  config.unsigned_mail = config::Unsigned::kDefaultSigner;
  config.default_signer = "provider.test";
  context.config = std::make_shared<config::Config>(config);
  context.keyring = MakeTestKeyring(config);
  EXPECT_THAT(Send("From: x@other.test\r\nPrecedence: bulk\r\n"), IsEmpty());
  EXPECT_FALSE(intake.accepted.at(1).unsigned_domain);
  ASSERT_TRUE(intake.accepted[1].sign);
  EXPECT_EQ(intake.accepted[1].sign->keys[0]->domain, "provider.test");
}

TEST_F(SubmissionSigningTest, SignsMailOfLocalSenders) {
  Begin();
  const LocalMessage message{.sender = "a@b.test", .recipients = {"c@d.test"}};
  LocalSubmission local(context, intake);
  EXPECT_EQ(local.Begin(message).code, 0);
  local.Receive("From: a@b.test\n\nhello\n");
  const auto accepted = local.Finish();
  ASSERT_TRUE(accepted);
  EXPECT_TRUE(accepted->sign);
  LocalSubmission other(context, intake);
  EXPECT_EQ(other.Begin(message).code, 0);
  other.Receive("From: a@other.test\nPrecedence: bulk\n\nhello\n");
  const auto refused = other.Finish();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, 451);
}

}  // namespace
}  // namespace sluice::engine
