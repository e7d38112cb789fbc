// Logins by client certificate: whose it is, AUTH EXTERNAL, MAIL without AUTH, and what a reload
// takes away.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "engine/io/tls_peer.h"
#include "tests/engine/submission_fixture.h"

namespace sluice::engine {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;
using ClientCertificates = config::Listener::ClientCertificates;

constexpr char kPrint[] = "aa00000000000000000000000000000000000000000000000000000000000001";
constexpr char kKeyPrint[] = "bb00000000000000000000000000000000000000000000000000000000000002";
constexpr char kMessage[] = "MAIL FROM:<a@b.test>\r\nRCPT TO:<c@d.test>\r\nDATA\r\n.\r\n";

class SubmissionCertificate : public SubmissionTest {
 protected:
  SubmissionCertificate() {
    settings.client_certificates = ClientCertificates::kOptional;
    settings.client_ca = "/ca.pem";
    config.users[0].certificate_fingerprints = {kPrint};
    config.users[0].certificate_names = {"crm.example.org"};
    config::User other;
    other.name = "shop";
    other.tenant = "shop";
    other.certificate_names = {"shop.example.org"};
    config.users.push_back(other);
  }
  static io::TlsPeer Verified(std::vector<std::string> names) {
    return {.fingerprint = "cc", .key_fingerprint = kKeyPrint, .names = std::move(names)};
  }
  // Through STARTTLS; what EHLO says is in `greeting_`.
  Client& ConnectWith(const std::optional<io::TlsPeer>& peer) {
    Client& client = Connect("198.51.100.7:40000");
    client.Say("STARTTLS\r\n");
    io::TlsInfo info{"TLSv1.3", "TLS_AES_256_GCM_SHA384", false};
    if (peer) info.peer = std::make_shared<const io::TlsPeer>(*peer);
    client.events->OnTlsReady(info);
    client.stream->Take();
    if (!client.stream->closed) greeting_ = client.Say("EHLO client.test\r\n");
    return client;
  }
  // AUTH EXTERNAL to its end, by an authenticator that keeps its rules.
  std::string External(Client& client, const std::string& response) {
    client.Say("AUTH EXTERNAL " + response + "\r\n");
    authenticator.AnswerStart({});
    if (!authenticator.ended.empty())
      authenticator.Answer(authenticator.ended.back() ? AuthOutcome::kGood : AuthOutcome::kWrong);
    return client.stream->Take();
  }
  void Reload() {
    context.config = std::make_shared<config::Config>(config);
    listener->Reload(settings, Tls());
  }

  std::string greeting_;
};

TEST_F(SubmissionCertificate, ExternalLogsInTheUserOfAFingerprintWithoutACa) {
  io::TlsPeer peer{.fingerprint = kPrint, .problem = "self-signed certificate"};
  Client& client = ConnectWith(peer);
  EXPECT_THAT(greeting_, HasSubstr("250-AUTH PLAIN LOGIN EXTERNAL\r\n"));
  EXPECT_THAT(External(client, "="), StartsWith("235 "));
  EXPECT_EQ(authenticator.questions.back().user, "crm");
  client.Say(kMessage);
  const Accepted& accepted = intake.accepted.at(0);
  EXPECT_EQ(accepted.message.user, "crm");
  EXPECT_EQ(accepted.message.tenant, "acme");
  EXPECT_THAT(accepted.content->ToString(), HasSubstr("with ESMTPSA id "));
  EXPECT_EQ(listener->counters().logins, 1u);
  EXPECT_EQ(listener->counters().certificate_logins, 1u);
}

TEST_F(SubmissionCertificate, ExternalLogsInTheUserOfAKeyOrOfANameUnderTheCa) {
  config.users[1].certificate_fingerprints = {kKeyPrint};
  Client& by_key = ConnectWith(Verified({"crm.example.org"}));  // a fingerprint goes before a name
  EXPECT_THAT(External(by_key, "="), StartsWith("235 "));
  EXPECT_EQ(authenticator.questions.back().user, "shop");
  config.users[1].certificate_fingerprints.clear();
  Reload();
  Client& by_name = ConnectWith(Verified({"x.example.org", "crm.example.org"}));
  EXPECT_THAT(External(by_name, "Y3Jt"), StartsWith("235 "));  // "crm"
  EXPECT_EQ(authenticator.questions.back().user, "crm");
}

TEST_F(SubmissionCertificate, AnotherUserThanTheCertificatesIsRefusedAndCounts) {
  Client& client = ConnectWith(Verified({"crm.example.org"}));
  EXPECT_THAT(External(client, "c2hvcA=="),  // "shop"
              AllOf(StartsWith("535 5.7.8 "), HasSubstr("another user")));
  EXPECT_EQ(authenticator.ended, std::vector<bool>{false});
  EXPECT_THAT(External(client, "bm9ib2R5"), HasSubstr("another user"));  // "nobody": no difference
  EXPECT_EQ(listener->counters().logins_failed, 2u);
  EXPECT_EQ(listener->counters().logins, 0u);
}

TEST_F(SubmissionCertificate, WhatIsWrongWithACertificateIsSaidAndPasswordsStillWork) {
  io::TlsPeer expired{.fingerprint = kPrint, .untimely = "certificate has expired"};
  io::TlsPeer foreign = Verified({"crm.example.org"});
  foreign.problem = "unable to get local issuer certificate";
  const struct {
    std::optional<io::TlsPeer> peer;
    const char* why;
  } cases[] = {
      {std::nullopt, "No client certificate was shown"},
      {expired, "certificate has expired"},
      {foreign, "does not verify: unable to get local issuer"},
      {Verified({}), "belongs to no user"},
      {Verified({"crm.example.org", "shop.example.org"}), "several users"},
  };
  for (const auto& row : cases) {
    Client& client = ConnectWith(row.peer);
    EXPECT_THAT(greeting_, Not(HasSubstr("EXTERNAL"))) << row.why;
    EXPECT_THAT(client.Say("MAIL FROM:<a@b.test>\r\n"), StartsWith("530 ")) << row.why;
    EXPECT_THAT(External(client, "="), AllOf(StartsWith("535 5.7.8 "), HasSubstr(row.why)));
    client.Say("AUTH PLAIN AGNybQBzZWNyZXQ=\r\n");
    authenticator.Answer(AuthOutcome::kGood);
    EXPECT_THAT(client.stream->Take(), StartsWith("235 ")) << row.why;
  }
}

TEST_F(SubmissionCertificate, MailLogsInWithoutAuthWhereTheListenerSaysSo) {
  config.users[0].message_fault_451 = true;
  Client& client = ConnectWith(Verified({"crm.example.org"}));
  client.Say(kMessage);
  EXPECT_EQ(intake.accepted.at(0).message.user, "crm");
  EXPECT_THAT(intake.accepted.at(0).content->ToString(), HasSubstr("with ESMTPSA id "));
  EXPECT_EQ(listener->counters().certificate_logins, 1u);
  intake.Commit();
  client.stream->Take();
  client.Say("MAIL FROM:<a@b.test>\r\nRCPT TO:<c@d.test>\r\nDATA\r\nbad\r\n.\r\n");
  EXPECT_EQ(listener->counters().certificate_logins, 1u);  // of the session
  EXPECT_THAT(client.Say("AUTH PLAIN AGNybQBzZWNyZXQ=\r\n"), StartsWith("503 "));

  settings.login_without_auth = false;
  Reload();
  Client& other = ConnectWith(Verified({"crm.example.org"}));
  EXPECT_THAT(other.Say("MAIL FROM:<a@b.test>\r\n"), StartsWith("530 "));
  EXPECT_THAT(External(other, "="), StartsWith("235 "));
}

TEST_F(SubmissionCertificate, APasswordLoginGoesBeforeTheCertificate) {
  Client& client = ConnectWith(Verified({"shop.example.org"}));
  client.Say("AUTH PLAIN AGNybQBzZWNyZXQ=\r\n");
  authenticator.Answer(AuthOutcome::kGood);
  client.Say(kMessage);
  EXPECT_EQ(intake.accepted.at(0).message.user, "crm");
  EXPECT_EQ(listener->counters().certificate_logins, 0u);
}

TEST_F(SubmissionCertificate, WhoIsTakenOutOfTheConfigurationLogsInNoMore) {
  Client& idle = ConnectWith(Verified({"crm.example.org"}));
  Client& logged_in = ConnectWith(Verified({"crm.example.org"}));
  EXPECT_THAT(External(logged_in, "="), StartsWith("235 "));
  Client& asking = ConnectWith(Verified({"crm.example.org"}));
  asking.Say("AUTH EXTERNAL =\r\n");
  config.users[0].certificate_names.clear();  // the user stays
  Reload();
  EXPECT_THAT(logged_in.stream->Take(), StartsWith("421 4.7.0 mta.test Login withdrawn"));
  EXPECT_TRUE(logged_in.stream->closed);
  authenticator.AnswerStart({});
  authenticator.Answer(AuthOutcome::kGood);  // was good when it was asked
  EXPECT_THAT(asking.stream->Take(), StartsWith("535 "));
  EXPECT_THAT(idle.Say("MAIL FROM:<a@b.test>\r\n"), StartsWith("530 "));
  EXPECT_THAT(External(idle, "="), StartsWith("535 "));
}

TEST_F(SubmissionCertificate, ANameVerifiedUnderAnotherCaFileCountsNoMore) {
  Client& client = ConnectWith(Verified({"crm.example.org"}));
  settings.client_ca = "/other-ca.pem";
  Reload();
  EXPECT_THAT(client.Say("MAIL FROM:<a@b.test>\r\n"), StartsWith("530 "));
  EXPECT_THAT(External(client, "="), AllOf(StartsWith("535 "), HasSubstr("connect anew")));
}

TEST_F(SubmissionCertificate, ARequiredCertificateIsDemandedBeforeAnything) {
  settings.client_certificates = ClientCertificates::kRequired;
  Client& trusted = Connect("192.0.2.7:40000");
  trusted.stream->Take();
  EXPECT_THAT(trusted.Say("EHLO c\r\nMAIL FROM:<a@b.test>\r\n"), HasSubstr("\r\n530 5.7.0 "));
  for (const bool shown : {false, true}) {
    io::TlsPeer peer{.fingerprint = "dd", .problem = "self-signed certificate"};
    Client& client = Connect("198.51.100.7:40000");
    client.Say("STARTTLS\r\n");
    io::TlsInfo info{"TLSv1.3", "C", false};
    if (shown) info.peer = std::make_shared<const io::TlsPeer>(peer);
    client.events->OnTlsReady(info);
    EXPECT_THAT(client.stream->Take(),
                AllOf(StartsWith("421 4.7.0 mta.test "),
                      HasSubstr(shown ? "self-signed certificate" : "No client certificate")));
    EXPECT_TRUE(client.stream->closed);
  }
  // One that verifies is let in, whosever it is; a password says who.
  Client& client = ConnectWith(Verified({"unknown.example.org"}));
  EXPECT_FALSE(client.stream->closed);
  client.Say("AUTH PLAIN AGNybQBzZWNyZXQ=\r\n");
  authenticator.Answer(AuthOutcome::kGood);
  EXPECT_THAT(client.stream->Take(), StartsWith("235 "));
}

TEST_F(SubmissionCertificate, AListenerThatDoesNotAskHasNoExternal) {
  settings.client_certificates = ClientCertificates::kOff;
  Client& client = ConnectWith(std::nullopt);
  EXPECT_THAT(greeting_, Not(HasSubstr("EXTERNAL")));
  EXPECT_THAT(client.Say("AUTH EXTERNAL =\r\n"), StartsWith("504 5.5.4 Client certificates"));
}

TEST_F(SubmissionCertificate, AnAddressThatFailedTooOftenIsStopped) {
  Client& client = ConnectWith(Verified({"crm.example.org"}));
  client.Say("AUTH EXTERNAL =\r\n");
  authenticator.AnswerStart({AuthOutcome::kTooMany, {}, {}});
  EXPECT_THAT(client.stream->Take(), StartsWith("421 4.7.0 "));
  EXPECT_TRUE(client.stream->closed);
}

}  // namespace
}  // namespace sluice::engine
