// TLS and logins of a submission session, and what a login brings with it.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "tests/engine/submission_fixture.h"

namespace sluice::engine {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

using SubmissionLoginTest = SubmissionTest;

TEST_F(SubmissionLoginTest, LogsInOverTlsAndNamesTenantAndUser) {
  Client& client = ConnectTls();
  EXPECT_THAT(client.Say("MAIL FROM:<a@b.test>\r\n"), StartsWith("530 5.7.0 "));
  EXPECT_EQ(client.Say("AUTH PLAIN AGNybQBzZWNyZXQ=\r\n"), "");
  ASSERT_EQ(authenticator.questions.size(), 1u);
  EXPECT_EQ(authenticator.questions[0].user, "crm");
  EXPECT_EQ(authenticator.questions[0].password, "secret");
  EXPECT_EQ(authenticator.questions[0].peer.ToString(), "198.51.100.7");
  authenticator.Answer(AuthOutcome::kGood);
  EXPECT_THAT(client.stream->Take(), StartsWith("235 "));
  client.Say("MAIL FROM:<a@b.test>\r\nRCPT TO:<c@d.test>\r\nDATA\r\n.\r\n");
  const Accepted& accepted = intake.accepted.at(0);
  EXPECT_EQ(accepted.message.tenant, "acme");
  EXPECT_EQ(accepted.message.user, "crm");
  EXPECT_THAT(accepted.content->ToString(),
              HasSubstr("with ESMTPSA id " + FormatMessageId(accepted.message.id) +
                        "\r\n\t(TLSv1.3 TLS_AES_256_GCM_SHA384)"));
  EXPECT_THAT(accepted.content->ToString(), Not(HasSubstr("crm")));  // no names of users
}

TEST_F(SubmissionLoginTest, AnswersWrongLoginsAndUsersThatAReloadTookAway) {
  Client& client = ConnectTls();
  client.Say("AUTH PLAIN AGNybQBzZWNyZXQ=\r\n");
  authenticator.Answer(AuthOutcome::kWrong);
  EXPECT_THAT(client.stream->Take(), StartsWith("535 5.7.8 "));
  client.Say("AUTH PLAIN AGNybQBzZWNyZXQ=\r\n");
  config.users.clear();
  context.config = std::make_shared<config::Config>(config);
  authenticator.Answer(AuthOutcome::kGood);
  EXPECT_THAT(client.stream->Take(), StartsWith("535 5.7.8 "));
  EXPECT_EQ(listener->counters().logins_failed, 2u);
  client.Say("AUTH PLAIN AGNybQBzZWNyZXQ=\r\n");
  authenticator.Answer(AuthOutcome::kTooMany);
  EXPECT_THAT(client.stream->Take(), StartsWith("421 4.7.0 "));
  EXPECT_TRUE(client.stream->closed);
}

TEST_F(SubmissionLoginTest, SurvivesALoginThatOutlivesTheConnection) {
  Client& client = ConnectTls();
  client.Say("AUTH PLAIN AGNybQBzZWNyZXQ=\r\n");
  client.Leave();
  authenticator.Answer(AuthOutcome::kGood);
}

TEST_F(SubmissionLoginTest, DropsWhatCameWithStartTls) {  // protocol.md 4
  Client& client = Connect();
  client.stream->Take();
  EXPECT_EQ(client.Say("STARTTLS\r\nEHLO evil\r\nMAIL FROM:<a@b.test>\r\n"),
            "220 2.0.0 Ready to start TLS\r\n");
  client.events->OnTlsReady({"TLSv1.3", "C", false});
  EXPECT_THAT(client.Say("MAIL FROM:<a@b.test>\r\n"), StartsWith("503 "));
}

TEST_F(SubmissionLoginTest, GivesMessageFaultsAs451WhereTheUserAskedForIt) {  // design 12.7
  config.users[0].message_fault_451 = true;
  Client& client = ConnectTls();
  client.Say("AUTH PLAIN AGNybQBzZWNyZXQ=\r\n");
  authenticator.Answer(AuthOutcome::kGood);
  client.stream->Take();
  EXPECT_THAT(client.Say("MAIL FROM:<a@b.test>\r\nRCPT TO:<c@d.test>\r\nDATA\r\nbad\r\n.\r\n"),
              HasSubstr("\r\n451 4.6.0 "));
}

}  // namespace
}  // namespace sluice::engine
