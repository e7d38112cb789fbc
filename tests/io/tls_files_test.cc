// tests/io/tls_files_test.cc — certificates and keys: what is wrong with them is said with the
// file's name.

#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <sys/stat.h>

#include <fstream>

#include "tests/io/peer.h"

namespace sluice::io {
namespace {

class TlsFiles : public testing::Test {
 protected:
  TlsFiles() {
    EXPECT_TRUE(WriteSelfSigned(dir_.File("cert"), dir_.File("key"), "mx.example.org"));
    EXPECT_TRUE(WriteSelfSigned(dir_.File("cert2"), dir_.File("key2"), "mx.example.org"));
    std::ofstream(dir_.File("text")) << "no certificate here\n";
    std::ofstream(dir_.File("broken"))
        << "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    std::ofstream(dir_.File("empty")).flush();
  }

  // The error names `file` and says `why`.
  void ExpectError(const std::string& cert, const std::string& key, const std::string& file,
                   const std::string& why) {
    const auto made = loop_.net().MakeTlsServer(dir_.File(cert), dir_.File(key));
    ASSERT_FALSE(made);
    EXPECT_TRUE(made.error().what.starts_with(dir_.File(file) + ": ")) << made.error().what;
    EXPECT_NE(made.error().what.find(why), std::string::npos) << made.error().what;
  }

  const TempDir dir_;
  UvLoop loop_;
};

TEST_F(TlsFiles, AGoodPairIsTaken) {
  EXPECT_TRUE(loop_.net().MakeTlsServer(dir_.File("cert"), dir_.File("key")));
  struct stat found;
  ASSERT_EQ(stat(dir_.File("key").c_str(), &found), 0);
  EXPECT_EQ(found.st_mode & 0777, 0600u);
}

TEST_F(TlsFiles, AMissingFileIsNamed) {
  ExpectError("nothing", "key", "nothing", "No such file");
  ExpectError("cert", "nothing", "nothing", "No such file");
  ExpectError("", "key", "", "Is a directory");
}

TEST_F(TlsFiles, WhatIsNoPemIsNamed) {
  ExpectError("text", "key", "text", "no PEM certificate");
  ExpectError("empty", "key", "empty", "no PEM certificate");
  ExpectError("cert", "text", "text", "no PEM private key");
  ExpectError("cert", "cert", "cert", "no PEM private key");
  ExpectError("key", "key", "key", "no PEM certificate");
  ExpectError("broken", "key", "broken", "not a usable TLS certificate");
}

TEST_F(TlsFiles, AKeyThatDoesNotBelongToTheCertificateIsNamed) {
  ExpectError("cert", "key2", "key2", "does not belong to the certificate");
}

TEST_F(TlsFiles, AKeyWithAPassphraseIsNamedAndNobodyIsAsked) {
  EVP_PKEY* key = EVP_EC_gen("P-256");
  FILE* file = fopen(dir_.File("locked").c_str(), "w");
  ASSERT_NE(file, nullptr);
  const unsigned char secret[] = "secret";
  ASSERT_EQ(PEM_write_PrivateKey(file, key, EVP_aes_128_cbc(), secret, 6, nullptr, nullptr), 1);
  fclose(file);
  EVP_PKEY_free(key);
  ExpectError("cert", "locked", "locked", "passphrase");
}

TEST_F(TlsFiles, ASelfSignedCertificateNeedsAPlainNameAndAPlaceToLie) {
  EXPECT_FALSE(WriteSelfSigned(dir_.File("c"), dir_.File("k"), ""));
  EXPECT_FALSE(WriteSelfSigned(dir_.File("c"), dir_.File("k"), "a,DNS:b"));
  EXPECT_FALSE(WriteSelfSigned(dir_.File("c"), dir_.File("k"), std::string(65, 'a')));
  const Status status = WriteSelfSigned(dir_.File("no/c"), dir_.File("k"), "mx.example.org");
  ASSERT_FALSE(status);
  EXPECT_NE(status.error().what.find("no/c"), std::string::npos);
}

}  // namespace
}  // namespace sluice::io
