// AUTH in all its shapes (protocol.md 5).

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "engine/base/text.h"
#include "tests/smtp/scram_client.h"
#include "tests/smtp/server_driver.h"

namespace sluice::smtp {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

class Auth : public testing::Test {
 protected:
  Auth() : driver(Rules()) {
    driver.session.TlsStarted();
    driver.Say("EHLO c\r\n");
  }
  static ServerRules Rules() {
    ServerRules rules = ServerDriver::Defaults();
    rules.trusted = false;
    rules.starttls = true;
    return rules;
  }
  static std::string Plain(const std::string& user, const std::string& password,
                           const std::string& identity = "") {
    return Base64Encode(identity + '\0' + user + '\0' + password);
  }
  // The question must have reached the driver as crm / secret.
  void ExpectAsked() {
    ASSERT_EQ(driver.logins.size(), 1u);
    EXPECT_EQ(driver.logins[0].user, "crm");
    EXPECT_EQ(driver.logins[0].password, "secret");
    EXPECT_TRUE(driver.session.login().password.empty());
  }

  ServerDriver driver;
};

TEST_F(Auth, TakesPlainWithAnInitialResponse) {
  EXPECT_THAT(driver.Say("AUTH PLAIN " + Plain("crm", "secret") + "\r\n"),
              StartsWith("235 2.7.0 "));
  ExpectAsked();
  EXPECT_THAT(driver.Say("MAIL FROM:<a@b>\r\n"), StartsWith("250 "));
}

TEST_F(Auth, TakesPlainByChallenge) {
  EXPECT_EQ(driver.Say("auth plain\r\n"), "334 \r\n");
  EXPECT_THAT(driver.Say(Plain("crm", "secret", "crm") + "\r\n"), StartsWith("235 "));
  ExpectAsked();
}

TEST_F(Auth, TakesLoginByChallenge) {
  EXPECT_EQ(driver.Say("AUTH LOGIN\r\n"), "334 VXNlcm5hbWU6\r\n");
  EXPECT_EQ(driver.Say(Base64Encode("crm") + "\r\n"), "334 UGFzc3dvcmQ6\r\n");
  EXPECT_THAT(driver.Say(Base64Encode("secret") + "\r\n"), StartsWith("235 "));
  ExpectAsked();
}

TEST_F(Auth, TakesLoginWithAnInitialResponse) {
  EXPECT_EQ(driver.Say("AUTH LOGIN " + Base64Encode("crm") + "\r\n"), "334 UGFzc3dvcmQ6\r\n");
  EXPECT_THAT(driver.Say(Base64Encode("secret") + "\r\n"), StartsWith("235 "));
  ExpectAsked();
}

TEST_F(Auth, RefusesAuthBeforeTls) {
  ServerDriver clear(Rules());
  EXPECT_THAT(clear.Say("EHLO c\r\nAUTH PLAIN " + Plain("crm", "secret") + "\r\n"),
              HasSubstr("\r\n538 5.7.11 "));
  EXPECT_TRUE(clear.logins.empty());
}

TEST_F(Auth, AllowsItOnceAndNotWithinATransaction) {
  const std::string auth = "AUTH PLAIN " + Plain("crm", "secret") + "\r\n";
  driver.Say(auth);
  EXPECT_THAT(driver.Say(auth), StartsWith("503 5.5.1 "));
  EXPECT_THAT(driver.Say("EHLO c\r\n"), Not(HasSubstr("AUTH")));
  ServerRules rules = Rules();
  rules.trusted = true;
  ServerDriver trusted(rules);
  trusted.session.TlsStarted();
  EXPECT_THAT(trusted.Say("EHLO c\r\nMAIL FROM:<a@b>\r\n" + auth), HasSubstr("\r\n503 5.5.1 "));
}

TEST_F(Auth, KeepsTheLoginOverRsetAndEhlo) {  // protocol.md 6
  driver.Say("AUTH PLAIN " + Plain("crm", "secret") + "\r\n");
  EXPECT_THAT(driver.Say("RSET\r\nEHLO c\r\n"), StartsWith("250 "));
  EXPECT_THAT(driver.Say("MAIL FROM:<a@b>\r\n"), StartsWith("250 "));
}

TEST_F(Auth, AnswersCancelAndGarbage501) {
  driver.Say("AUTH PLAIN\r\n");
  EXPECT_THAT(driver.Say("*\r\n"), StartsWith("501 5.7.0 "));
  for (const char* bad : {"AUTH PLAIN a\r\n", "AUTH PLAIN AGE=AGI=\r\n", "AUTH PLAIN =\r\n",
                          "AUTH PLAIN Y3Jt\r\n", "AUTH LOGIN !!\r\n", "AUTH\r\n"})
    EXPECT_THAT(driver.Say(bad), StartsWith("501 5.5.")) << bad;
  driver.Say("AUTH LOGIN\r\n");
  EXPECT_THAT(driver.Say("no base64\r\n"), StartsWith("501 5.5.2 "));
  EXPECT_THAT(driver.Say("NOOP\r\n"), StartsWith("250 "));
  EXPECT_TRUE(driver.logins.empty());
}

TEST_F(Auth, RefusesAPlainResponseWithAThirdNul) {
  EXPECT_THAT(driver.Say("AUTH PLAIN " + Plain("crm", std::string("a\0b", 3)) + "\r\n"),
              StartsWith("501 5.5.2 "));
}

TEST_F(Auth, RefusesAForeignIdentity) {
  EXPECT_THAT(driver.Say("AUTH PLAIN " + Plain("crm", "secret", "boss") + "\r\n"),
              StartsWith("535 5.7.8 "));
  EXPECT_TRUE(driver.logins.empty());
}

TEST_F(Auth, AnswersUnknownMechanisms504) {
  EXPECT_THAT(driver.Say("AUTH CRAM-MD5\r\n"), StartsWith("504 5.5.4 "));
}

TEST_F(Auth, PassesOnTheVerdict) {
  const std::string auth = "AUTH PLAIN " + Plain("crm", "secret") + "\r\n";
  driver.verdict = AuthVerdict::kWrong;
  EXPECT_THAT(driver.Say(auth), StartsWith("535 5.7.8 "));
  driver.verdict = AuthVerdict::kBusy;
  EXPECT_THAT(driver.Say(auth), StartsWith("454 4.7.0 "));
  driver.verdict = AuthVerdict::kTooMany;
  EXPECT_THAT(driver.Say(auth), StartsWith("421 4.7.0 "));
  EXPECT_TRUE(driver.session.closed());
}

TEST_F(Auth, WaitsForTheVerdictAndKeepsPipelinedCommands) {
  driver.hold = true;
  EXPECT_EQ(driver.Say("AUTH PLAIN " + Plain("crm", "secret") + "\r\nMAIL FROM:<a@b>\r\n"), "");
  EXPECT_TRUE(driver.session.waiting());
  driver.hold = false;
  driver.session.AnswerAuth(AuthVerdict::kGood);
  EXPECT_EQ(driver.Say(""), "235 2.7.0 Authentication successful\r\n250 2.1.0 Ok\r\n");
}

TEST_F(Auth, BoundsItsLinesAt4096Octets) {  // protocol.md 3
  EXPECT_THAT(driver.Say("AUTH PLAIN " + std::string(4'100, 'A') + "\r\n"),
              StartsWith("500 5.5.2 "));
  driver.Say("AUTH LOGIN\r\n");
  EXPECT_THAT(driver.Say(std::string(5'000, 'A') + "\r\n"), StartsWith("500 5.5.2 "));
  EXPECT_THAT(driver.Say("NOOP\r\n"), StartsWith("250 "));  // the exchange is over
  const std::string user(2'900, 'u');
  driver.Say("AUTH LOGIN " + Base64Encode(user) + "\r\n");
  EXPECT_THAT(driver.Say(Base64Encode("p") + "\r\n"), StartsWith("235 "));
}

TEST_F(Auth, TurnsFaultsOfMessagesInto451ForWhoAsked) {  // design 12.7
  driver.temporary = true;
  driver.Say("AUTH PLAIN " + Plain("crm", "secret") + "\r\n");
  const std::string envelope = "MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n";
  EXPECT_THAT(driver.Say(envelope + std::string("x\0\r\n.\r\n", 7)), HasSubstr("\r\n451 4.6.0 "));
  driver.message_answer = {550, "5.6.0", "no field"};
  EXPECT_THAT(driver.Say(envelope + "x\r\n.\r\n"), HasSubstr("\r\n451 4.6.0 "));
  EXPECT_THAT(driver.Say("MAIL FROM:<a@b> SIZE=99999999\r\n"), StartsWith("451 4.3.4 "));
  EXPECT_THAT(driver.Say("MAIL FROM:a@b\r\n"), StartsWith("501 "));  // a command's fault stays
}

TEST_F(Auth, TakesScramWithAndWithoutAnInitialResponse) {
  for (const bool initial : {true, false}) {
    ServerDriver other(Rules());
    other.session.TlsStarted();
    other.Say("EHLO c\r\n");
    ScramClient client("crm", "secret");
    std::string challenge;
    if (initial) {
      challenge = other.Say("AUTH SCRAM-SHA-256 " + client.First() + "\r\n");
    } else {
      EXPECT_EQ(other.Say("auth scram-sha-256\r\n"), "334 \r\n");
      challenge = other.Say(client.First() + "\r\n");
    }
    const std::string signature = other.Say(client.Last(challenge) + "\r\n");
    EXPECT_TRUE(client.Trusts(signature)) << signature;
    EXPECT_FALSE(other.session.logged_in());
    EXPECT_THAT(other.Say("\r\n"), StartsWith("235 2.7.0 "));
    EXPECT_TRUE(other.session.logged_in());
    ASSERT_EQ(other.logins.size(), 1u);
    EXPECT_EQ(other.logins[0].user, "crm");
    EXPECT_TRUE(other.logins[0].scram);
    EXPECT_TRUE(other.logins[0].proven);
  }
}

TEST_F(Auth, TellsTheDriverOfAWrongProof) {
  driver.verdict = AuthVerdict::kWrong;
  ScramClient client("crm", "wrong");
  const std::string last = client.Last(driver.Say("AUTH SCRAM-SHA-256 " + client.First() + "\r\n"));
  EXPECT_THAT(driver.Say(last + "\r\n"), StartsWith("535 5.7.8 "));
  ASSERT_EQ(driver.logins.size(), 1u);
  EXPECT_FALSE(driver.logins[0].proven);
  EXPECT_THAT(driver.Say("MAIL FROM:<a@b>\r\n"), StartsWith("530 "));
}

TEST_F(Auth, LeavesScramWhereTheClientGivesUpOrTalksNonsense) {
  ScramClient client("crm", "secret");
  const std::string start = "AUTH SCRAM-SHA-256 " + client.First() + "\r\n";
  driver.Say(start);
  EXPECT_THAT(driver.Say("*\r\n"), StartsWith("501 5.7.0 "));
  driver.Say(start);
  EXPECT_THAT(driver.Say("!\r\n"), StartsWith("501 5.5.2 "));
  driver.Say(start);
  EXPECT_THAT(driver.Say(Base64Encode("c=biws") + "\r\n"), StartsWith("501 5.5.2 "));
  EXPECT_THAT(driver.Say("AUTH SCRAM-SHA-256 =\r\n"), StartsWith("501 5.5.2 "));
  driver.Say(client.Last(driver.Say(start)) + "\r\n");
  EXPECT_THAT(driver.Say("*\r\n"), StartsWith("501 5.7.0 "));
  EXPECT_FALSE(driver.session.logged_in());
  EXPECT_THAT(driver.Say("AUTH PLAIN " + Plain("crm", "secret") + "\r\n"), StartsWith("235 "));
}

TEST_F(Auth, SaysWhatToUseInsteadOfTokensAndChannelBinding) {
  for (const char* mechanism : {"OAUTHBEARER", "xoauth2 abc="})
    EXPECT_THAT(driver.Say("AUTH " + std::string(mechanism) + "\r\n"),
                StartsWith("504 5.5.4 Tokens are not taken here: use PLAIN or LOGIN"));
  EXPECT_THAT(driver.Say("AUTH SCRAM-SHA-256-PLUS\r\n"),
              StartsWith("504 5.5.4 Channel binding is not offered"));
  EXPECT_THAT(driver.Say("AUTH SCRAM-SHA-256 " + Base64Encode("p=tls-exporter,,n=u,r=r") + "\r\n"),
              StartsWith("504 5.5.4 Channel binding is not offered"));
  EXPECT_THAT(driver.Say("AUTH GSSAPI\r\n"), StartsWith("504 5.5.4 Mechanism not supported"));
}

TEST_F(Auth, OffersScramWhereItServesEveryUser) {
  EXPECT_THAT(driver.Say("EHLO c\r\n"), HasSubstr("250-AUTH PLAIN LOGIN\r\n"));
  driver.session.mutable_rules().scram = true;
  EXPECT_THAT(driver.Say("EHLO c\r\n"), HasSubstr("250-AUTH SCRAM-SHA-256 PLAIN LOGIN\r\n"));
}

class External : public Auth {
 protected:
  External() {
    driver.session.mutable_rules().external = true;
    driver.session.mutable_rules().external_offered = true;
  }
};

TEST_F(External, IsOfferedToThoseWhoCanUseIt) {
  EXPECT_THAT(driver.Say("EHLO c\r\n"), HasSubstr("\r\n250-AUTH PLAIN LOGIN EXTERNAL\r\n"));
  driver.session.mutable_rules().external_offered = false;
  EXPECT_THAT(driver.Say("EHLO c\r\n"), HasSubstr("\r\n250-AUTH PLAIN LOGIN\r\n"));
}

TEST_F(External, TakesAnIdentityOrNoneWithAndWithoutAnInitialResponse) {
  const std::string name = Base64Encode("crm");
  for (const auto& [said, user] : {std::pair<std::string, std::string>("AUTH EXTERNAL =\r\n", ""),
                                   {"auth external " + name + "\r\n", "crm"},
                                   {"AUTH EXTERNAL\r\n\r\n", ""},
                                   {"AUTH EXTERNAL\r\n" + name + "\r\n", "crm"}}) {
    for (const size_t cut : {size_t(1), SIZE_MAX}) {
      ServerDriver fresh(Rules());
      fresh.session.TlsStarted();
      fresh.session.mutable_rules().external = true;
      fresh.Say("EHLO c\r\n");
      EXPECT_THAT(fresh.Say(said, cut), HasSubstr("235 2.7.0 ")) << said;
      ASSERT_EQ(fresh.logins.size(), 1u);
      EXPECT_TRUE(fresh.logins[0].external);
      EXPECT_EQ(fresh.logins[0].user, user);
    }
  }
}

TEST_F(External, CanBeCancelledAndRefusesWhatIsNoBase64) {
  EXPECT_EQ(driver.Say("AUTH EXTERNAL\r\n"), "334 \r\n");
  EXPECT_THAT(driver.Say("*\r\n"), StartsWith("501 5.7.0 "));
  EXPECT_THAT(driver.Say("AUTH EXTERNAL ***\r\n"), StartsWith("501 5.5.2 "));
  EXPECT_TRUE(driver.logins.empty());
}

TEST_F(External, IsRefusedWithTheReasonWhereThereIsOne) {
  driver.hold = true;
  driver.Say("AUTH EXTERNAL =\r\n");
  driver.session.AnswerAuth(AuthVerdict::kWrong, false, "The certificate is whose?");
  EXPECT_EQ(driver.session.output(), "535 5.7.8 The certificate is whose?\r\n");
}

TEST_F(Auth, ExternalIsNoneWhereNoCertificatesAreAskedFor) {
  EXPECT_THAT(driver.Say("AUTH EXTERNAL =\r\n"), StartsWith("504 5.5.4 Client certificates"));
  EXPECT_TRUE(driver.logins.empty());
}

TEST_F(Auth, MailWithoutAuthAsksTheDriverToLogIn) {
  driver.session.mutable_rules().login_at_mail = true;
  driver.hold = true;
  EXPECT_EQ(driver.Say("MAIL FROM:<a@b>\r\n"), "");
  driver.session.LogIn(false);
  driver.session.AnswerMail({});
  EXPECT_THAT(driver.session.output(), StartsWith("250 "));
  EXPECT_TRUE(driver.session.logged_in());
}

}  // namespace
}  // namespace sluice::smtp
