// The server session as transcripts: what a client says, what it hears. Numbers are lines of
// protocol.md. Every transcript is also fed octet by octet, and must sound the same.

#include "smtp/server_session.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "tests/smtp/server_driver.h"
#include "tests/smtp/server_talk.h"

namespace sluice::smtp {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

struct Transcript {
  const char* line;  // of protocol.md
  const char* script;
  const char* codes;
};

constexpr char kEnvelope[] = "EHLO c\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\n";

const Transcript kTranscripts[] = {
    {"1", "EHLO c\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\nx\r\n.\r\n",
     "250 250 250 354 250"},
    {"1", "EHLO c\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\nx\n.\nMAIL FROM:<s@b>\r\n.\r\n",
     "250 250 250 354 250"},
    {"1 BDAT too", "EHLO c\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nBDAT 7 LAST\r\nx\n.\ny\r\n",
     "250 250 250 250"},
    {"3", "NOOP\nNOOP\r\n", "250 250"},
    {"3", "BOGUS\r\n\r\nNOOP\r\n", "500 500 250"},
    {"6", "MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n", "503 503 503"},
    {"6", "EHLO c\r\nMAIL FROM:<a@b>\r\nDATA\r\n", "250 250 554"},
    {"6 pipelined", "EHLO c\r\nMAIL FROM:<a@b>\r\nRCPT TO:c@d\r\nDATA\r\nQUIT\r\n",
     "250 250 501 554 221"},
    {"6", "EHLO c\r\nMAIL FROM:<a@b>\r\nMAIL FROM:<a@b>\r\n", "250 250 503"},
    {"6", "EHLO c\r\nMAIL FROM:<a@b>\r\nEHLO c\r\nRCPT TO:<c@d>\r\nMAIL FROM:<a@b>\r\n",
     "250 250 250 503 250"},
    {"6", "EHLO c\r\nMAIL FROM:<a@b>\r\nRSET\r\nRCPT TO:<c@d>\r\n", "250 250 250 503"},
    {"6", "BDAT 8\r\nNOOP\r\n\r\nNOOP\r\n", "503 250"},
    {"6", "EHLO c\r\nMAIL FROM:<a@b>\r\nBDAT 6 LAST\r\nQUIT\r\nNOOP\r\n", "250 250 554 250"},
    {"6",
     "EHLO c\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nBDAT 2\r\nabDATA\r\nRCPT TO:<e@d>\r\nRSET\r\n",
     "250 250 250 250 503 503 250"},
    {"7", "EHLO c\r\nMAIL FROM:<>\r\nRCPT TO:<postmaster>\r\n", "250 250 250"},
    {"7", "EHLO c\r\nMAIL FROM: <a@b> SIZE=3\r\nRCPT TO: <c@d>\r\n", "250 250 250"},
    {"7", "EHLO c\r\nMAIL FROM:a@b\r\n", "250 501"},
    {"7", "EHLO c\r\nMAIL FROM:<a@b> FOO=1\r\nMAIL FROM:<a@b> SIZE=1 SIZE=1\r\n", "250 555 501"},
    {"7", "EHLO c\r\nMAIL FROM:<a@[192.0.2.1]>\r\n", "250 550"},
    {"7",
     "EHLO c\r\nMAIL FROM:<\xc3\xb6@b>\r\nMAIL FROM:<\xc3\xb6@b> SMTPUTF8\r\nRCPT "
     "TO:<\xc3\xb6@b>\r\n",
     "250 553 250 250"},
    {"7", "EHLO c\r\nMAIL FROM:<a\x01@b>\r\n", "250 501"},
    {"8", "EHLO c\r\nMAIL FROM:<a@b> SIZE=52428801\r\nMAIL FROM:<a@b> SIZE=52428800\r\n",
     "250 552 250"},
    {"9", "VRFY a\r\nEXPN a\r\nHELP\r\nNOOP x\r\n", "252 502 214 250"},
    {"lenient EHLO", "EHLO localhost\r\nEHLO [127.0.0.1]\r\nEHLO [IPv6:::1]\r\nHELO x y\r\n",
     "250 250 250 250"},
    {"lenient EHLO", "EHLO\r\nEHLO a\x01\r\nHELO\r\n", "501 501 501"},
};

TEST(ServerSession, AnswersEachTranscriptAsWritten) {
  for (const Transcript& t : kTranscripts)
    EXPECT_EQ(Codes(Talk(t.script)), t.codes) << t.line << ": " << t.script;
}

TEST(ServerSession, GreetsWithoutAVersion) {  // 9
  ServerDriver driver;
  driver.session.Greet();
  EXPECT_EQ(driver.session.output(), "220 mta.test ESMTP ready\r\n");
}

TEST(ServerSession, OffersItsExtensions) {
  EXPECT_EQ(
      Talk("EHLO c\r\n"),
      "250-mta.test\r\n250-PIPELINING\r\n250-SIZE 52428800\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n"
      "250-ENHANCEDSTATUSCODES\r\n250-CHUNKING\r\n250-DSN\r\n250 LIMITS RCPTMAX=1000\r\n");
  EXPECT_EQ(Talk("HELO c\r\n"), "250 mta.test\r\n");
  ServerRules rules = ServerDriver::Defaults();
  rules.starttls = true;
  EXPECT_THAT(Talk("EHLO c\r\n", rules), HasSubstr("250-STARTTLS\r\n"));
  EXPECT_THAT(Talk("EHLO c\r\n", rules), Not(HasSubstr("AUTH")));  // 5
  EXPECT_THAT(Talk("EHLO c\r\n", rules, true), HasSubstr("250-AUTH PLAIN LOGIN\r\n"));
  EXPECT_THAT(Talk("EHLO c\r\n", rules, true), Not(HasSubstr("STARTTLS")));  // 4
}

TEST(ServerSession, TakesAMessageWithItsDotsAndLineEndsMended) {  // 1
  ServerDriver driver;
  driver.Say(std::string(kEnvelope) + "RCPT TO:<e@D>\r\nDATA\r\na\nb\r\n..c\r\n.\r\n");
  ASSERT_EQ(driver.messages.size(), 1u);
  EXPECT_EQ(driver.messages[0].sender, "a@b");
  EXPECT_THAT(driver.messages[0].recipients, ElementsAre("c@d", "e@d"));
  EXPECT_EQ(driver.messages[0].content, "a\r\nb\r\n.c\r\n");
  EXPECT_EQ(driver.session.content().bare_line_ends, 1u);
}

TEST(ServerSession, AnswersAPipelinedClientInOnePiece) {
  ServerDriver driver;
  const std::string message = "MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\nx\r\n.\r\n";
  EXPECT_EQ(Codes(driver.Say("EHLO c\r\n" + message + message + "QUIT\r\n")),
            "250 250 250 354 250 250 250 354 250 221");
  EXPECT_EQ(driver.batches, 1);
  EXPECT_EQ(driver.messages.size(), 2u);
  EXPECT_TRUE(driver.session.closed());
}

TEST(ServerSession, KeepsWhatFollowsTheDotWhileTheCommitIsAwaited) {
  ServerDriver driver;
  driver.Say(kEnvelope);
  driver.hold = true;
  EXPECT_EQ(Codes(driver.Say("DATA\r\nx\r\n.\r\nMAIL FROM:<e@f>\r\nNOO")), "354");
  EXPECT_TRUE(driver.session.waiting());
  EXPECT_EQ(driver.session.kept(), 20u);
  driver.session.AnswerMessage(driver.message_answer);
  driver.hold = false;
  EXPECT_EQ(Codes(driver.Say("")), "250 250");
  EXPECT_EQ(Codes(driver.Say("P\r\n")), "250");
}

TEST(ServerSession, TakesContentInChunks) {
  ServerDriver driver;
  EXPECT_EQ(Codes(driver.Say(std::string(kEnvelope) +
                             "BDAT 3\r\na\r\nBDAT 0\r\nBDAT 6 LAST\r\n.\r\nb\r\nNOOP\r\n")),
            "250 250 250 250 250 250 250");
  ASSERT_EQ(driver.messages.size(), 1u);
  EXPECT_EQ(driver.messages[0].content, "a\r\n.\r\nb\r\n");
}

TEST(ServerSession, RefusesContentByItsFaultAndStaysUsable) {  // 1, 8
  ServerRules rules = ServerDriver::Defaults();
  rules.size_max = 100;
  rules.refuse_bare_line_ends = true;
  const std::string nul("x\0y\r\n.\r\n", 8);
  EXPECT_THAT(Talk(kEnvelope + ("DATA\r\n" + nul) + "NOOP\r\n", rules),
              HasSubstr("\r\n550 5.6.0 "));
  EXPECT_THAT(Talk(kEnvelope + std::string("DATA\r\nx\ny\r\n.\r\nNOOP\r\n"), rules),
              HasSubstr("\r\n550 5.6.11 "));
  const std::string big = kEnvelope + ("DATA\r\n" + std::string(200, 'x')) + "\r\n.\r\nRSET\r\n";
  EXPECT_THAT(Talk(big, rules), HasSubstr("\r\n552 5.3.4 "));
  EXPECT_EQ(Codes(Talk(big, rules)), "250 250 250 354 552 250");
  const std::string chunk =
      kEnvelope + ("BDAT 200\r\n" + std::string(200, 'x')) + "BDAT 1 LAST\r\nyRSET\r\n";
  EXPECT_EQ(Codes(Talk(chunk, rules)), "250 250 250 552 503 250");
}

TEST(ServerSession, RefusesWhatIsLargerThanDeclaredByAnyWayOfCounting) {  // 8
  const auto with_size = [](const char* size) {
    return Codes(Talk("EHLO c\r\nMAIL FROM:<a@b> SIZE=" + std::string(size) +
                      "\r\nRCPT TO:<c@d>\r\nDATA\r\n0123456\r\n0123456\r\n.\r\nNOOP\r\n"));
  };
  EXPECT_EQ(with_size("0"), "250 250 250 354 250 250");  // declares nothing
  EXPECT_EQ(with_size("18"), "250 250 250 354 250 250");
  EXPECT_EQ(with_size("15"), "250 250 250 354 250 250");  // LF line ends, none at the end
  EXPECT_EQ(with_size("14"), "250 250 250 354 552 250");
}

TEST(ServerSession, NotesCommandsThatEndInABareLf) {  // 3
  ServerDriver driver;
  driver.Say("NOOP\r\nNOOP\nEHLO c\n");
  EXPECT_EQ(driver.session.bare_line_ends(), 2u);
}

TEST(ServerSession, EndsOverLongLinesWith500AndGoesOn) {  // 3
  const std::string long_line(10'000, 'x');
  EXPECT_EQ(Codes(Talk(long_line + "\r\nNOOP\r\n")), "500 250");
  EXPECT_EQ(Codes(Talk("NOOP " + std::string(505, 'x') + "\r\n")), "250");
  EXPECT_EQ(Codes(Talk("NOOP " + std::string(506, 'x') + "\r\n")), "500");
  EXPECT_EQ(Codes(Talk("NOOP " + std::string(506, 'x') + "\n")), "250");
  const std::string orcpt = " ORCPT=rfc822;" + std::string(480, 'x');
  EXPECT_EQ(Codes(Talk("EHLO c\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>" + orcpt + "\r\n")),
            "250 250 250");
}

TEST(ServerSession, NeedsALoginToRelay) {
  ServerRules rules = ServerDriver::Defaults();
  rules.trusted = false;
  EXPECT_THAT(Talk("EHLO c\r\nMAIL FROM:<a@b>\r\n", rules), HasSubstr("530 5.7.0 Authentication"));
  rules.starttls = true;
  EXPECT_THAT(Talk("EHLO c\r\nMAIL FROM:<a@b>\r\n", rules),
              HasSubstr("530 5.7.0 Must issue a STARTTLS"));
}

TEST(ServerSession, RefusesEveryRecipientInbound) {
  ServerRules rules = ServerDriver::Defaults();
  rules.trusted = false;
  rules.role = ServerRole::kInbound;
  EXPECT_EQ(Codes(Talk(kEnvelope + std::string("DATA\r\n"), rules)), "250 250 550 554");
  EXPECT_THAT(Talk("EHLO c\r\n", rules, true), Not(HasSubstr("AUTH")));
  EXPECT_EQ(Codes(Talk("EHLO c\r\nAUTH PLAIN AGEAYg==\r\n", rules, true)), "250 502");
}

TEST(ServerSession, ForgetsEverythingAtStartTls) {  // 4
  ServerRules rules = ServerDriver::Defaults();
  rules.starttls = true;
  ServerDriver driver(rules);
  // What comes with STARTTLS in one piece is dropped.
  EXPECT_EQ(
      Codes(driver.Say(kEnvelope + std::string("STARTTLS\r\nDATA\r\nx\r\n.\r\nEHLO evil\r\n"))),
      "250 250 250 220");
  EXPECT_TRUE(driver.session.tls());
  EXPECT_TRUE(driver.messages.empty());
  EXPECT_EQ(Codes(driver.Say("DATA\r\nMAIL FROM:<a@b>\r\n")), "503 503");  // EHLO is needed again
  EXPECT_EQ(Codes(driver.Say("EHLO c\r\nSTARTTLS\r\nMAIL FROM:<a@b>\r\n")), "250 503 250");
}

TEST(ServerSession, HearsNothingDuringTheHandshake) {  // 4
  ServerRules rules = ServerDriver::Defaults();
  rules.starttls = true;
  ServerDriver driver(rules);
  driver.session.Feed("EHLO c\r\nSTARTTLS\r\n");
  EXPECT_EQ(driver.session.Next(), ServerEvent::kStartTls);
  driver.session.Keep();
  driver.session.ConsumeOutput(driver.session.output().size());
  EXPECT_EQ(driver.Say("NOOP\r\n"), "");
  driver.session.TlsStarted();
  EXPECT_EQ(Codes(driver.Say("NOOP\r\n")), "250");
}

TEST(ServerSession, RefusesStartTlsWithParametersOrNotOffered) {
  ServerRules rules = ServerDriver::Defaults();
  EXPECT_EQ(Codes(Talk("STARTTLS\r\n", rules)), "502");
  rules.starttls = true;
  EXPECT_EQ(Codes(Talk("STARTTLS now\r\n", rules)), "501");
}

TEST(ServerSession, LetsOldClientsOnlyUpgradeOnATlsOnlyPort) {  // design 12.14
  ServerRules rules = ServerDriver::Defaults();
  rules.starttls = rules.tls_first = true;
  const std::string said =
      Talk("EHLO c\r\nMAIL FROM:<a@b>\r\nNOOP\r\nAUTH PLAIN AGEAYg==\r\nQUIT\r\n", rules);
  EXPECT_EQ(Codes(said), "250 530 530 530 221");
  EXPECT_THAT(said, StartsWith("250-mta.test\r\n250-STARTTLS\r\n250 ENHANCEDSTATUSCODES\r\n"));
  ServerDriver driver(rules);
  EXPECT_EQ(Codes(driver.Say("EHLO c\r\nSTARTTLS\r\n")), "250 220");
  EXPECT_EQ(Codes(driver.Say(kEnvelope)), "250 250 250");
}

TEST(ServerSession, PassesOnTheDriversRefusals) {
  ServerDriver driver;
  driver.mail_refusal = {452, "4.3.1", "Queue full"};
  EXPECT_EQ(Codes(driver.Say(kEnvelope)), "250 452 503");
  driver.mail_refusal = {};
  driver.rcpt_refusal = {550, "5.1.1", "user unknown"};
  EXPECT_EQ(Codes(driver.Say(kEnvelope + std::string("DATA\r\n"))), "250 250 550 554");
  driver.rcpt_refusal = {};
  driver.message_answer = {550, "5.6.0", "Line 3 of the header is no field"};
  EXPECT_EQ(Codes(driver.Say(kEnvelope + std::string("DATA\r\nx\r\n.\r\n"))),
            "250 250 250 354 550");
}

TEST(ServerSession, TellsWhenATransactionIsDropped) {
  ServerDriver driver;
  driver.Say(kEnvelope);
  driver.Say("RSET\r\n");
  EXPECT_EQ(driver.dropped, 1);
  driver.Say("RSET\r\n");
  EXPECT_EQ(driver.dropped, 1);
  driver.Say(kEnvelope + std::string("EHLO c\r\n"));
  EXPECT_EQ(driver.dropped, 2);
  driver.Say("MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\nx\r\n.\r\n");
  EXPECT_EQ(driver.dropped, 2);
}

TEST(ServerSession, EndsWithTheDrivers421) {
  ServerDriver driver;
  driver.Say(kEnvelope);
  driver.session.End({421, "4.3.2", "mta.test Shutting down"});
  EXPECT_EQ(driver.session.Next(), ServerEvent::kClose);
  EXPECT_EQ(driver.session.output(), "421 4.3.2 mta.test Shutting down\r\n");
  driver.session.ConsumeOutput(driver.session.output().size());
  EXPECT_EQ(driver.Say("NOOP\r\n"), "");
}

}  // namespace
}  // namespace sluice::smtp
