// One submission connection on a fake stream: what is written, stored, closed, and when.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "engine/submission/message_builder.h"
#include "tests/engine/submission_fixture.h"

namespace sluice::engine {
namespace {

using testing::ElementsAre;
using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;

using SubmissionSessionTest = SubmissionTest;

TEST_F(SubmissionSessionTest, GreetsAtOnceAndQuits) {
  Client& client = Connect();
  EXPECT_EQ(client.stream->Take(), "220 mta.test ESMTP ready\r\n");
  EXPECT_EQ(client.Say("QUIT\r\n"), "221 2.0.0 Bye\r\n");
  EXPECT_TRUE(client.stream->closed);
}

TEST_F(SubmissionSessionTest, AnswersTheDotOnlyWithTheCommitAndThenAtOnce) {
  Client& client = Connect();
  client.Say(kEnvelope);
  EXPECT_THAT(client.Say("DATA\r\n"), StartsWith("354 "));
  EXPECT_EQ(client.Say("Subject: s\r\n\r\nx\r\n.\r\n"), "");
  ASSERT_EQ(intake.accepted.size(), 1u);
  intake.Commit();
  EXPECT_EQ(client.stream->Take(),
            "250 2.0.0 Ok: queued as " + FormatMessageId(intake.accepted[0].message.id) + "\r\n");
  EXPECT_EQ(listener->counters().messages, 1u);
}

TEST_F(SubmissionSessionTest, StoresGeneratedFieldsThenTheHeaderThenTheBody) {
  Client& client = Connect();
  client.Say(std::string(kEnvelope) +
             "DATA\r\nSubject: s\r\nBcc: x\r\nFrom: A <a@b.test>\r\n\r\nhi\r\n.\r\n");
  ASSERT_EQ(intake.accepted.size(), 1u);
  const Accepted& accepted = intake.accepted[0];
  const std::string id = FormatMessageId(accepted.message.id);
  const std::string date = FormatRfc5322(clock.Wall());
  const std::string content = accepted.content->ToString();
  EXPECT_EQ(content, "Received: from c ([192.0.2.7])\r\n\tby mta.test with ESMTP id " + id +
                         "\r\n\tfor <c@d.test>;\r\n\t" + date + "\r\nDate: " + date +
                         "\r\nMessage-ID: <" + id + "@mta.test>\r\n" +
                         "Subject: s\r\nBcc: x\r\nFrom: A <a@b.test>\r\n\r\nhi\r\n");
  EXPECT_EQ(content.substr(accepted.message.header_length), "hi\r\n");
  ASSERT_EQ(accepted.message.cuts.size(), 1u);
  EXPECT_EQ(content.substr(accepted.message.cuts[0].offset, accepted.message.cuts[0].length),
            "Bcc: x\r\n");
  EXPECT_EQ(accepted.message.tenant, "default");
  EXPECT_EQ(accepted.message.user, "");
  EXPECT_EQ(accepted.message.accepted, clock.Wall());
  EXPECT_EQ(accepted.peer, "192.0.2.7");
}

TEST_F(SubmissionSessionTest, AddsNothingThatIsThere) {
  Client& client = Connect();
  client.Say(std::string(kEnvelope) + "DATA\r\ndate: d\r\nMESSAGE-ID: <m>\r\n\r\nhi\r\n.\r\n");
  const std::string content = intake.accepted.at(0).content->ToString();
  EXPECT_THAT(content, EndsWith("+0000\r\ndate: d\r\nMESSAGE-ID: <m>\r\n\r\nhi\r\n"));
}

TEST_F(SubmissionSessionTest, KeepsHeaderOnlyAndEmptyMessages) {  // protocol.md 2
  Client& client = Connect();
  client.Say(std::string(kEnvelope) + "DATA\r\nSubject: s\r\n.\r\n");
  intake.Commit();
  client.Say("MAIL FROM:<a@b.test>\r\nRCPT TO:<c@d.test>\r\nDATA\r\n.\r\n");
  intake.Commit();
  client.Say("MAIL FROM:<a@b.test>\r\nRCPT TO:<c@d.test>\r\nDATA\r\n\r\nbody\r\n.\r\n");
  ASSERT_EQ(intake.accepted.size(), 3u);
  EXPECT_THAT(intake.accepted[0].content->ToString(), EndsWith("Subject: s\r\n\r\n"));
  EXPECT_EQ(intake.accepted[0].message.header_length, intake.accepted[0].content->size());
  EXPECT_THAT(intake.accepted[1].content->ToString(), EndsWith("@mta.test>\r\n\r\n"));
  EXPECT_THAT(intake.accepted[2].content->ToString(), EndsWith("@mta.test>\r\n\r\nbody\r\n"));
}

TEST_F(SubmissionSessionTest, StoresTheSameForEveryCutOfTheInput) {
  const std::string script =
      std::string(kEnvelope) +
      "DATA\r\nSubject: s\r\nX-Pool: p\r\n\r\na\n..b\r\nc\xc3\xb6\r\n.\r\nQUIT\r\n";
  const std::string from_c = "Subject: s\r\nX-Pool: p\r\n\r\na\r\n.b\r\nc\xc3\xb6\r\n";
  for (size_t cut = 1; cut < script.size(); ++cut) {
    Client& client = Connect();
    client.stream->Take();
    std::string said = client.Say(std::string(script.substr(0, cut)));
    said += client.Say(std::string(script.substr(cut)));
    intake.Commit();
    said += client.stream->Take();
    ASSERT_EQ(intake.accepted.size(), 1u) << cut;
    EXPECT_THAT(intake.accepted[0].content->ToString(), EndsWith(from_c)) << cut;
    EXPECT_EQ(intake.accepted[0].message.cuts.size(), 1u);
    EXPECT_EQ(intake.accepted[0].message.flags, queue::kFlag8Bit | queue::kFlagDots);
    EXPECT_THAT(said, EndsWith("221 2.0.0 Bye\r\n")) << cut;
    intake.accepted.clear();
    client.Leave();
  }
}

TEST_F(SubmissionSessionTest, AnswersPipelinedCommandsInOneWrite) {
  Client& client = Connect();
  client.stream->writes = 0;
  client.Say(std::string(kEnvelope) + "DATA\r\n");
  EXPECT_EQ(client.stream->writes, 1);
  client.Say("x: y\r\n\r\n.\r\nMAIL FROM:<a@b.test>\r\nRCPT TO:<c@d.test>\r\nDATA\r\n");
  EXPECT_EQ(client.stream->writes, 1);
  intake.Commit();
  EXPECT_EQ(client.stream->writes, 2);
  EXPECT_THAT(client.stream->Take(),
              testing::ContainsRegex("queued as .*\r\n250.*\r\n250.*\r\n354"));
}

TEST_F(SubmissionSessionTest, RefusesBadHeadersByLine) {  // protocol.md 2
  Client& client = Connect();
  EXPECT_THAT(client.Say(std::string(kEnvelope) + "DATA\r\nA: b\r\nno field\r\n\r\nx\r\n.\r\n"),
              HasSubstr("\r\n550 5.6.0 Line 2 of the header is neither"));
  EXPECT_THAT(client.Say(std::string(kEnvelope) + "DATA\r\nFrom: a\r\nFrom: b\r\n\r\nx\r\n.\r\n"),
              HasSubstr("\r\n550 5.6.0 Line 2 of the header is a second From"));
  std::string hops;
  for (int i = 0; i < 51; ++i) hops += "Received: x\r\n";
  EXPECT_THAT(client.Say(kEnvelope + ("DATA\r\n" + hops) + "\r\nx\r\n.\r\n"),
              HasSubstr("\r\n554 5.4.6 "));
  std::string large = "DATA\r\n";
  while (large.size() < MessageBuilder::kHeaderMax) large += "A: " + std::string(900, 'x') + "\r\n";
  EXPECT_THAT(client.Say(kEnvelope + large + "\r\nx\r\n.\r\n"), HasSubstr("\r\n552 5.3.4 "));
  std::string cuts;
  for (int i = 0; i < 65; ++i) cuts += "Bcc: x\r\nA: b\r\n";
  EXPECT_THAT(client.Say(kEnvelope + ("DATA\r\n" + cuts) + "\r\nx\r\n.\r\n"),
              HasSubstr("\r\n550 5.6.0 "));
  EXPECT_TRUE(intake.accepted.empty());
  EXPECT_EQ(listener->counters().messages_refused, 5u);
  EXPECT_EQ(bodies.used(), 0u);
}

TEST_F(SubmissionSessionTest, AnswersAFailedCommitAsTemporary) {
  Client& client = Connect();
  client.Say(std::string(kEnvelope) + "DATA\r\n.\r\n");
  intake.Commit(Fail(ErrorCode::kFull, "full"));
  EXPECT_THAT(client.stream->Take(), HasSubstr("452 4.3.1 "));
  client.Say("MAIL FROM:<a@b.test>\r\nRCPT TO:<c@d.test>\r\nDATA\r\n.\r\n");
  intake.Commit(Fail(ErrorCode::kIo, "disk"));
  EXPECT_THAT(client.stream->Take(), HasSubstr("451 4.3.0 "));
}

TEST_F(SubmissionSessionTest, SurvivesACommitThatOutlivesTheConnection) {
  Client& client = Connect();
  client.Say(std::string(kEnvelope) + "DATA\r\n.\r\n");
  client.Leave();
  intake.Commit();
  EXPECT_EQ(listener->sessions(), 0u);
}

TEST_F(SubmissionSessionTest, QueuesNothingOfALostConnection) {  // protocol.md 6
  Client& client = Connect();
  client.Say(std::string(kEnvelope) + "DATA\r\nx: y\r\n\r\nabc\r\n.\r");
  client.events->OnEof();
  EXPECT_TRUE(client.stream->closed);
  EXPECT_TRUE(intake.accepted.empty());
}

TEST_F(SubmissionSessionTest, AnswersAClientThatHasClosedItsSideAfterTheDot) {
  Client& client = Connect();
  client.Say(std::string(kEnvelope) + "DATA\r\nx: y\r\n\r\nabc\r\n.\r\nQUIT\r\n");
  client.events->OnEof();
  EXPECT_FALSE(client.stream->closed);
  intake.Commit();
  EXPECT_THAT(client.stream->Take(), EndsWith("221 2.0.0 Bye\r\n"));
  EXPECT_TRUE(client.stream->closed);
}

TEST_F(SubmissionSessionTest, KeepsADoubledRecipientOnceAndNormalisesDomains) {
  Client& client = Connect();
  client.Say(
      "EHLO c\r\nMAIL FROM:<A@B\xc3\xbc"
      "CHER.test> SMTPUTF8\r\nRCPT TO:<c@D.test> NOTIFY=NEVER\r\n"
      "RCPT TO:<C@d.test>\r\nRCPT TO:<c@d.test.>\r\nRCPT TO:<x@b\xc3\xbc"
      "cher.test>\r\n"
      "RCPT TO:<postmaster>\r\nDATA\r\n.\r\n");
  ASSERT_EQ(intake.accepted.size(), 1u);
  const Accepted& accepted = intake.accepted[0];
  EXPECT_EQ(accepted.message.sender, "A@xn--bcher-kva.test");
  ASSERT_EQ(accepted.recipients.size(), 4u);
  EXPECT_EQ(accepted.message.recipients, 4u);
  EXPECT_EQ(accepted.recipients[0].address, "c@d.test");
  EXPECT_EQ(accepted.recipients[0].notify, queue::kNotifyNever);
  EXPECT_EQ(accepted.recipients[1].address, "C@d.test");
  EXPECT_EQ(accepted.recipients[2].address, "x@xn--bcher-kva.test");
  EXPECT_EQ(accepted.recipients[3].address, "postmaster@mta.test");
  EXPECT_EQ(accepted.recipients[3].id.index, 3u);
  EXPECT_EQ(accepted.recipients[3].due, accepted.message.accepted);
  EXPECT_EQ(accepted.message.flags & queue::kFlagSmtpUtf8, 0);  // nothing needs it any more
}

TEST_F(SubmissionSessionTest, RefusesRecipientsWithoutAMailDomain) {
  Client& client = Connect();
  EXPECT_THAT(client.Say("EHLO c\r\nMAIL FROM:<a@b.test>\r\nRCPT TO:<c@127.0.0.1>\r\n"),
              HasSubstr("\r\n550 5.1.2 "));
  EXPECT_EQ(listener->counters().recipients_refused, 1u);
}

TEST_F(SubmissionSessionTest, PassesDsnParametersOn) {
  Client& client = Connect();
  client.Say(
      "EHLO c\r\nMAIL FROM:<> RET=HDRS ENVID=QQ\r\nRCPT TO:<c@d.test> NOTIFY=DELAY "
      "ORCPT=rfc822;x@y\r\n"
      "DATA\r\n.\r\n");
  const Accepted& accepted = intake.accepted.at(0);
  EXPECT_EQ(accepted.message.sender, "");
  EXPECT_EQ(accepted.message.ret, queue::DsnRet::kHeaders);
  EXPECT_EQ(accepted.message.envid, "QQ");
  EXPECT_EQ(accepted.recipients.at(0).orcpt, "rfc822;x@y");
  EXPECT_EQ(accepted.recipients.at(0).notify, queue::kNotifyDelay);
}

TEST_F(SubmissionSessionTest, WaitsAtMailForRoomBeforeItRefuses) {  // design 1.5, 12.7
  intake.ready = Fail(ErrorCode::kFull, "full");
  Client& client = Connect();
  client.stream->Take();
  EXPECT_THAT(client.Say("EHLO c\r\nMAIL FROM:<a@b.test>\r\nRCPT TO:<c@d.test>\r\n"),
              EndsWith("=1000\r\n"));
  Pass(std::chrono::milliseconds(2'900), std::chrono::milliseconds(10));
  EXPECT_EQ(client.stream->Take(), "");
  intake.ready = {};
  Pass(std::chrono::milliseconds(60), std::chrono::milliseconds(10));
  EXPECT_EQ(client.stream->Take(), "250 2.1.0 Ok\r\n250 2.1.5 Ok\r\n");
  EXPECT_EQ(listener->counters().messages_paced, 1u);
  intake.ready = Fail(ErrorCode::kFull, "full");
  client.Say("RSET\r\nMAIL FROM:<a@b.test>\r\n");
  Pass(std::chrono::milliseconds(3'100), std::chrono::milliseconds(10));
  EXPECT_THAT(client.stream->Take(), StartsWith("452 4.3.1 "));
}

TEST_F(SubmissionSessionTest, LogsInOverTlsAndNamesTenantAndUser) {
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

TEST_F(SubmissionSessionTest, AnswersWrongLoginsAndUsersThatAReloadTookAway) {
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

TEST_F(SubmissionSessionTest, SurvivesALoginThatOutlivesTheConnection) {
  Client& client = ConnectTls();
  client.Say("AUTH PLAIN AGNybQBzZWNyZXQ=\r\n");
  client.Leave();
  authenticator.Answer(AuthOutcome::kGood);
}

TEST_F(SubmissionSessionTest, DropsWhatCameWithStartTls) {  // protocol.md 4
  Client& client = Connect();
  client.stream->Take();
  EXPECT_EQ(client.Say("STARTTLS\r\nEHLO evil\r\nMAIL FROM:<a@b.test>\r\n"),
            "220 2.0.0 Ready to start TLS\r\n");
  client.events->OnTlsReady({"TLSv1.3", "C", false});
  EXPECT_THAT(client.Say("MAIL FROM:<a@b.test>\r\n"), StartsWith("503 "));
}

TEST_F(SubmissionSessionTest, QueuedAsPlainLeavesTheEnhancedCodeOut) {
  config.submission.queued_as_plain = true;
  Client& client = Connect();
  client.Say(std::string(kEnvelope) + "DATA\r\n.\r\n");
  intake.Commit();
  EXPECT_THAT(client.stream->Take(), testing::ContainsRegex("^250 Ok: queued as [0-9a-v]+\r\n$"));
}

TEST_F(SubmissionSessionTest, SetsClassAndCampaignByUserAndMessage) {  // design part 2
  using Class = config::User::Class;
  struct {
    Class mail_class;
    const char* header;
    const char* campaign;
    bool bulk;
  } const kCases[] = {
      {Class::kByMessage, "From: a@b.test\r\n", "", false},
      {Class::kByMessage, "X-Campaign: c1\r\n", "c1", true},
      {Class::kByMessage, "From: a@News.test\r\nList-Unsubscribe: <x>\r\n", "bulk-news.test", true},
      {Class::kTransactional, "From: a@b.test\r\nList-Id: <x>\r\n", "", false},
      {Class::kTransactional, "X-Job: j\r\n", "j", false},
      {Class::kBulk, "From: a@b.test\r\n", "bulk-b.test", true},
  };
  for (const auto& c : kCases) {
    config.users[0].mail_class = c.mail_class;
    listener.reset();
    Start();
    Client& client = ConnectTls();
    client.Say("AUTH PLAIN AGNybQBzZWNyZXQ=\r\n");
    authenticator.Answer(AuthOutcome::kGood);
    client.Say("MAIL FROM:<a@b.test>\r\nRCPT TO:<c@d.test>\r\nDATA\r\n" + std::string(c.header) +
               "\r\n.\r\n");
    const queue::Message& message = intake.accepted.back().message;
    EXPECT_EQ(message.campaign, c.campaign) << c.header;
    EXPECT_EQ((message.flags & queue::kFlagBulk) != 0, c.bulk) << c.header;
    client.Leave();
  }
}

TEST_F(SubmissionSessionTest, GivesMessageFaultsAs451WhereTheUserAskedForIt) {  // design 12.7
  config.users[0].message_fault_451 = true;
  Client& client = ConnectTls();
  client.Say("AUTH PLAIN AGNybQBzZWNyZXQ=\r\n");
  authenticator.Answer(AuthOutcome::kGood);
  client.stream->Take();
  EXPECT_THAT(client.Say("MAIL FROM:<a@b.test>\r\nRCPT TO:<c@d.test>\r\nDATA\r\nbad\r\n.\r\n"),
              HasSubstr("\r\n451 4.6.0 "));
}

TEST_F(SubmissionSessionTest, ClosesSilentClientsWith421) {
  Client& client = Connect();
  client.stream->Take();
  Pass(std::chrono::minutes(4), std::chrono::seconds(10));
  client.Say("NOOP\r\n");
  Pass(std::chrono::minutes(4), std::chrono::seconds(10));
  EXPECT_FALSE(client.stream->closed);
  // Octets of a command that never ends are no life sign.
  for (int i = 0; i < 70; ++i) {
    if (!client.stream->closed) client.Say("x");
    Advance(std::chrono::seconds(1));
  }
  EXPECT_THAT(client.stream->Take(), StartsWith("421 4.4.2 "));
  EXPECT_TRUE(client.stream->closed);
  EXPECT_EQ(listener->counters().timeouts, 1u);
}

TEST_F(SubmissionSessionTest, GivesContentTimeAsLongAsItComes) {
  Client& client = Connect();
  client.Say(std::string(kEnvelope) + "DATA\r\n");
  for (int i = 0; i < 59; ++i) {
    client.Say("x");
    Advance(std::chrono::minutes(1));
    ASSERT_FALSE(client.stream->closed) << i;
  }
  Pass(std::chrono::minutes(2), std::chrono::minutes(1));
  EXPECT_TRUE(client.stream->closed);  // an hour is enough for any message
}

TEST_F(SubmissionSessionTest, NeverTimesOutWhileTheCommitIsAwaited) {
  Client& client = Connect();
  client.Say(std::string(kEnvelope) + "DATA\r\n.\r\n");
  Pass(std::chrono::hours(1), std::chrono::minutes(1));
  EXPECT_FALSE(client.stream->closed);
}

TEST_F(SubmissionSessionTest, WantsALoginWithinTenMinutes) {
  Client& client = Connect("198.51.100.7:1");
  for (int i = 0; i < 11; ++i) {
    if (!client.stream->closed) client.Say("NOOP\r\n");
    Advance(std::chrono::minutes(1));
  }
  EXPECT_TRUE(client.stream->closed);
}

TEST_F(SubmissionSessionTest,
       StopsReadingFromAndThenClosesWhoDoesNotReadReplies) {  // protocol.md 8
  Client& client = Connect();
  client.stream->Take();
  client.stream->room = 5;
  EXPECT_EQ(client.Say("NOOP\r\n"), "250 2");
  EXPECT_TRUE(client.stream->paused);
  client.stream->room = 100;
  client.events->OnWritable();
  EXPECT_EQ(client.stream->Take(), ".0.0 Ok\r\n");
  EXPECT_FALSE(client.stream->paused);
  client.stream->room = 0;
  client.Say("NOOP\r\n");
  Pass(std::chrono::seconds(61), std::chrono::seconds(1));
  EXPECT_TRUE(client.stream->aborted);
  EXPECT_EQ(listener->counters().unread_replies, 1u);
}

TEST_F(SubmissionSessionTest, PausesOnlyWhenMoreComesDuringTheCommit) {
  Client& client = Connect();
  client.Say(std::string(kEnvelope) + "DATA\r\n.\r\n");
  EXPECT_FALSE(client.stream->paused);
  client.Say("NO");
  EXPECT_TRUE(client.stream->paused);
  intake.Commit();
  EXPECT_FALSE(client.stream->paused);
  EXPECT_THAT(client.Say("OP\r\n"), EndsWith("250 2.0.0 Ok\r\n"));
}

}  // namespace
}  // namespace sluice::engine
