// tests/io/tls_peer_test.cc — what a server that asks for certificates finds out about its clients,
// in full and resumed handshakes.

#include "engine/io/tls_peer.h"

#include <gtest/gtest.h>

#include <optional>
#include <vector>

#include "engine/io/tls_client_context.h"
#include "engine/io/tls_context.h"
#include "tests/io/peer.h"
#include "tests/io/test_ca.h"

namespace sluice::io {
namespace {

class TlsPeerOf : public testing::Test {
 protected:
  TlsPeerOf() : ca_(dir_.File(""), "ca"), other_(dir_.File(""), "other") {
    EXPECT_TRUE(WriteSelfSigned(dir_.File("cert"), dir_.File("key"), "mta.test"));
    server_ = Serve(ca_.ca_file());
  }

  std::shared_ptr<TlsServerContext> Serve(const std::string& ca_file, bool ask = true) {
    auto made =
        loop_.net().MakeTlsServerOf({.certificates = {{dir_.File("cert"), dir_.File("key")}},
                                     .ask_clients = ask,
                                     .client_ca = ca_file});
    EXPECT_TRUE(made) << made.error().what;
    return made->context;
  }
  // From now on the client has a certificate of `by`.
  void Hold(TestCa& by, const TestCa::Leaf& leaf) {
    by.Issue("leaf", leaf);
    HoldFiles("leaf.pem", "leaf.key");
  }
  void HoldFiles(const std::string& cert, const std::string& key) {
    client_ =
        loop_.net()
            .MakeVerifyingTlsClient({.cert_file = dir_.File(cert), .key_file = dir_.File(key)})
            .value();
  }
  // What the server is told; none when the handshake failed. Waits for the session ticket.
  std::optional<TlsInfo> Shake() {
    Pair pair(loop_);
    pair.server.stream->StartTlsServer(server_);
    pair.client.stream->StartTlsClient({client_, "mta.test"});
    EXPECT_TRUE(
        pair.Run([&] { return pair.server.closed || (pair.client.tls && pair.server.tls); }));
    const std::optional<TlsInfo> info = pair.server.tls;
    if (!pair.server.closed) {
      pair.server.stream->Write("x");
      EXPECT_TRUE(pair.Run([&] { return !pair.client.got.empty(); }));
      pair.client.stream->Close();
      pair.server.on_eof = [&] { pair.server.stream->Close(); };
    }
    EXPECT_TRUE(pair.Run([&] { return pair.client.closed && pair.server.closed; }));
    return info;
  }
  TlsPeer Peer() {
    const auto info = Shake();
    EXPECT_TRUE(info && info->peer);
    return info && info->peer ? *info->peer : TlsPeer{};
  }

  const TempDir dir_;
  UvLoop loop_;
  TestCa ca_;
  TestCa other_;
  std::shared_ptr<TlsServerContext> server_;
  std::shared_ptr<TlsClientContext> client_ = loop_.net().MakeTlsClient();
};

TEST_F(TlsPeerOf, AClientWithoutACertificateIsLetIn) { EXPECT_EQ(Shake()->peer, nullptr); }

TEST_F(TlsPeerOf, ACertificateOfTheCaHasItsNames) {
  Hold(ca_, {.names = {"CRM.example.org", "b.example.org"}, .mail = "Ops@example.org"});
  const TlsPeer peer = Peer();
  EXPECT_EQ(peer.names,
            (std::vector<std::string>{"crm.example.org", "b.example.org", "ops@example.org"}));
  EXPECT_EQ(peer.problem, "");
  EXPECT_EQ(peer.untimely, "");
  EXPECT_EQ(peer.fingerprint.size(), 64u);
  std::string key;
  for (const char c : ca_.LeafRecord(1, 1).data) {
    constexpr std::string_view kDigits = "0123456789abcdef";
    key += kDigits[uint8_t(c) >> 4];
    key += kDigits[uint8_t(c) & 15];
  }
  EXPECT_EQ(peer.key_fingerprint, key);
}

TEST_F(TlsPeerOf, TheCommonNameCountsWhereThereIsNoOther) {
  Hold(ca_, {.names = {}});
  EXPECT_EQ(Peer().names, std::vector<std::string>{"leaf"});
}

TEST_F(TlsPeerOf, WhatIsWrongIsSaidAndEndsNothing) {
  Hold(other_, {.names = {"crm.example.org"}});
  EXPECT_EQ(Peer().problem, "unable to get local issuer certificate");
  HoldFiles("cert", "key");
  EXPECT_EQ(Peer().problem, "self-signed certificate");
  Hold(ca_, {.names = {"crm.example.org"}, .from_days = -30, .until_days = -1});
  TlsPeer peer = Peer();
  EXPECT_EQ(peer.untimely, "certificate has expired");
  EXPECT_EQ(peer.problem, "certificate has expired");
  Hold(ca_, {.names = {"crm.example.org"}, .from_days = 1});
  EXPECT_EQ(Peer().untimely, "certificate is not yet valid");
  Hold(ca_, {.names = {"crm.example.org"}, .links = kClientChainDepthMax});
  EXPECT_EQ(Peer().problem, "");
  Hold(ca_, {.names = {"crm.example.org"}, .links = kClientChainDepthMax + 2});
  EXPECT_NE(Peer().problem, "");
  // Without a CA nothing verifies.
  server_ = Serve("");
  Hold(ca_, {.names = {"crm.example.org"}});
  EXPECT_NE(Peer().problem, "");
}

TEST_F(TlsPeerOf, AChainThatIsTooLargeEndsTheHandshake) {
  Hold(ca_, {.names = {"crm.example.org"}, .extra = 150});
  EXPECT_FALSE(Shake());
}

TEST_F(TlsPeerOf, AResumedSessionHasTheSameCertificateAndFindings) {
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    for (TestCa* by : {&ca_, &other_}) {
      Hold(*by, {.names = {"crm.example.org"}, .links = 1});
      SSL_CTX_set_max_proto_version(client_->ctx(), version);
      const auto first = Shake();
      const auto second = Shake();
      ASSERT_TRUE(first && second && first->peer && second->peer);
      EXPECT_FALSE(first->resumed);
      EXPECT_TRUE(second->resumed);
      EXPECT_EQ(second->peer->fingerprint, first->peer->fingerprint);
      EXPECT_EQ(second->peer->names, first->peer->names);
      EXPECT_EQ(second->peer->problem, first->peer->problem);
      EXPECT_EQ(second->peer->problem.empty(), by == &ca_);
    }
  }
}

TEST_F(TlsPeerOf, NoSessionGoesFromOneContextToAnother) {
  Hold(other_, {.names = {"crm.example.org"}});
  server_ = Serve(other_.ca_file());
  EXPECT_EQ(Shake()->peer->problem, "");
  server_ = Serve(ca_.ca_file());  // as a reload makes it
  const auto info = Shake();
  EXPECT_FALSE(info->resumed);
  EXPECT_NE(info->peer->problem, "");
  server_ = Serve("", false);
  EXPECT_EQ(Shake()->peer, nullptr);
  server_ = Serve(ca_.ca_file());
  EXPECT_FALSE(Shake()->resumed);
}

TEST_F(TlsPeerOf, ACaFileThatIsNoneIsNamed) {
  for (const char* file : {"key", "gone"}) {
    const auto made =
        loop_.net().MakeTlsServerOf({.certificates = {{dir_.File("cert"), dir_.File("key")}},
                                     .ask_clients = true,
                                     .client_ca = dir_.File(file)});
    ASSERT_FALSE(made);
    EXPECT_TRUE(made.error().what.starts_with(dir_.File(file) + ": ")) << made.error().what;
  }
}

}  // namespace
}  // namespace sluice::io
