// What a submission session stores: header, body, envelope, class and campaign.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "engine/submission/message_builder.h"
#include "tests/engine/submission_fixture.h"

namespace sluice::engine {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;

using SubmissionContentTest = SubmissionTest;

TEST_F(SubmissionContentTest, StoresGeneratedFieldsThenTheHeaderThenTheBody) {
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

TEST_F(SubmissionContentTest, RefusesAMessageWhoseFromDomainMayNotSend) {
  intake.admission = {451, "4.7.0", "From domain b.test is not verified"};
  Client& client = Connect();
  const std::string reply =
      client.Say(std::string(kEnvelope) + "DATA\r\nFrom: A <a@B.test>\r\n\r\nhi\r\n.\r\n");
  EXPECT_THAT(reply, EndsWith("451 4.7.0 From domain b.test is not verified\r\n"));
  EXPECT_EQ(intake.from_domains, std::vector<std::string>{"b.test"});
  EXPECT_TRUE(intake.accepted.empty());
  intake.admission = {};
  client.Say("MAIL FROM:<a@b.test>\r\nRCPT TO:<c@d.test>\r\nDATA\r\nFrom: a@b.test\r\n\r\n.\r\n");
  EXPECT_EQ(intake.accepted.size(), 1u);
}

TEST_F(SubmissionContentTest, AddsNothingThatIsThere) {
  Client& client = Connect();
  client.Say(std::string(kEnvelope) + "DATA\r\ndate: d\r\nMESSAGE-ID: <m>\r\n\r\nhi\r\n.\r\n");
  const std::string content = intake.accepted.at(0).content->ToString();
  EXPECT_THAT(content, EndsWith("+0000\r\ndate: d\r\nMESSAGE-ID: <m>\r\n\r\nhi\r\n"));
}

TEST_F(SubmissionContentTest, KeepsHeaderOnlyAndEmptyMessages) {  // protocol.md 2
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

TEST_F(SubmissionContentTest, StoresTheSameForEveryCutOfTheInput) {
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

TEST_F(SubmissionContentTest, RefusesBadHeadersByLine) {  // protocol.md 2
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

TEST_F(SubmissionContentTest, KeepsADoubledRecipientOnceAndNormalisesDomains) {
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

TEST_F(SubmissionContentTest, RefusesRecipientsWithoutAMailDomain) {
  Client& client = Connect();
  EXPECT_THAT(client.Say("EHLO c\r\nMAIL FROM:<a@b.test>\r\nRCPT TO:<c@127.0.0.1>\r\n"),
              HasSubstr("\r\n550 5.1.2 "));
  EXPECT_EQ(listener->counters().recipients_refused, 1u);
}

TEST_F(SubmissionContentTest, PassesDsnParametersOn) {
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

TEST_F(SubmissionContentTest, SetsClassAndCampaignByUserAndMessage) {  // design part 2
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

TEST_F(SubmissionContentTest, TakesTheClassFromTheMessageOfAUserWhoMaySayIt) {
  using Class = config::User::Class;
  struct {
    bool allowed;
    Class mail_class;
    const char* header;
    const char* campaign;
    bool bulk;
    bool urgent;
  } const kCases[] = {
      {true, Class::kByMessage, "X-Priority-Class: Transactional\r\nX-Campaign: c\r\n", "c", false,
       true},
      {true, Class::kBulk, "X-Priority-Class:\r\n transactional\r\n", "", false, false},
      {true, Class::kTransactional, "X-Priority-Class: bulk\r\nX-Job: j\r\n", "j", true, false},
      {true, Class::kTransactional, "X-Job: j\r\n", "j", false, true},
      {false, Class::kByMessage, "X-Priority-Class: transactional\r\nX-Campaign: c\r\n", "c", true,
       false},
      {false, Class::kByMessage, "X-Priority-Class: soon\r\n", "", false, false},
  };
  for (const auto& c : kCases) {
    config.users[0].mail_class = c.mail_class;
    config.users[0].priority_header = c.allowed;
    listener.reset();
    Start();
    Client& client = ConnectTls();
    client.Say("AUTH PLAIN AGNybQBzZWNyZXQ=\r\n");
    authenticator.Answer(AuthOutcome::kGood);
    client.Say("MAIL FROM:<a@b.test>\r\nRCPT TO:<c@d.test>\r\nDATA\r\nFrom: a@b.test\r\n" +
               std::string(c.header) + "\r\n.\r\n");
    const queue::Message& message = intake.accepted.back().message;
    EXPECT_EQ(message.campaign, c.campaign) << c.header;
    EXPECT_EQ((message.flags & queue::kFlagBulk) != 0, c.bulk) << c.header;
    EXPECT_EQ((message.flags & queue::kFlagUrgent) != 0, c.urgent) << c.header;
    EXPECT_EQ(message.cuts.size(), std::string_view(c.header).contains("Priority") ? 1u : 0u);
    client.Leave();
  }
}

TEST_F(SubmissionContentTest, RefusesAClassThatIsNone) {
  config.users[0].priority_header = true;
  Start();
  Client& client = ConnectTls();
  client.Say("AUTH PLAIN AGNybQBzZWNyZXQ=\r\n");
  authenticator.Answer(AuthOutcome::kGood);
  EXPECT_THAT(client.Say("MAIL FROM:<a@b.test>\r\nRCPT TO:<c@d.test>\r\nDATA\r\n"
                         "X-Priority-Class: soon\r\n\r\n.\r\n"),
              HasSubstr("550 5.6.0 X-Priority-Class must be transactional or bulk, not \"soon\""));
  EXPECT_TRUE(intake.accepted.empty());
}

TEST_F(SubmissionContentTest, AlertsTheOperatorOfMessageFaultsOncePerSenderAndWhile) {  // 12.7
  config.limits.message_size = 1'000;
  config.users[0].message_fault_451 = true;
  Start();
  Client& trusted = Connect();
  const std::string faulty = std::string(kEnvelope) + "DATA\r\nno field\r\n\r\nx\r\n.\r\n";
  EXPECT_THAT(trusted.Say(faulty), HasSubstr("\r\n550 5.6.0 "));
  ASSERT_EQ(intake.alerts.size(), 1u);
  EXPECT_THAT(intake.alerts[0], StartsWith("message_fault: address 192.0.2.7: 1 message was "));
  EXPECT_THAT(intake.alerts[0], HasSubstr("550 5.6.0 Line 1 of the header"));
  for (int i = 0; i < 20; ++i) trusted.Say(faulty);
  EXPECT_EQ(intake.alerts.size(), 1u);

  Client& user = ConnectTls();
  user.Say("AUTH PLAIN AGNybQBzZWNyZXQ=\r\n");
  authenticator.Answer(AuthOutcome::kGood);
  user.stream->Take();
  EXPECT_THAT(user.Say(faulty), HasSubstr("\r\n451 4.6.0 "));
  ASSERT_EQ(intake.alerts.size(), 2u);
  EXPECT_THAT(intake.alerts[1], HasSubstr("user crm: 1 message was refused"));
  EXPECT_THAT(intake.alerts[1], HasSubstr("550 5.6.0"));
  EXPECT_THAT(user.Say("MAIL FROM:<a@b.test> SIZE=1001\r\n"), StartsWith("451 4.3.4 "));
  EXPECT_EQ(listener->counters().message_faults, 23u);

  // The clients are gone by then, who they were is not; nobody needs to fail again to be told of.
  Advance(FaultAlerts::kEvery);
  ASSERT_EQ(intake.alerts.size(), 4u);
  EXPECT_THAT(intake.alerts[2], HasSubstr("address 192.0.2.7: 20 messages were refused"));
  EXPECT_THAT(intake.alerts[3], HasSubstr("user crm: 1 message was refused"));
  Connect().Say(faulty);
  EXPECT_EQ(intake.alerts.size(), 4u);
  Advance(FaultAlerts::kEvery);
  EXPECT_EQ(intake.alerts.size(), 5u);
  Advance(3 * FaultAlerts::kEvery);
  EXPECT_EQ(intake.alerts.size(), 5u);
}

TEST_F(SubmissionContentTest, RaisesNoAlertForWhatIsNoFaultOfTheMessage) {
  Client& client = Connect();
  client.Say("NONSENSE\r\nEHLO c\r\nMAIL FROM:<a@b.test>\r\nRCPT TO:<bad\r\nDATA\r\nRSET\r\n");
  client.Say(std::string(kEnvelope) + "DATA\r\nA: b\r\n\r\nx\r\n.\r\n");
  intake.Commit(Fail(ErrorCode::kFull, "full"));
  EXPECT_THAT(client.stream->Take(), HasSubstr("452 4.3.1"));
  EXPECT_TRUE(intake.alerts.empty());
  EXPECT_EQ(listener->counters().message_faults, 0u);
}

TEST_F(SubmissionContentTest, CountsTheRestAsOneWhereThereAreVeryManySenders) {
  FaultAlerts faults(kMessageFault, context, intake);
  const std::vector<std::string>& told = intake.alerts;
  const smtp::Answer fault{550, "5.6.0", "x"};
  for (size_t i = 0; i < FaultAlerts::kSendersMax + 100; ++i)
    faults.Note("address " + std::to_string(i), fault, 1);
  EXPECT_EQ(told.size(), FaultAlerts::kSendersMax + 1);
  faults.Note("address 7", fault, 5);
  clock.now += FaultAlerts::kEvery;
  faults.Note("address 9999", fault, 1);  // makes room, but not of what is untold
  EXPECT_THAT(told.back(), StartsWith("message_fault: address 9999: 1 message was"));
  timers.Run(clock.now);
  EXPECT_EQ(told.size(), FaultAlerts::kSendersMax + 4);
  EXPECT_THAT(told, testing::Contains(StartsWith("message_fault: address 7: 5 messages were")));
  EXPECT_THAT(told,
              testing::Contains(StartsWith("message_fault: further senders: 99 messages were")));
}

}  // namespace
}  // namespace sluice::engine
