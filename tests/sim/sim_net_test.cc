// The simulated network keeps the promises of net.h. Method: two recording ends.

#include "tests/sim/sim_net.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "tests/sim/two_ends.h"

namespace sluice::sim {
namespace {

using namespace std::chrono_literals;
using io::CloseReason;

TEST(SimNet, ConnectsAndCarriesBytesBothWaysInOrder) {
  Pair pair;
  pair.Open();
  EXPECT_EQ(pair.client.stream->peer(), kServerAt);
  EXPECT_EQ(pair.server.stream->local(), kServerAt);
  EXPECT_EQ(pair.server.stream->peer(), pair.client.stream->local());
  EXPECT_EQ(pair.server.stream->peer().address, kClientIp);
  const std::string up = Pattern(300'000);
  const std::string down = Pattern(200'000);
  pair.client.Send(up);
  pair.server.Send(down);
  EXPECT_GT(pair.client.to_send.size(), 0u) << "the window never filled";
  pair.world.RunToEnd(1h);
  EXPECT_EQ(pair.server.received, up);
  EXPECT_EQ(pair.client.received, down);
  EXPECT_GT(pair.server.reads, 5);
}

TEST(SimNet, CallsNothingInsideACall) {
  Pair pair;
  pair.Listen();
  pair.Connect();
  EXPECT_FALSE(pair.client.connected);
  pair.world.RunUntil([&] { return pair.client.connected; }, 1s);
  pair.client.stream->Abort();
  EXPECT_FALSE(pair.client.closed);
  pair.world.RunToEnd(1h);
  EXPECT_EQ(pair.client.reason, CloseReason::kLocal);
  EXPECT_EQ(pair.server.reason, CloseReason::kReset);
}

TEST(SimNet, ClosesInOrderAfterTheLastByte) {
  Pair pair;
  pair.Open();
  pair.client.Send("last words");
  pair.client.stream->Close();
  pair.world.RunToEnd(1h);
  EXPECT_EQ(pair.server.received, "last words");
  EXPECT_TRUE(pair.server.eof);
  EXPECT_EQ(pair.server.reason, CloseReason::kPeerClosed);
  EXPECT_EQ(pair.client.reason, CloseReason::kLocal);
  EXPECT_EQ(pair.fabric.stream_count(), 0u);
}

TEST(SimNet, LetsTheServersLastReplyThrough) {
  Pair pair;
  pair.Open();
  pair.client.Send("QUIT\r\n");
  pair.server.on_read = [&](std::string_view) {
    if (!pair.server.received.ends_with("\r\n")) return;
    pair.server.stream->Write("221 Bye\r\n");
    pair.server.stream->Close();
  };
  pair.world.RunToEnd(1h);
  EXPECT_EQ(pair.client.received, "221 Bye\r\n");
  EXPECT_EQ(pair.client.reason, CloseReason::kPeerClosed);
  EXPECT_EQ(pair.server.reason, CloseReason::kLocal);
}

TEST(SimNet, LingersTwoSecondsAtMost) {
  Pair pair;
  pair.Open();
  pair.client.close_on_eof = false;
  pair.server.stream->Close();
  const Instant closed = pair.world.now();
  pair.world.RunUntil([&] { return pair.server.closed; }, 1h);
  EXPECT_EQ(pair.world.now(), closed + 2s);
  pair.client.Send("anybody?");
  pair.world.RunToEnd(1h);
  EXPECT_EQ(pair.client.reason, CloseReason::kReset);
}

TEST(SimNet, HoldsBackWhatAPausedReaderDoesNotTake) {
  LinkModel small;
  small.window = 1000;
  Pair pair;
  pair.fabric.SetLink(small);
  pair.Open();
  pair.server.stream->PauseReading();
  pair.server.paused = true;
  pair.client.Send(Pattern(5000));
  pair.world.RunFor(1min);
  EXPECT_EQ(pair.client.to_send.size(), 4000u);
  pair.client.stream->Close();
  pair.world.RunFor(10s);
  EXPECT_FALSE(pair.server.eof) << "the end overtook the bytes";
  pair.server.paused = false;
  pair.server.stream->ResumeReading();
  pair.world.RunToEnd(1h);
  EXPECT_EQ(pair.server.received, Pattern(1000));
  EXPECT_TRUE(pair.server.eof);
}

TEST(SimNet, RefusesWhereNobodyListens) {
  Pair pair;
  pair.Connect();
  pair.world.RunToEnd(1h);
  EXPECT_EQ(pair.client.reason, CloseReason::kRefused);
}

TEST(SimNet, ResetsWhomTheListenerDoesNotWant) {
  Pair pair;
  pair.refuse = true;
  pair.Listen();
  pair.Connect();
  pair.world.RunToEnd(1h);
  EXPECT_EQ(pair.client.reason, CloseReason::kReset);
  EXPECT_FALSE(pair.server.closed);
}

TEST(SimNet, KnowsUnreachableBlackholedAndForeignAddresses) {
  Pair pair;
  pair.Listen();
  End lost(pair.world);
  lost.stream = pair.client_net.Connect({{*IpAddress::Parse("203.0.113.9"), 25}, {}}, &lost);
  End foreign(pair.world);
  foreign.stream = pair.client_net.Connect({kServerAt, kServerIp}, &foreign);
  pair.fabric.SetReach(kServerIp, Reach::kBlackholed);
  pair.Connect();
  const Instant start = pair.world.now();
  pair.world.RunToEnd(1h);
  EXPECT_EQ(lost.reason, CloseReason::kUnreachable);
  EXPECT_EQ(foreign.reason, CloseReason::kNoAddress);
  EXPECT_EQ(pair.client.reason, CloseReason::kTimedOut);
  EXPECT_EQ(pair.world.now(), start + kConnectGivesUp);
}

TEST(SimNet, LetsAConnectingStreamBeClosed) {
  for (const Duration after : {Duration(0), Duration(5ms), Duration(15ms), Duration(30ms)}) {
    Pair pair;
    LinkModel link;
    link.latency_min = link.latency_max = 10ms;
    pair.fabric.SetLink(link);
    pair.Listen();
    pair.Connect();
    pair.world.RunFor(after);
    pair.client.stream->Close();
    pair.world.RunToEnd(1h);
    EXPECT_TRUE(pair.client.closed);
    EXPECT_EQ(pair.client.reason, CloseReason::kLocal);
    EXPECT_EQ(pair.fabric.stream_count(), 0u);
  }
}

TEST(SimNet, ShakesHandsForTlsAndGoesOn) {
  Pair pair;
  pair.Open();
  const auto server_tls = pair.server_net.MakeTlsServer("any", "any");
  const auto client_tls = pair.client_net.MakeTlsClient();
  pair.client.Send("STARTTLS\r\n");
  pair.server.on_read = [&](std::string_view) {
    if (pair.server.tls || !pair.server.received.ends_with("\r\n")) return;
    pair.server.stream->Write("220 go\r\n");
    pair.server.stream->StartTlsServer(*server_tls);
    pair.server.Send("over tls");
  };
  pair.client.on_read = [&](std::string_view) {
    if (pair.client.tls || !pair.client.received.ends_with("\r\n")) return;
    pair.client.stream->StartTlsClient({client_tls, "mx.example"});
    pair.client.Send("sealed");
    EXPECT_EQ(pair.client.to_send, "sealed") << "written during the handshake";
  };
  pair.world.RunToEnd(1h);
  EXPECT_TRUE(pair.client.tls);
  EXPECT_TRUE(pair.server.tls);
  EXPECT_EQ(pair.server.received, "STARTTLS\r\nsealed");
  EXPECT_EQ(pair.client.received, "220 go\r\nover tls");
}

TEST(SimNet, DropsWhatWasSentAheadOfTheHandshake) {
  Pair pair;
  LinkModel link;
  link.tiny_reads = 0;
  link.chunk_max = 10;
  pair.fabric.SetLink(link);
  pair.Open();
  const auto server_tls = pair.server_net.MakeTlsServer("any", "any");
  pair.client.Send("STARTTLS\r\nMAIL FROM:<injected@example>\r\n");
  std::string before;
  pair.server.on_read = [&](std::string_view) {
    if (!before.empty()) return;
    before = pair.server.received;
    pair.server.stream->StartTlsServer(*server_tls);
  };
  pair.world.RunFor(10s);
  EXPECT_EQ(pair.server.received, before);
}

TEST(SimNet, FailsHandshakesWhenTold) {
  Pair pair;
  LinkModel link;
  link.tls_failed = 1;
  pair.fabric.SetLink(link);
  pair.Open();
  pair.server.stream->StartTlsServer(*pair.server_net.MakeTlsServer("any", "any"));
  pair.client.stream->StartTlsClient({pair.client_net.MakeTlsClient(), ""});
  pair.world.RunToEnd(1h);
  EXPECT_EQ(pair.client.reason, CloseReason::kTlsFailed);
  EXPECT_EQ(pair.server.reason, CloseReason::kTlsFailed);
}

TEST(SimNet, ShowsAClientHelloToWhoExpectsNone) {
  Pair pair;
  pair.Open();
  pair.client.stream->StartTlsClient({pair.client_net.MakeTlsClient(), ""});
  pair.world.RunUntil([&] { return !pair.server.received.empty(); }, 1s);
  EXPECT_EQ(pair.server.received[0], '\x16');
  pair.server.stream->StartTlsServer(*pair.server_net.MakeTlsServer("any", "any"),
                                     pair.server.received);
  pair.world.RunUntil([&] { return pair.server.tls; }, 1s);
  EXPECT_TRUE(pair.client.tls);
}

TEST(SimNet, FailsTlsWhenThePeerSpeaksClearText) {
  Pair pair;
  pair.Open();
  pair.server.stream->StartTlsServer(*pair.server_net.MakeTlsServer("any", "any"));
  pair.client.Send("EHLO x\r\n");
  pair.world.RunToEnd(1h);
  EXPECT_EQ(pair.server.reason, CloseReason::kTlsFailed);
  EXPECT_EQ(pair.client.reason, CloseReason::kReset);
}

}  // namespace
}  // namespace sluice::sim
