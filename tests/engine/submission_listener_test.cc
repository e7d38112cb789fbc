// A listener and its sessions together: limits, TLS-only ports, old clients, memory, stop and
// reload.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "tests/engine/submission_fixture.h"

namespace sluice::engine {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;

using SubmissionListenerTest = SubmissionTest;

class TlsOnlyPortTest : public SubmissionTest {
 protected:
  TlsOnlyPortTest() : SubmissionTest(config::TlsMode::kImplicit) {}
};

TEST_F(SubmissionListenerTest, RefusesConnectionsOverTheLimitPerAddressWith421) {
  config.limits.connections_per_address = 2;
  for (int i = 0; i < 2; ++i)
    EXPECT_THAT(Connect("198.51.100.7:1").stream->Take(), StartsWith("220 "));
  Client& third = Connect("198.51.100.7:1");
  EXPECT_THAT(third.stream->Take(), StartsWith("421 4.7.0 "));
  EXPECT_TRUE(third.stream->closed);
  EXPECT_THAT(Connect("198.51.100.8:1").stream->Take(), StartsWith("220 "));  // hurts nobody else
  EXPECT_EQ(listener->counters().connections_refused, 1u);
  third.Leave();
  clients[0].Leave();
  EXPECT_THAT(Connect("198.51.100.7:1").stream->Take(), StartsWith("220 "));
}

TEST_F(SubmissionListenerTest, LetsTrustedNetworksHaveAsManyAsTheyLike) {
  config.limits.connections_per_address = 1;
  config.limits.connections = 3;
  for (int i = 0; i < 3; ++i)
    EXPECT_THAT(Connect("192.0.2.7:1").stream->Take(), StartsWith("220 "));
  EXPECT_THAT(Connect("192.0.2.7:1").stream->Take(), StartsWith("421 4.3.2 "));  // in all
  EXPECT_EQ(gate.total(), 3u);
}

TEST_F(SubmissionListenerTest, CountsIpv6ByNetwork) {
  config.limits.connections_per_address = 1;
  Connect("[2001:db8::1]:1");
  EXPECT_THAT(Connect("[2001:db8::2]:1").stream->Take(), StartsWith("421 "));
  EXPECT_THAT(Connect("[2001:db8:0:1::2]:1").stream->Take(), StartsWith("220 "));
}

TEST_F(SubmissionListenerTest, StopsIdleSessionsNowAndOthersAfterTheirMessage) {
  Client& idle = Connect();
  Client& busy = Connect();
  idle.Say("EHLO c\r\n");
  busy.Say(kEnvelope);
  listener->Stop();
  EXPECT_THAT(idle.stream->Take(), StartsWith("421 4.3.2 "));
  EXPECT_TRUE(idle.stream->closed);
  EXPECT_FALSE(busy.stream->closed);
  EXPECT_THAT(busy.Say("DATA\r\n"), StartsWith("354 "));
  EXPECT_EQ(busy.Say("a: b\r\n\r\n.\r\n"), "");
  intake.Commit();
  EXPECT_THAT(busy.stream->Take(), testing::ContainsRegex("^250 2.0.0 Ok: queued.*\r\n421 4.3.2 "));
  EXPECT_TRUE(busy.stream->closed);
  EXPECT_THAT(Connect().stream->Take(), StartsWith("421 4.3.2 "));
}

TEST_F(SubmissionListenerTest, AbortsWhatIsLeft) {
  Client& client = Connect();
  client.Say(kEnvelope);
  listener->Abort();
  EXPECT_TRUE(client.stream->aborted);
}

TEST_F(SubmissionListenerTest, ReloadChangesLimitsAndWithdrawsLogins) {
  Client& client = ConnectTls();
  client.Say("AUTH PLAIN AGNybQBzZWNyZXQ=\r\n");
  authenticator.Answer(AuthOutcome::kGood);
  client.stream->Take();
  config.limits.message_size = 1'000;
  context.config = std::make_shared<config::Config>(config);
  listener->Reload(settings, Tls());
  EXPECT_THAT(client.Say("MAIL FROM:<a@b.test> SIZE=2000\r\n"), StartsWith("552 "));
  client.Say("MAIL FROM:<a@b.test>\r\nRCPT TO:<c@d.test>\r\n");
  config.users.clear();
  context.config = std::make_shared<config::Config>(config);
  listener->Reload(settings, Tls());
  EXPECT_THAT(client.Say("DATA\r\n.\r\n"), StartsWith("354 "));  // the open transaction may end
  intake.Commit();
  EXPECT_THAT(client.stream->Take(), HasSubstr("\r\n421 4.7.0 "));
  EXPECT_EQ(intake.accepted.at(0).message.user, "crm");
}

TEST_F(SubmissionListenerTest, ReloadMayChangeTheTlsModeForNewConnections) {
  Client& before = Connect();
  settings.tls = config::TlsMode::kNone;
  listener->Reload(settings, nullptr);
  before.Say("STARTTLS\r\n");
  EXPECT_TRUE(before.stream->tls_started);
  EXPECT_THAT(Connect().Say("EHLO c\r\n"), Not(HasSubstr("STARTTLS")));
}

TEST_F(SubmissionListenerTest, ResetsRefusedConnectionsThatPileUp) {
  config.limits.connections = 1;
  Connect();
  for (int i = 0; i < 1'000; ++i) EXPECT_FALSE(Connect().stream->aborted);
  EXPECT_TRUE(Connect().stream->aborted);
}

TEST_F(SubmissionListenerTest, PausesTheLongestBodyFirstAndNeverTheLast) {  // design part 5
  spools.open = SpoolRoom::kOpenMax;  // no more bodies can go to disk
  const std::string line = "x: " + std::string(70, 'y') + "\r\n";
  const auto fill = [&](Client& client, size_t octets) {
    std::string text;
    while (text.size() < octets) text += line;
    client.Say(text);
  };
  Client& small = Connect();
  Client& large = Connect();
  for (Client* client : {&small, &large})
    client->Say(std::string(kEnvelope) + "DATA\r\na: b\r\n\r\n");
  fill(small, 100'000);
  fill(large, 1'200'000);  // the budget is 1 MiB
  EXPECT_TRUE(large.stream->paused);
  EXPECT_FALSE(small.stream->paused);
  fill(small, 100'000);
  EXPECT_FALSE(small.stream->paused);
  small.Say("\r\n.\r\n");
  EXPECT_TRUE(large.stream->paused);
  Advance(std::chrono::milliseconds(10));
  EXPECT_FALSE(large.stream->paused);  // nobody else reads: it goes on, over the budget
  fill(large, 100'000);
  large.Say("\r\n.\r\n");
  EXPECT_EQ(intake.accepted.size(), 2u);  // nobody was refused
  EXPECT_EQ(listener->counters().memory_pauses, 1u);
}

TEST_F(SubmissionListenerTest, ResumesWhenRoomIsBack) {
  spools.open = SpoolRoom::kOpenMax;
  Client& first = Connect();
  Client& second = Connect();
  for (Client* client : {&first, &second})
    client->Say(std::string(kEnvelope) + "DATA\r\na: b\r\n\r\n");
  first.Say(std::string(600'000, 'x'));
  second.Say(std::string(700'000, 'x'));
  EXPECT_TRUE(second.stream->paused);
  first.Leave();
  Advance(std::chrono::milliseconds(10));
  EXPECT_FALSE(second.stream->paused);
}

TEST_F(TlsOnlyPortTest, HandsTheFirstOctetsToTheHandshake) {
  Client& client = Connect();
  EXPECT_EQ(client.stream->Take(), "");
  client.events->OnRead("\x16\x03\x01hello");
  EXPECT_TRUE(client.stream->tls_started);
  EXPECT_EQ(client.stream->already_read, "\x16\x03\x01hello");
  client.events->OnTlsReady({"TLSv1.3", "C", false});
  EXPECT_EQ(client.stream->Take(), "220 mta.test ESMTP ready\r\n");
  EXPECT_THAT(client.Say("EHLO c\r\n"), HasSubstr("AUTH PLAIN LOGIN"));
  EXPECT_THAT(client.Say("STARTTLS\r\n"), StartsWith("503 "));
}

TEST_F(TlsOnlyPortTest, GreetsOldClientsInClearAfterThreeSeconds) {  // design 12.14
  Client& client = Connect();
  Advance(std::chrono::milliseconds(2'990));
  EXPECT_EQ(client.stream->Take(), "");
  Advance(std::chrono::milliseconds(10));
  EXPECT_EQ(client.stream->Take(), "220 mta.test ESMTP ready\r\n");
  EXPECT_EQ(listener->counters().clear_greetings, 1u);
  EXPECT_THAT(client.Say("EHLO c\r\nMAIL FROM:<a@b.test>\r\nNOOP\r\n"),
              testing::ContainsRegex("STARTTLS.*\r\n250 .*\r\n530 5.7.0 .*\r\n530 5.7.0 "));
  client.Say("STARTTLS\r\n");
  EXPECT_TRUE(client.stream->tls_started);
  EXPECT_EQ(client.stream->already_read, "");
  client.events->OnTlsReady({"TLSv1.3", "C", false});
  EXPECT_EQ(client.stream->Take(), "");  // greeted already
  EXPECT_THAT(client.Say("EHLO c\r\n"), HasSubstr("AUTH PLAIN LOGIN"));
}

TEST_F(TlsOnlyPortTest, GreetsWhoSpeaksClearTextAtOnce) {
  Client& client = Connect();
  EXPECT_THAT(client.Say("EHLO c\r\n"),
              testing::ContainsRegex("^220 .*\r\n250-mta.test\r\n250-STARTTLS"));
}

TEST_F(TlsOnlyPortTest, StartsTheHandshakeAtOnceWhereOldClientsAreNotServed) {
  settings.old_clients = false;
  Client& client = Connect();
  EXPECT_TRUE(client.stream->tls_started);
  Pass(std::chrono::seconds(61), std::chrono::seconds(1));
  EXPECT_TRUE(client.stream->aborted);  // a handshake that never ends
}

TEST_F(TlsOnlyPortTest, CountsHandshakesThatFail) {
  Client& client = Connect();
  client.events->OnRead("\x16");
  client.events->OnClosed({io::CloseReason::kTlsFailed, "no shared cipher"});
  client.events = nullptr;
  EXPECT_EQ(listener->counters().tls_failed, 1u);
  EXPECT_EQ(gate.total(), 0u);
}

TEST_F(TlsOnlyPortTest, StopsDuringTheHandshake) {
  Client& client = Connect();
  listener->Stop();
  EXPECT_TRUE(client.stream->closed);
}

TEST_F(SubmissionListenerTest, RefusesEverythingInbound) {
  settings.role = config::Role::kInbound;
  Client& client = Connect("198.51.100.7:1");
  EXPECT_THAT(client.Say(kEnvelope), EndsWith("550 5.7.1 Relaying denied\r\n"));
}

}  // namespace
}  // namespace sluice::engine
