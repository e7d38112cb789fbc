// tests/io/tls_verify_test.cc — whom a client believes: chains, names, dates, TLSA records, and
// that no session carries belief from one policy to another.
//
// A table of servers and demands; each row shakes hands once over real TLS.

#include <gtest/gtest.h>

#include <functional>
#include <vector>

#include "engine/io/tls_client_context.h"
#include "engine/io/tls_context.h"
#include "tests/io/peer.h"
#include "tests/io/test_ca.h"

namespace sluice::io {
namespace {

constexpr const char* kHost = "mx.example.org";

class TlsVerified : public testing::Test {
 protected:
  TlsVerified() : ca_(dir_.File(""), "ca"), other_(dir_.File(""), "other") {
    client_ = Client({.ca_file = ca_.ca_file()});
  }

  std::shared_ptr<TlsClientContext> Client(const TlsClientSettings& settings) {
    auto made = loop_.net().MakeVerifyingTlsClient(settings);
    EXPECT_TRUE(made) << made.error().what;
    return std::move(*made);
  }
  void Serve(const TestCa::Leaf& leaf) { Serve(ca_, leaf); }
  void Serve(TestCa& by, const TestCa::Leaf& leaf) {
    by.Issue("leaf", leaf);
    server_ = loop_.net().MakeTlsServer(dir_.File("leaf.pem"), dir_.File("leaf.key")).value();
  }

  TlsClientParams Pkix(std::vector<std::string> names = {kHost}) {
    return {client_, kHost, TlsVerify::kPkix, std::move(names)};
  }
  TlsClientParams Dane(std::vector<TlsaRecord> records, std::vector<std::string> names = {kHost}) {
    return {client_, kHost, TlsVerify::kDane, std::move(names), false, std::move(records)};
  }

  // "pkix", "dane-ta", "dane-ee", "none"; with "+" behind when the session was resumed. Else the
  // reason why it failed. Waits for the session ticket.
  std::string Shake(const TlsClientParams& params) {
    Pair pair(loop_);
    pair.server.stream->StartTlsServer(server_);
    pair.client.stream->StartTlsClient(params);
    EXPECT_TRUE(pair.Run(
        [&] { return pair.client.closed.has_value() || (pair.client.tls && pair.server.tls); }));
    if (pair.client.closed) {
      EXPECT_EQ(pair.client.closed->reason, CloseReason::kTlsFailed);
      fault_ = pair.client.closed->fault;
      pair.Run([&] { return pair.server.closed.has_value(); });
      return pair.client.closed->detail;
    }
    pair.server.stream->Write("x");
    EXPECT_TRUE(pair.Run([&] { return !pair.client.got.empty(); }));
    const TlsInfo info = *pair.client.tls;
    pair.client.stream->Close();
    pair.server.on_eof = [&] { pair.server.stream->Close(); };
    EXPECT_TRUE(pair.Run([&] { return pair.client.closed && pair.server.closed; }));
    constexpr const char* kProofs[] = {"none", "pkix", "dane-ta", "dane-ee"};
    return std::string(kProofs[size_t(info.proof)]) + (info.resumed ? "+" : "");
  }
  // It fails in the handshake, and the words hold `why`.
  void ExpectRefusal(const TlsClientParams& params, std::string_view why,
                     std::optional<TlsFault> fault = {}) {
    const std::string said = Shake(params);
    EXPECT_TRUE(said.starts_with("TLS handshake: ")) << said;
    EXPECT_NE(said.find(why), std::string::npos) << said;
    if (fault) {
      EXPECT_EQ(fault_, *fault) << said;
    }
  }

  const TempDir dir_;
  UvLoop loop_;
  TestCa ca_;
  TestCa other_;
  std::shared_ptr<TlsServerContext> server_;
  std::shared_ptr<TlsClientContext> client_;
  TlsFault fault_ = TlsFault::kNone;  // of the last handshake that failed
};

TEST_F(TlsVerified, AChainToAKnownCaWithTheNameIsBelieved) {
  Serve({.names = {kHost}});
  EXPECT_EQ(Shake(Pkix()), "pkix");
  Serve({.names = {"*.example.org"}});
  EXPECT_EQ(Shake(Pkix({"not.example.net", kHost})), "pkix");  // any of the names
  Serve({.names = {"other.example.org", kHost}, .links = 2});
  client_ = Client({.ca_file = ca_.ca_file()});
  EXPECT_EQ(Shake(Pkix()), "pkix");
}

TEST_F(TlsVerified, WhatIsWrongWithACertificateIsSaid) {
  Serve({.names = {"mx.example.net"}});
  ExpectRefusal(Pkix(), "hostname mismatch", TlsFault::kWrongName);
  Serve({.names = {}});  // a subject is no name (RFC 8461 4.1)
  ExpectRefusal(Pkix({"leaf"}), "hostname mismatch");
  Serve({.names = {"*.org"}});
  ExpectRefusal(Pkix(), "hostname mismatch", TlsFault::kWrongName);
  Serve({.names = {kHost}, .from_days = -30, .until_days = -1});
  ExpectRefusal(Pkix(), "expired", TlsFault::kExpired);
  Serve({.names = {kHost}, .from_days = 1});
  ExpectRefusal(Pkix(), "not yet valid", TlsFault::kExpired);
  Serve(other_, {.names = {kHost}});
  ExpectRefusal(Pkix(), "unable to get local issuer certificate", TlsFault::kNotTrusted);
  EXPECT_TRUE(WriteSelfSigned(dir_.File("leaf.pem"), dir_.File("leaf.key"), kHost));
  server_ = loop_.net().MakeTlsServer(dir_.File("leaf.pem"), dir_.File("leaf.key")).value();
  ExpectRefusal(Pkix(), "self-signed certificate", TlsFault::kNotTrusted);
}

TEST_F(TlsVerified, WithoutADemandAnyCertificateWillDo) {
  Serve(other_, {.names = {"mx.example.net"}, .from_days = -30, .until_days = -1});
  EXPECT_EQ(Shake({client_, kHost}), "none");
}

TEST_F(TlsVerified, DaneEeLooksAtTheKeyAlone) {
  Serve(other_, {.names = {"mx.example.net"}, .from_days = -30, .until_days = -1});
  for (const uint8_t selector : {uint8_t(0), uint8_t(1)})
    for (const uint8_t matching : {uint8_t(0), uint8_t(1), uint8_t(2)})
      EXPECT_EQ(Shake(Dane({other_.LeafRecord(selector, matching)})), "dane-ee")
          << int(selector) << int(matching);
  // One record that matches is enough.
  EXPECT_EQ(Shake(Dane({ca_.CaRecord(0, 1), other_.LeafRecord(1, 1)})), "dane-ee");
}

TEST_F(TlsVerified, ADigestOfAnotherKeyIsAMismatch) {
  Serve({.names = {kHost}});
  const TlsaRecord old = ca_.LeafRecord(1, 1);
  Serve({.names = {kHost}});
  // A known CA and the right name do not help: DANE alone decides.
  ExpectRefusal(Dane({old}), "no matching DANE TLSA records", TlsFault::kNoMatch);
}

TEST_F(TlsVerified, DaneTaLooksAtChainNamesAndDates) {
  Serve(other_, {.names = {kHost}, .extra = 1});
  EXPECT_EQ(Shake(Dane({other_.CaRecord(0, 1)})), "dane-ta");
  EXPECT_EQ(Shake(Dane({other_.CaRecord(1, 2)})), "dane-ta");
  Serve(other_, {.names = {"example.org"}, .extra = 1});
  ExpectRefusal(Dane({other_.CaRecord(0, 1)}), "hostname mismatch");
  EXPECT_EQ(Shake(Dane({other_.CaRecord(0, 1)}, {kHost, "example.org"})), "dane-ta");
  Serve(other_, {.names = {kHost}, .from_days = -30, .until_days = -1, .extra = 1});
  ExpectRefusal(Dane({other_.CaRecord(0, 1)}, {kHost, "next"}), "expired");
  // A digest of an anchor that the server does not send proves nothing (RFC 7672 3.1.2).
  Serve(other_, {.names = {kHost}});
  ExpectRefusal(Dane({other_.CaRecord(1, 1)}, {kHost, "last"}), "DANE");
}

TEST_F(TlsVerified, RecordsThatMailCannotUseAreTold) {
  Serve({.names = {kHost}});
  TlsaRecord good = ca_.LeafRecord(1, 1);
  EXPECT_TRUE(IsUsable(good));
  EXPECT_TRUE(IsUsable(ca_.LeafRecord(0, 0)));
  const auto changed = [&](auto change) {
    TlsaRecord record = good;
    change(record);
    return record;
  };
  const TlsaRecord bad[] = {
      changed([](TlsaRecord& r) { r.usage = 0; }),     // PKIX-TA
      changed([](TlsaRecord& r) { r.usage = 1; }),     // PKIX-EE
      changed([](TlsaRecord& r) { r.usage = 4; }),     //
      changed([](TlsaRecord& r) { r.selector = 2; }),  //
      changed([](TlsaRecord& r) { r.matching = 3; }),  //
      changed([](TlsaRecord& r) { r.matching = 2; }),  // the length of another digest
      changed([](TlsaRecord& r) { r.matching = 0; }),  // a digest is no key
      changed([](TlsaRecord& r) { r.data.clear(); }),  //
      changed([](TlsaRecord& r) { r.data += 'x'; }),   //
  };
  for (const TlsaRecord& record : bad) EXPECT_FALSE(IsUsable(record));
  TlsaRecord tail = ca_.LeafRecord(0, 0);
  tail.data += 'x';
  EXPECT_FALSE(IsUsable(tail));
  ExpectRefusal(Dane({std::begin(bad), std::end(bad)}), "none of the TLSA records is usable");
  ExpectRefusal(Dane({}), "none of the TLSA records is usable");
  EXPECT_EQ(Shake(Dane({bad[0], good})), "dane-ee");
}

TEST_F(TlsVerified, ASessionIsResumedUnderTheSamePolicyOnly) {
  Serve({.names = {kHost}});
  const TlsClientParams plain{client_, kHost};
  EXPECT_EQ(Shake(plain), "none");
  EXPECT_EQ(Shake(plain), "none+");
  EXPECT_EQ(Shake(Pkix()), "pkix");
  EXPECT_EQ(Shake(Pkix()), "pkix+");
  EXPECT_EQ(Shake(Pkix({kHost, "other"})), "pkix");
  EXPECT_EQ(Shake(Dane({ca_.LeafRecord(1, 1)})), "dane-ee");
  EXPECT_EQ(Shake(Dane({ca_.LeafRecord(1, 2)})), "dane-ee");
  EXPECT_TRUE(Shake(Dane({ca_.LeafRecord(1, 2)})).ends_with("+"));
  // The records changed: what was proved by the old ones counts no more.
  TlsaRecord wrong = ca_.LeafRecord(1, 1);
  wrong.data[0] = char(wrong.data[0] ^ 1);
  ExpectRefusal(Dane({wrong}), "no matching DANE TLSA records");
  // An unverified session to an impostor is not taken up when verification is asked for.
  Serve(other_, {.names = {kHost}});
  EXPECT_EQ(Shake({client_, "impostor"}), "none");
  ExpectRefusal({client_, "impostor", TlsVerify::kPkix, {kHost}}, "issuer");
}

TEST_F(TlsVerified, AHugeChainIsRefused) {
  Serve({.names = {kHost}, .extra = 400});
  ExpectRefusal(Pkix(), "excessive message size");
  ExpectRefusal({client_, kHost}, "excessive message size");
  Serve({.names = {kHost}, .links = TlsClientContext::kChainDepthMax + 2});
  ExpectRefusal(Pkix(), "certificate chain too long");
}

TEST_F(TlsVerified, TheLeastVersionIsKept) {
  Serve({.names = {kHost}});
  SSL_CTX_set_max_proto_version(server_->ctx(), TLS1_2_VERSION);
  EXPECT_EQ(Shake(Pkix()), "pkix");
  client_ = Client({.min_version = TlsVersion::k13, .ca_file = ca_.ca_file()});
  const std::string said = Shake(Pkix());
  EXPECT_NE(said.find("version"), std::string::npos) << said;
}

TEST_F(TlsVerified, ACertificateOfOursIsShownToServersThatAsk) {
  Serve({.names = {kHost}});
  ASSERT_EQ(SSL_CTX_load_verify_file(server_->ctx(), other_.ca_file().c_str()), 1);
  SSL_CTX_set_verify(server_->ctx(), SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  const unsigned char context[] = "test";
  SSL_CTX_set_session_id_context(server_->ctx(), context, sizeof context);
  SSL_CTX_set_max_proto_version(server_->ctx(), TLS1_2_VERSION);  // so that we hear of it in time
  EXPECT_NE(Shake(Pkix()).find("TLS handshake: "), std::string::npos);
  other_.Issue("ours", {.names = {"out.example.com"}});
  client_ = Client({.ca_file = ca_.ca_file(),
                    .cert_file = dir_.File("ours.pem"),
                    .key_file = dir_.File("ours.key")});
  EXPECT_EQ(Shake(Pkix()), "pkix");
}

TEST_F(TlsVerified, FilesThatCannotBeUsedAreNamed) {
  const auto error = [&](const TlsClientSettings& settings) {
    const auto made = loop_.net().MakeVerifyingTlsClient(settings);
    return made ? std::string() : made.error().what;
  };
  ca_.Issue("leaf", {.names = {kHost}});
  EXPECT_NE(error({.ca_file = dir_.File("none")}).find(dir_.File("none") + ": cannot read"),
            std::string::npos);
  EXPECT_EQ(error({.ca_file = dir_.File("leaf.key")}),
            dir_.File("leaf.key") + ": no PEM certificate in this file");
  EXPECT_NE(error({.cert_file = dir_.File("leaf.pem")}).find("no PEM private key"),
            std::string::npos);
}

TEST_F(TlsVerified, ATruncatedOrOverlongRecordEndsTheHandshake) {
  struct Case {
    std::string_view octets;
    bool close;
  };
  for (const Case& c : {Case{{"\x16\x03\x03\x02\x00\x02\x00", 7}, true},  // a hello that breaks off
                        Case{{"\x16\x03\x03\xff\xff\x02\x00", 7}, false},  // longer than any record
                        Case{{"", 0}, true}}) {
    Pair pair(loop_);
    pair.client.stream->StartTlsClient(Pkix());
    pair.server.stream->Write(c.octets);
    if (c.close) pair.server.stream->Close();
    ASSERT_TRUE(pair.Run([&] { return pair.client.closed.has_value(); }));
    EXPECT_EQ(pair.client.closed->reason, CloseReason::kTlsFailed);
  }
}

// A server in the hands of the test: OpenSSL between a plain stream and two memory BIOs.
struct BareServer {
  BareServer(SSL_CTX* ctx, Peer& on) : peer(on), ssl(SSL_new(ctx)) {
    SSL_set_bio(ssl.get(), BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
    SSL_set_accept_state(ssl.get());
    peer.on_read = [this](std::string_view bytes) {
      BIO_write(SSL_get_rbio(ssl.get()), bytes.data(), int(bytes.size()));
      char into[256];
      const int n = SSL_read(ssl.get(), into, sizeof into);
      if (n > 0) plain.append(into, size_t(n));
      Flush();
    };
  }
  void Flush() {
    char into[4096];
    for (int n; (n = BIO_read(SSL_get_wbio(ssl.get()), into, sizeof into)) > 0;)
      peer.stream->Write({into, size_t(n)});
  }
  Peer& peer;
  SslPtr ssl;
  std::string plain;
};

TEST_F(TlsVerified, ARequestToRenegotiateIsDeclinedAndTheConnectionGoesOn) {
  Serve({.names = {kHost}});
  SSL_CTX_set_max_proto_version(server_->ctx(), TLS1_2_VERSION);
  SSL_CTX_clear_options(server_->ctx(), SSL_OP_NO_RENEGOTIATION);
  Pair pair(loop_);
  BareServer server(server_->ctx(), pair.server);
  pair.client.stream->StartTlsClient(Pkix());
  ASSERT_TRUE(pair.Run([&] { return pair.client.tls.has_value(); }));
  ASSERT_EQ(SSL_renegotiate(server.ssl.get()), 1);
  SSL_do_handshake(server.ssl.get());  // says HelloRequest
  server.Flush();
  pair.client.stream->Write("EHLO\r\n");
  ASSERT_TRUE(pair.Run([&] { return server.plain == "EHLO\r\n" || pair.client.closed; }));
  EXPECT_FALSE(pair.client.closed);
}

}  // namespace
}  // namespace sluice::io
