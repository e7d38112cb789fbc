// Command lines and ESMTP parameters (protocol.md 3, 7; RFC 1870, 3461, 4954, 6152, 6531).

#include "smtp/command.h"

#include <gtest/gtest.h>

namespace sluice::smtp {
namespace {

uint16_t MailCode(std::string_view arguments) {
  const auto mail = ParseMail(arguments, false);
  return mail ? 250 : mail.error().code;
}

uint16_t RcptCode(std::string_view arguments, bool utf8 = false) {
  const auto rcpt = ParseRcpt(arguments, {.utf8 = utf8, .literals = false});
  return rcpt ? 250 : rcpt.error().code;
}

TEST(Command, ReadsVerbsInAnyCaseAndWithStraySpaces) {
  EXPECT_EQ(ParseCommandLine("mail FROM:<a@b>").verb, Verb::kMail);
  EXPECT_EQ(ParseCommandLine("  Quit  ").verb, Verb::kQuit);
  EXPECT_EQ(ParseCommandLine("STARTTLS").verb, Verb::kStartTls);
  EXPECT_EQ(ParseCommandLine("EHLO  x.test ").arguments, "x.test");
  EXPECT_EQ(ParseCommandLine("").verb, Verb::kUnknown);
  EXPECT_EQ(ParseCommandLine("MAILFROM:<a@b>").verb, Verb::kUnknown);
}

TEST(Command, AcceptsTheSpaceThatRealClientsPutBehindTheColon) {
  EXPECT_EQ(ParseMail("FROM: <a@b>", false)->sender, "a@b");
  EXPECT_EQ(ParseMail("from : <a@b> SIZE=5", false)->sender, "a@b");
  EXPECT_EQ(ParseRcpt("To: <a@b>", {})->address, "a@b");
}

TEST(Command, RefusesMissingBracketsWith501) {
  EXPECT_EQ(MailCode("FROM:a@b"), 501);
  EXPECT_EQ(RcptCode("TO:a@b"), 501);
  EXPECT_EQ(MailCode("<a@b>"), 501);
  EXPECT_EQ(MailCode("FROM:<a@b>SIZE=1"), 501);
  EXPECT_EQ(RcptCode("TO:<>"), 501);
}

TEST(Command, ReadsEveryMailParameter) {
  const auto mail =
      ParseMail("FROM:<a@b> size=123 body=8bitmime smtputf8 ret=hdrs envid=ab+2Bc AUTH=<>", false);
  ASSERT_TRUE(mail) << mail.error().text;
  EXPECT_EQ(mail->size, 123u);
  EXPECT_EQ(mail->body, BodyType::k8BitMime);
  EXPECT_TRUE(mail->utf8);
  EXPECT_EQ(mail->ret, Ret::kHeaders);
  EXPECT_EQ(mail->envid, "ab+2Bc");
}

TEST(Command, AnswersUnknownParameters555AndRepeatedOnes501) {
  EXPECT_EQ(MailCode("FROM:<a@b> FOO=1"), 555);
  EXPECT_EQ(MailCode("FROM:<a@b> BY=12;R"), 555);
  EXPECT_EQ(MailCode("FROM:<a@b> SIZE=1 SIZE=2"), 501);
  EXPECT_EQ(MailCode("FROM:<a@b> SMTPUTF8 SMTPUTF8"), 501);
  EXPECT_EQ(RcptCode("TO:<a@b> FOO"), 555);
  EXPECT_EQ(RcptCode("TO:<a@b> NOTIFY=NEVER NOTIFY=DELAY"), 501);
  EXPECT_EQ(RcptCode("TO:<a@b> ORCPT=rfc822;a ORCPT=rfc822;b"), 501);
}

TEST(Command, RefusesBadValuesOfParameters) {
  for (const std::string_view bad :
       {"SIZE", "SIZE=", "SIZE=-1", "SIZE=1x", "SIZE=99999999999999999999",
        "SIZE=184467440737095516160", "BODY=BINARYMIME", "BODY", "SMTPUTF8=1", "RET=ALL",
        "ENVID=", "ENVID=a+2", "ENVID=a=b", "AUTH=a=b"})
    EXPECT_EQ(MailCode("FROM:<a@b> " + std::string(bad)), 501) << bad;
  EXPECT_EQ(MailCode("FROM:<a@b> ENVID=" + std::string(100, 'x')), 250);
  EXPECT_EQ(MailCode("FROM:<a@b> ENVID=" + std::string(101, 'x')), 501);
}

TEST(Command, ParsesNumbersWithoutOverflow) {
  EXPECT_EQ(ParseNumber("18446744073709551615"), UINT64_MAX);
  EXPECT_EQ(ParseNumber("18446744073709551616"), std::nullopt);
  EXPECT_EQ(ParseNumber("+1"), std::nullopt);
  EXPECT_EQ(ParseNumber(" 1"), std::nullopt);
}

TEST(Command, AllowsEightBitSendersOnlyWithSmtputf8WhereverItStands) {
  EXPECT_EQ(MailCode("FROM:<j\xc3\xb6@b>"), 553);
  EXPECT_EQ(MailCode("FROM:<j\xc3\xb6@b> SIZE=1 SMTPUTF8"), 250);
  EXPECT_EQ(MailCode("FROM:<j\xf6@b> SMTPUTF8"), 553);
  EXPECT_EQ(RcptCode("TO:<j\xc3\xb6@b>"), 553);
  EXPECT_EQ(RcptCode("TO:<j\xc3\xb6@b>", true), 250);
}

TEST(Command, ReadsNotifyAndOrcpt) {
  const auto rcpt = ParseRcpt("TO:<a@b> NOTIFY=success,DELAY ORCPT=rfc822;a+2Bx@b", {});
  ASSERT_TRUE(rcpt);
  EXPECT_EQ(rcpt->notify, kNotifySuccess | kNotifyDelay);
  EXPECT_EQ(rcpt->orcpt, "rfc822;a+2Bx@b");
  EXPECT_EQ(ParseRcpt("TO:<a@b> NOTIFY=NEVER", {})->notify, kNotifyNever);
  for (const std::string_view bad : {"NOTIFY", "NOTIFY=", "NOTIFY=NEVER,DELAY", "NOTIFY=DELAY,",
                                     "ORCPT=a@b", "ORCPT=;a", "ORCPT=rfc 822;a", "ORCPT=rfc822;a+"})
    EXPECT_NE(RcptCode("TO:<a@b> " + std::string(bad)), 250) << bad;
  EXPECT_EQ(RcptCode("TO:<a@b> ORCPT=utf-8;\xc3\xb6@b"), 501);
  EXPECT_EQ(RcptCode("TO:<a@b> ORCPT=utf-8;\xc3\xb6@b", true), 250);
}

TEST(Command, ReadsBdat) {
  EXPECT_EQ(ParseBdat("12")->size, 12u);
  EXPECT_FALSE(ParseBdat("12")->last);
  EXPECT_TRUE(ParseBdat("0 last")->last);
  for (const std::string_view bad : {"", "x", "-1", "1 2", "1 LAST x", "99999999999999999999"})
    EXPECT_FALSE(ParseBdat(bad)) << bad;
}

TEST(Answer, BoundsItsLineAndMasksControlCharacters) {
  std::string out;
  AppendAnswer(out, 501, "5.5.4", "bad\r\n250 Ok\x7f");
  EXPECT_EQ(out, "501 5.5.4 bad??250 Ok?\r\n");
  out.clear();
  AppendAnswer(out, 501, "5.5.4", std::string(1000, 'x'));
  EXPECT_EQ(out.size(), 512u);
}

TEST(Answer, TurnsFaultsOfAMessageIntoSomethingToTryAgain) {
  EXPECT_EQ(AsTemporary({550, "5.6.0", "x"}).code, 451);
  EXPECT_STREQ(AsTemporary({552, "5.3.4", "x"}).enhanced, "4.3.4");
  EXPECT_STREQ(AsTemporary({550, "5.1.1", "x"}).enhanced, "4.0.0");
  EXPECT_EQ(AsTemporary({452, "4.3.1", "x"}).code, 452);
  EXPECT_EQ(AsTemporary({250, "2.0.0", "x"}).code, 250);
}

}  // namespace
}  // namespace sluice::smtp
