// What a server session puts up with: errors, refusals, chatter and chunks without end close it, a
// list's bad addresses do not. Numbers are lines of protocol.md.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "smtp/server_session.h"
#include "tests/smtp/server_driver.h"
#include "tests/smtp/server_talk.h"

namespace sluice::smtp {
namespace {

using testing::HasSubstr;

constexpr char kEnvelope[] = "EHLO c\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\n";

TEST(ServerSession, RefusesRecipientsOverTheLimitForNow) {  // 8
  ServerRules rules = ServerDriver::Defaults();
  rules.recipients_max = 2;
  const std::string said =
      Talk(kEnvelope + std::string("RCPT TO:<e@d>\r\nRCPT TO:<f@d>\r\nDATA\r\nx\r\n.\r\n"), rules);
  EXPECT_EQ(Codes(said), "250 250 250 250 452 354 250");
  EXPECT_THAT(said, HasSubstr("452 4.5.3 "));
}

TEST(ServerSession, ClosesWith421WhenTheErrorBudgetIsSpent) {  // 3, 8
  ServerRules rules = ServerDriver::Defaults();
  rules.errors_max = 3;
  EXPECT_EQ(Codes(Talk("A\r\nB\r\nC\r\nD\r\nNOOP\r\n", rules)), "500 500 500 500 421");
  ServerDriver driver(rules);
  driver.Say("A\r\nB\r\nC\r\n");
  EXPECT_FALSE(driver.session.closed());
  driver.Say(kEnvelope + std::string("DATA\r\nx\r\n.\r\nA\r\nB\r\nC\r\n"));  // starts anew
  EXPECT_FALSE(driver.session.closed());
  driver.Say("A\r\n");
  EXPECT_TRUE(driver.session.closed());
  EXPECT_TRUE(driver.session.too_many_errors());
}

TEST(ServerSession, ForgivesAListItsBadAddresses) {
  ServerRules rules = ServerDriver::Defaults();
  rules.errors_max = 3;
  std::string script = kEnvelope;
  for (int i = 0; i < 10; ++i) script += "RCPT TO:<bad>\r\n";
  EXPECT_EQ(Codes(Talk(script + "DATA\r\nx\r\n.\r\n", rules)),
            "250 250 250 501 501 501 501 501 501 501 501 501 501 354 250");
}

TEST(ServerSession, ClosesOnAClientThatIsRefusedWithoutEnd) {
  ServerRules rules = ServerDriver::Defaults();
  rules.recipients_max = 5;
  rules.errors_max = 3;
  const auto refused_until_closed = [](ServerDriver& driver, const std::string& line) {
    for (int i = 0; i < 100; ++i) {
      driver.Say(line);
      if (driver.session.closed()) return i;
    }
    return 100;
  };
  constexpr int kBoth = 2 * 5 + 3;  // twice the recipients, then the error budget
  ServerDriver many(rules);
  std::string script = kEnvelope;
  for (int i = 0; i < 4; ++i) script += "RCPT TO:<e@d>\r\n";
  many.Say(script);
  EXPECT_EQ(refused_until_closed(many, "RCPT TO:<f@d>\r\n"), kBoth);
  ServerDriver driver(rules);
  driver.mail_refusal = {452, "4.3.1", "No room"};
  driver.Say("EHLO c\r\n");
  EXPECT_EQ(refused_until_closed(driver, "MAIL FROM:<a@b>\r\n"), kBoth);
  ServerDriver too_large(rules);
  too_large.Say("EHLO c\r\n");
  EXPECT_EQ(refused_until_closed(too_large, "MAIL FROM:<a@b> SIZE=99999999999\r\n"), kBoth);
  ServerDriver unknown(rules);
  unknown.Say(kEnvelope);
  unknown.rcpt_refusal = {550, "5.1.2", "No"};
  EXPECT_EQ(refused_until_closed(unknown, "RCPT TO:<f@d>\r\n"), kBoth);
  rules.role = ServerRole::kInbound;
  ServerDriver inbound(rules);
  inbound.Say("EHLO c\r\nMAIL FROM:<a@b>\r\n");
  EXPECT_EQ(refused_until_closed(inbound, "RCPT TO:<c@d>\r\n"), kBoth);
}

TEST(ServerSession, RunsNoContentOfABadlyWrittenChunkAsCommands) {  // 6
  EXPECT_EQ(Codes(Talk(kEnvelope + std::string("BDAT 6 LAST extra\r\nNOOP\r\nQUIT\r\n"))),
            "250 250 250 501 221");
  // Nor does a message go out that lacks it.
  ServerDriver driver;
  EXPECT_EQ(Codes(driver.Say(kEnvelope + std::string("BDAT 3\r\nA\r\nBDAT 3 FIRST\r\nB\r\n"
                                                     "BDAT 3 LAST\r\nC\r\nNOOP\r\n"))),
            "250 250 250 250 501 503 250");
  EXPECT_TRUE(driver.messages.empty());
  EXPECT_EQ(driver.dropped, 1);
  for (const char* bad : {"BDAT\r\n", "BDAT x\r\n", "BDAT -1 LAST\r\n", "BDAT LAST 5\r\n",
                          "BDAT 18446744073709551616\r\n"})
    EXPECT_EQ(Codes(Talk(kEnvelope + std::string(bad) + "NOOP\r\n")), "250 250 250 501 421") << bad;
}

TEST(ServerSession, SwallowsNoMoreThanAMessageMayHave) {
  EXPECT_EQ(Codes(Talk("EHLO c\r\nBDAT 18446744073709551615\r\nNOOP\r\n")), "250 503 421");
  ServerRules rules = ServerDriver::Defaults();
  rules.size_max = 10;
  EXPECT_EQ(Codes(Talk("EHLO c\r\nBDAT 10\r\n0123456789NOOP\r\n", rules)), "250 503 250");
  EXPECT_EQ(Codes(Talk("EHLO c\r\nBDAT 11\r\n0123456789\r\n", rules)), "250 503 421");
}

TEST(ServerSession, CountsTheChunksThatFollowARefusedOneAsOneFaultAtMost) {  // 8
  ServerRules rules = ServerDriver::Defaults();
  rules.size_max = 100;
  rules.errors_max = 3;
  std::string script = kEnvelope;
  for (int i = 0; i < 20; ++i) script += "BDAT 60\r\n" + std::string(60, 'x');
  ServerDriver driver(rules);
  driver.Say(script + "BDAT 2 LAST\r\n\r\n");
  EXPECT_FALSE(driver.session.closed());
  EXPECT_EQ(Codes(driver.Say(kEnvelope + std::string("BDAT 3 LAST\r\nx\r\n"))), "250 250 250 250");
  // Another transaction that was refused before its content.
  driver.mail_refusal = {452, "4.3.1", "No room"};
  script = "MAIL FROM:<a@b>\r\n";
  for (int i = 0; i < 20; ++i) script += "BDAT 3\r\nx\r\n";
  driver.Say(script + "BDAT 0 LAST\r\n");
  EXPECT_FALSE(driver.session.closed());
  // Each begins anew after another command.
  for (int i = 0; i < 3; ++i) driver.Say("NOOP\r\nBDAT 3\r\nx\r\n");
  EXPECT_TRUE(driver.session.closed());
}

TEST(ServerSession, ClosesOnAClientThatOnlyChats) {
  ServerDriver driver;
  for (uint32_t i = 0; i < kIdleCommandsMax; ++i) driver.Say("NOOP\r\n");
  EXPECT_FALSE(driver.session.closed());
  EXPECT_EQ(Codes(driver.Say("NOOP\r\n")), "250 421");
}

}  // namespace
}  // namespace sluice::smtp
