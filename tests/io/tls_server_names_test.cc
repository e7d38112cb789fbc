// tests/io/tls_server_names_test.cc — which of a server's certificates a client is shown, and what
// becomes of those that cannot be read.

#include <gtest/gtest.h>
#include <openssl/evp.h>

#include <fstream>
#include <map>
#include <vector>

#include "engine/io/tls_client_context.h"
#include "engine/io/tls_context.h"
#include "tests/io/peer.h"
#include "tests/io/test_ca.h"

namespace sluice::io {
namespace {

class TlsServerNames : public testing::Test {
 protected:
  TlsServerNames() : ca_(dir_.File(""), "ca") { client_ = loop_.net().MakeTlsClient(); }

  // Issues `file` for `names`, and lists it.
  void Add(const std::string& file, const TestCa::Leaf& leaf) {
    ca_.Issue(file, leaf);
    records_[file] = ca_.LeafRecord(1, 1);
    settings_.certificates.push_back({dir_.File(file + ".pem"), dir_.File(file + ".key")});
  }
  TlsServerMade Make() {
    auto made = loop_.net().MakeTlsServerOf(settings_);
    EXPECT_TRUE(made) << made.error().what;
    return made ? std::move(*made) : TlsServerMade{};
  }
  // Is the certificate in `file` the one that a client sees who asks for `name`?
  bool Shows(const std::string& name, const std::string& file) {
    Pair pair(loop_);
    pair.server.stream->StartTlsServer(server_);
    pair.client.stream->StartTlsClient(
        {client_, name, TlsVerify::kDane, {}, false, {records_.at(file)}});
    EXPECT_TRUE(pair.Run(
        [&] { return pair.client.closed.has_value() || (pair.client.tls && pair.server.tls); }));
    const bool shown = pair.client.tls.has_value();
    if (!pair.client.closed) pair.client.stream->Abort();
    EXPECT_TRUE(pair.Run([&] { return pair.client.closed && pair.server.closed; }));
    return shown;
  }

  const TempDir dir_;
  UvLoop loop_;
  TestCa ca_;
  TlsServerSettings settings_;
  std::map<std::string, TlsaRecord> records_;
  std::shared_ptr<TlsServerContext> server_;
  std::shared_ptr<TlsClientContext> client_;
};

TEST_F(TlsServerNames, AClientIsShownTheCertificateThatCarriesTheNameItAsksFor) {
  Add("main", {.names = {"mta.example.org", "*.example.org"}});
  Add("shop", {.names = {"Mail.Shop.example", "smtp.shop.example"}});
  Add("wild", {.names = {"*.wild.example", "special.example.org"}});
  TlsServerMade made = Make();
  EXPECT_TRUE(made.warnings.empty()) << made.warnings.front();
  server_ = made.context;
  const struct {
    const char* asked;
    const char* shown;
  } cases[] = {
      {"mta.example.org", "main"},
      {"mail.shop.example", "shop"},
      {"SMTP.SHOP.EXAMPLE", "shop"},
      {"a.wild.example", "wild"},
      {"a.b.wild.example", "main"},  // a wildcard is one label
      {"wild.example", "main"},
      {".wild.example", "main"},
      {"special.example.org", "wild"},  // exact, before the first one's wildcard
      {"other.example.org", "main"},
      {"unknown.test", "main"},
      {"192.0.2.1", "main"},
      {"*", "main"},
      {".", "main"},
      {"\xff\xfe\x01", "main"},
      {"mail.shop.example\xc3\x28", "main"},
  };
  for (const auto& row : cases) EXPECT_TRUE(Shows(row.asked, row.shown)) << row.asked;
  EXPECT_TRUE(Shows(std::string(255, 'a'), "main"));
}

TEST_F(TlsServerNames, TwoKindsOfKeysForANameAreShownByWhatTheClientTakes) {
  Add("ec", {.names = {"mta.example.org"}});
  Add("rsa", {.names = {"mta.example.org"}, .rsa = true});
  Add("shop-rsa", {.names = {"mail.shop.example"}, .rsa = true});
  Add("shop-ec", {.names = {"mail.shop.example"}});
  server_ = Make().context;
  EXPECT_TRUE(Shows("mta.example.org", "ec"));
  EXPECT_TRUE(Shows("mail.shop.example", "shop-ec"));
  for (const char* unknown : {"192.0.2.1", "unknown.test"}) EXPECT_TRUE(Shows(unknown, "ec"));
  ASSERT_EQ(SSL_CTX_set1_sigalgs_list(client_->ctx(), "RSA-PSS+SHA256:RSA+SHA256"), 1);
  EXPECT_TRUE(Shows("mta.example.org", "rsa"));
  EXPECT_TRUE(Shows("mail.shop.example", "shop-rsa"));
  for (const char* unknown : {"192.0.2.1", "unknown.test"}) EXPECT_TRUE(Shows(unknown, "rsa"));
}

TEST_F(TlsServerNames, WhatIsNeverShownOrOutOfDateIsSaid) {
  Add("main", {.names = {"mta.example.org"}});
  Add("again", {.names = {"mta.example.org"}});
  Add("nameless", {.names = {}});
  Add("old", {.names = {"old.example.org"}, .from_days = -30, .until_days = -1});
  const std::vector<std::string> warnings = Make().warnings;
  ASSERT_EQ(warnings.size(), 3u);
  EXPECT_NE(warnings[0].find("again.pem: certificates before it carry all its names"),
            std::string::npos);
  EXPECT_NE(warnings[1].find("nameless.pem: carries no DNS name"), std::string::npos);
  EXPECT_NE(warnings[2].find("old.pem: certificate has expired"), std::string::npos);
}

TEST_F(TlsServerNames, OneThatCannotBeReadAnyMoreStaysAndTheOthersAreRenewed) {
  Add("main", {.names = {"mta.example.org"}});
  Add("shop", {.names = {"mail.shop.example"}});
  settings_.before = server_ = Make().context;
  const TlsaRecord old = records_.at("main");
  ca_.Issue("main", {.names = {"mta.example.org"}});
  records_["main"] = ca_.LeafRecord(1, 1);
  records_["old"] = old;
  std::ofstream(dir_.File("shop.key")) << "no key\n";
  const TlsServerMade made = Make();
  ASSERT_EQ(made.failures.size(), 1u);
  EXPECT_TRUE(made.failures[0].starts_with(dir_.File("shop.key"))) << made.failures[0];
  EXPECT_TRUE(Shows("mta.example.org", "old"));
  server_ = made.context;
  EXPECT_TRUE(Shows("mta.example.org", "main"));
  EXPECT_TRUE(Shows("mail.shop.example", "shop"));
  // Without one in force it is an error, as is one that was not in the list.
  settings_.before = nullptr;
  EXPECT_FALSE(loop_.net().MakeTlsServerOf(settings_));
  settings_.before = server_;
  settings_.certificates.push_back({dir_.File("gone.pem"), dir_.File("gone.key")});
  EXPECT_FALSE(loop_.net().MakeTlsServerOf(settings_));
}

}  // namespace
}  // namespace sluice::io
