// tests/io/tls_test.cc — connections under TLS: handshakes, resumption, pauses, peers that
// misbehave.

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "engine/io/tls_client_context.h"
#include "engine/io/tls_context.h"
#include "tests/io/peer.h"

namespace sluice::io {
namespace {

using std::chrono::milliseconds;

constexpr size_t kBig = size_t(6) << 20;

class Tls : public testing::Test {
 protected:
  Tls() {
    EXPECT_TRUE(WriteSelfSigned(dir_.File("cert"), dir_.File("key"), "mx.example.org"));
    server_context_ = loop_.net().MakeTlsServer(dir_.File("cert"), dir_.File("key")).value();
    client_context_ = loop_.net().MakeTlsClient();
  }

  // Both sides of a new connection start TLS.
  void StartBoth(Pair& pair) {
    pair.server.stream->StartTlsServer(server_context_);
    pair.client.stream->StartTlsClient({client_context_, "mx.example.org"});
  }
  void Secure(Pair& pair) {
    StartBoth(pair);
    ASSERT_TRUE(pair.Run([&] { return pair.client.tls && pair.server.tls; }));
  }
  void Limit(long version) { SSL_CTX_set_max_proto_version(client_context_->ctx(), int(version)); }
  // Lets a ticket arrive, then ends both sides.
  void Finish(Pair& pair) {
    pair.server.stream->Write("x");
    ASSERT_TRUE(pair.Run([&] { return !pair.client.got.empty(); }));
    pair.client.stream->Close();
    pair.server.on_eof = [&] { pair.server.stream->Close(); };
    ASSERT_TRUE(pair.Run([&] { return pair.client.closed && pair.server.closed; }));
  }

  const TempDir dir_;
  UvLoop loop_;
  std::shared_ptr<TlsServerContext> server_context_;
  std::shared_ptr<TlsClientContext> client_context_;
};

TEST_F(Tls, EchoesInVersion13) {
  Pair pair(loop_);
  Secure(pair);
  EXPECT_EQ(pair.client.tls->version, "TLSv1.3");
  EXPECT_EQ(pair.client.tls->cipher, pair.server.tls->cipher);
  EXPECT_FALSE(pair.client.tls->resumed);
  pair.server.on_read = [&](std::string_view bytes) { pair.server.stream->Write(bytes); };
  EXPECT_EQ(pair.client.stream->Write("EHLO\r\n"), 6u);
  ASSERT_TRUE(pair.Run([&] { return pair.client.got == "EHLO\r\n"; }));
}

TEST_F(Tls, EchoesInVersion12) {
  Limit(TLS1_2_VERSION);
  Pair pair(loop_);
  Secure(pair);
  EXPECT_EQ(pair.client.tls->version, "TLSv1.2");
  pair.server.on_read = [&](std::string_view bytes) { pair.server.stream->Write(bytes); };
  pair.client.stream->Write("EHLO\r\n");
  ASSERT_TRUE(pair.Run([&] { return pair.client.got == "EHLO\r\n"; }));
}

TEST_F(Tls, RefusesOlderVersions) {
  SSL_CTX_set_min_proto_version(client_context_->ctx(), TLS1_VERSION);
  Limit(TLS1_1_VERSION);
  Pair pair(loop_);
  StartBoth(pair);
  ASSERT_TRUE(pair.Run([&] { return pair.client.closed && pair.server.closed; }));
  EXPECT_EQ(pair.server.closed->reason, CloseReason::kTlsFailed);
  EXPECT_EQ(pair.client.closed->reason, CloseReason::kTlsFailed);
  EXPECT_FALSE(pair.server.tls);
}

TEST_F(Tls, ResumesASessionOfTheSameServerName) {
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    client_context_ = loop_.net().MakeTlsClient();
    Limit(version);
    for (const bool resumed : {false, true, true}) {
      Pair pair(loop_);
      Secure(pair);
      EXPECT_EQ(pair.client.tls->resumed, resumed);
      EXPECT_EQ(pair.server.tls->resumed, resumed);
      Finish(pair);
    }
    Pair other(loop_);
    other.server.stream->StartTlsServer(server_context_);
    other.client.stream->StartTlsClient({client_context_, "other.example.org"});
    ASSERT_TRUE(other.Run([&] { return other.client.tls.has_value(); }));
    EXPECT_FALSE(other.client.tls->resumed);
  }
}

TEST_F(Tls, KeepsOnlySoManySessions) {
  Limit(TLS1_2_VERSION);
  Pair pair(loop_);
  Secure(pair);
  Finish(pair);
  SslSessionPtr session = client_context_->Recall("mx.example.org");
  ASSERT_NE(session, nullptr);
  for (size_t i = 0; i < TlsClientContext::kSessionsMax; ++i) {
    SSL_SESSION_up_ref(session.get());
    client_context_->Remember(std::to_string(i), SslSessionPtr(session.get()));
  }
  EXPECT_EQ(client_context_->Recall("mx.example.org"), nullptr);
  EXPECT_NE(client_context_->Recall("0"), nullptr);
  client_context_->Forget("0");
  EXPECT_EQ(client_context_->Recall("0"), nullptr);
}

TEST_F(Tls, StartsAfterClearTextThatIsStillQueued) {
  Pair pair(loop_);
  pair.client.on_read = [&](std::string_view) {
    if (pair.client.got == "220 go ahead\r\n")
      pair.client.stream->StartTlsClient({client_context_, "mx.example.org"});
  };
  pair.server.on_read = [&](std::string_view) {
    // The rest of this chunk was the session's to drop; it goes no further.
    pair.server.stream->Write("220 go ahead\r\n");
    pair.server.stream->StartTlsServer(server_context_);
  };
  pair.client.stream->Write("STARTTLS\r\nRSET\r\n");
  ASSERT_TRUE(pair.Run([&] { return pair.client.tls && pair.server.tls; }));
  EXPECT_EQ(pair.server.got, "STARTTLS\r\nRSET\r\n");
}

TEST_F(Tls, TakesAHandshakeOfWhichSomethingWasReadAlready) {
  Pair pair(loop_);
  pair.server.on_read = [&](std::string_view bytes) {
    if (pair.server.tls) return;
    EXPECT_EQ(bytes[0], 22);  // a handshake record
    pair.server.on_read = {};
    const std::string seen(bytes);
    pair.server.got.clear();
    pair.server.stream->StartTlsServer(server_context_, seen);
    EXPECT_FALSE(pair.server.tls);  // never from within the call
  };
  pair.client.stream->StartTlsClient({client_context_, ""});
  ASSERT_TRUE(pair.Run([&] { return pair.client.tls && pair.server.tls; }));
  pair.client.stream->Write("EHLO\r\n");
  ASSERT_TRUE(pair.Run([&] { return pair.server.got == "EHLO\r\n"; }));
}

TEST_F(Tls, AWriteDuringTheHandshakeIsAskedForAgain) {
  Pair pair(loop_);
  StartBoth(pair);
  pair.client.WriteAll("EHLO\r\n");
  pair.server.WriteAll("220\r\n");
  ASSERT_TRUE(pair.Run([&] { return pair.server.got == "EHLO\r\n"; }));
  ASSERT_TRUE(pair.Run([&] { return pair.client.got == "220\r\n"; }));
}

TEST_F(Tls, CarriesMuchInBothDirectionsAtOnce) {
  Pair pair(loop_);
  Secure(pair);
  const std::string there = Pattern(kBig);
  const std::string back = Pattern(kBig - 77);
  pair.client.WriteAll(there);
  pair.server.WriteAll(back);
  ASSERT_TRUE(pair.Run([&] {
    return pair.server.got.size() == there.size() && pair.client.got.size() == back.size();
  }));
  EXPECT_EQ(pair.server.got, there);
  EXPECT_EQ(pair.client.got, back);
}

TEST_F(Tls, WritesSlicesOfAnySizeInOrder) {
  Pair pair(loop_);
  Secure(pair);
  const std::string text = Pattern(200'000);
  std::vector<std::string_view> slices;
  size_t at = 0;
  for (size_t n = 0; at < text.size(); n = n * 3 + 1) {
    slices.push_back(std::string_view(text).substr(at, n % 50'000));
    at += slices.back().size();
  }
  EXPECT_EQ(pair.client.stream->Write(slices), text.size());
  ASSERT_TRUE(pair.Run([&] { return pair.server.got.size() == text.size(); }));
  EXPECT_EQ(pair.server.got, text);
}

TEST_F(Tls, TakesOnlySoMuchWhenThePeerDoesNotRead) {
  Pair pair(loop_);
  Secure(pair);
  pair.server.stream->PauseReading();
  const std::string big = Pattern(kBig);
  pair.client.WriteAll(big);
  RunFor(loop_, milliseconds(20));
  EXPECT_TRUE(pair.server.got.empty());
  EXPECT_EQ(pair.client.stream->Write("more"), 0u);
  pair.server.stream->ResumeReading();
  ASSERT_TRUE(pair.Run([&] { return pair.server.got.size() == big.size(); }));
  EXPECT_EQ(pair.server.got, big);
}

TEST_F(Tls, APauseHoldsBackWhatIsDecryptedAlready) {
  Pair pair(loop_);
  Secure(pair);
  pair.server.on_read = [&](std::string_view) { pair.server.stream->PauseReading(); };
  const std::string big = Pattern(300'000);
  pair.client.WriteAll(big);
  ASSERT_TRUE(pair.Run([&] { return pair.server.reads == 1; }));
  RunFor(loop_, milliseconds(5));
  // Nothing more is sent from here on, and still every resume brings the next piece.
  while (pair.server.got.size() < big.size()) {
    const int reads = pair.server.reads;
    RunFor(loop_, milliseconds(1));
    ASSERT_EQ(pair.server.reads, reads);
    pair.server.stream->ResumeReading();
    ASSERT_EQ(pair.server.reads, reads);  // never from within the call
    ASSERT_TRUE(pair.Run([&] { return pair.server.reads > reads; }));
  }
  EXPECT_EQ(pair.server.got, big);
}

TEST_F(Tls, APauseInTheReadyCallbackHoldsBackWhatCameWithTheHandshake) {
  Pair pair(loop_);
  pair.server.on_tls = [&] { pair.server.stream->PauseReading(); };
  pair.client.on_tls = [&] { pair.client.stream->Write("EHLO\r\n"); };
  pair.server.stream->PauseReading();  // the handshake goes on all the same
  Secure(pair);
  RunFor(loop_, milliseconds(10));
  EXPECT_EQ(pair.server.got, "");
  pair.server.stream->ResumeReading();
  ASSERT_TRUE(pair.Run([&] { return pair.server.got == "EHLO\r\n"; }));
}

TEST_F(Tls, GarbageInsteadOfAHandshakeFails) {
  Pair pair(loop_);
  pair.server.stream->StartTlsServer(server_context_);
  pair.client.stream->Write("EHLO I am no TLS client\r\n");
  ASSERT_TRUE(pair.Run([&] { return pair.server.closed.has_value(); }));
  EXPECT_EQ(pair.server.closed->reason, CloseReason::kTlsFailed);
  EXPECT_NE(pair.server.closed->detail.find("TLS handshake: "), std::string::npos);
  EXPECT_EQ(pair.server.got, "");
}

TEST_F(Tls, AServerThatGreetsInsteadOfShakingHandsFails) {
  Pair pair(loop_);
  pair.client.stream->StartTlsClient({client_context_, "mx.example.org"});
  pair.server.stream->Write("220 hello there, what is this?\r\n");
  ASSERT_TRUE(pair.Run([&] { return pair.client.closed.has_value(); }));
  EXPECT_EQ(pair.client.closed->reason, CloseReason::kTlsFailed);
}

TEST_F(Tls, AHandshakeCutShortFails) {
  for (const bool reset : {false, true}) {
    Pair pair(loop_);
    pair.server.stream->StartTlsServer(server_context_);
    pair.client.stream->Write("\x16\x03\x01");
    RunFor(loop_, milliseconds(2));
    if (reset) {
      pair.client.stream->Abort();
    } else {
      pair.client.stream->Close();
    }
    ASSERT_TRUE(pair.Run([&] { return pair.server.closed.has_value(); }));
    EXPECT_EQ(pair.server.closed->reason, CloseReason::kTlsFailed);
    EXPECT_FALSE(pair.server.eof);
  }
}

// Cipher text passes through two plain streams, which cut or spoil it.
struct Relay {
  Relay(UvLoop& on, const Endpoint& to) : loop(on) {
    listener = loop.net()
                   .Listen(kAnyPort,
                           [this, to](Stream* stream) {
                             front.stream = stream;
                             back.stream = loop.net().Connect({to, {}}, &back);
                             front.stream->PauseReading();
                             return &front;
                           })
                   .value();
    back.on_connected = [this] { front.stream->ResumeReading(); };
    front.on_read = [this](std::string_view bytes) {
      std::string copy(bytes);
      if (spoil) copy[copy.size() / 2] = char(copy[copy.size() / 2] ^ 1);
      for (const char& c : copy) back.stream->Write({&c, 1});
    };
    back.on_read = [this](std::string_view bytes) { front.stream->Write(bytes); };
  }
  UvLoop& loop;
  std::unique_ptr<Listener> listener;
  Peer front, back;
  bool spoil = false;
};

TEST_F(Tls, SurvivesEveryCutAndNoticesASpoiltRecord) {
  Peer client, server;
  auto listener = loop_.net().Listen(kAnyPort, [&](Stream* stream) {
    server.stream = stream;
    stream->StartTlsServer(server_context_);
    return &server;
  });
  Relay relay(loop_, (*listener)->bound());
  client.stream = loop_.net().Connect({relay.listener->bound(), {}}, &client);
  client.on_connected = [&] { client.stream->StartTlsClient({client_context_, "mx.example.org"}); };
  ASSERT_TRUE(RunUntil(loop_, [&] { return client.tls && server.tls; }));
  const std::string text = Pattern(20'000);
  client.stream->Write(text);
  ASSERT_TRUE(RunUntil(loop_, [&] { return server.got.size() == text.size(); }));
  EXPECT_EQ(server.got, text);
  relay.spoil = true;
  client.stream->Write("this will not arrive");
  ASSERT_TRUE(RunUntil(loop_, [&] { return server.closed.has_value(); }));
  EXPECT_EQ(server.closed->reason, CloseReason::kTlsFailed);
  EXPECT_EQ(server.got, text);
}

TEST_F(Tls, EndsWithAndWithoutAGoodbye) {
  for (const bool goodbye : {true, false}) {
    Peer client, server;
    auto listener = loop_.net().Listen(kAnyPort, [&](Stream* stream) {
      server.stream = stream;
      stream->StartTlsServer(server_context_);
      return &server;
    });
    Relay relay(loop_, (*listener)->bound());
    client.stream = loop_.net().Connect({relay.listener->bound(), {}}, &client);
    client.on_connected = [&] { client.stream->StartTlsClient({client_context_, ""}); };
    ASSERT_TRUE(RunUntil(loop_, [&] { return client.tls && server.tls; }));
    client.stream->Write("QUIT\r\n");
    ASSERT_TRUE(RunUntil(loop_, [&] { return server.got == "QUIT\r\n"; }));
    if (goodbye) {
      client.stream->Close();
    } else {
      relay.back.stream->Close();
    }
    ASSERT_TRUE(RunUntil(loop_, [&] { return server.eof; }));
    EXPECT_EQ(server.stream->Write("221 bye\r\n"), 9u);
    server.stream->Close();
    ASSERT_TRUE(RunUntil(loop_, [&] { return server.closed.has_value(); }));
    EXPECT_EQ(server.closed->reason, CloseReason::kPeerClosed);
  }
}

TEST_F(Tls, AConnectionMayGoAtAnyMomentOfTheHandshake) {
  for (int turns = 0; turns < 8; ++turns) {
    Pair pair(loop_);
    StartBoth(pair);
    int left = turns;
    RunUntil(loop_, [&] {
      loop_.Wake();  // the next turn comes even when nothing else happens
      return --left <= 0;
    });
    pair.client.stream ? pair.client.stream->Abort() : void();
    pair.server.stream ? pair.server.stream->Close() : void();
    ASSERT_TRUE(pair.Run([&] { return pair.client.closed && pair.server.closed; }));
  }
  UvLoop other;
  Pair pair(other);
  StartBoth(pair);  // and goes with the loop
}

TEST_F(Tls, CloseSendsWhatWasTaken) {
  Pair pair(loop_);
  Secure(pair);
  const std::string big = Pattern(kBig);
  pair.server.WriteAll(big, [&] { pair.server.stream->Close(); });
  pair.client.on_eof = [&] { pair.client.stream->Close(); };
  ASSERT_TRUE(pair.Run([&] { return pair.client.closed && pair.server.closed; }));
  EXPECT_EQ(pair.client.got, big);
}

}  // namespace
}  // namespace sluice::io
