// Goal: a key that can sign is loaded, used and published rightly; every other file is refused in
// words that name it and say what to do.
// Method: keys made here with OpenSSL, good, short, foreign and damaged; files in a temporary
// folder.

#include "smtp/dkim_key.h"

#include <gtest/gtest.h>
#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <memory>

#include "engine/base/text.h"

namespace sluice::smtp {
namespace {

using Pkey = std::unique_ptr<EVP_PKEY, decltype([](EVP_PKEY* key) { EVP_PKEY_free(key); })>;
using Bio = std::unique_ptr<BIO, decltype([](BIO* bio) { BIO_free_all(bio); })>;

std::string Taken(BIO* bio) {
  char* bytes = nullptr;
  const long size = BIO_get_mem_data(bio, &bytes);
  return std::string(bytes, size_t(size));
}

std::string Pem(EVP_PKEY* key, bool traditional = false, const char* passphrase = nullptr) {
  const Bio bio(BIO_new(BIO_s_mem()));
  const EVP_CIPHER* cipher = passphrase == nullptr ? nullptr : EVP_aes_128_cbc();
  if (traditional)
    EXPECT_EQ(
        PEM_write_bio_PrivateKey_traditional(bio.get(), key, nullptr, nullptr, 0, nullptr, nullptr),
        1);
  else
    EXPECT_EQ(PEM_write_bio_PKCS8PrivateKey(bio.get(), key, cipher, passphrase,
                                            passphrase == nullptr ? 0 : 6, nullptr, nullptr),
              1);
  return Taken(bio.get());
}

std::string PublicPem(EVP_PKEY* key) {
  const Bio bio(BIO_new(BIO_s_mem()));
  EXPECT_EQ(PEM_write_bio_PUBKEY(bio.get(), key), 1);
  return Taken(bio.get());
}

// One key of 2048 bits for all tests: making one takes a while under sanitizers.
const DkimKey& RsaKey() {
  static const DkimKey key = DkimKey::Generate(DkimAlgorithm::kRsaSha256);
  return key;
}

std::string WhyRefused(const std::string& pem) {
  const auto key = DkimKey::FromPem(pem, "keys/a.pem");
  EXPECT_FALSE(key);
  return key ? "" : key.error().what;
}

class DkimKeyFiles : public testing::Test {
 protected:
  DkimKeyFiles() {
    std::string name = (std::filesystem::temp_directory_path() / "sluice_dkim_XXXXXX").string();
    EXPECT_NE(mkdtemp(name.data()), nullptr);
    path_ = name;
  }
  ~DkimKeyFiles() override { std::filesystem::remove_all(path_); }
  std::string File(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

TEST(DkimKey, IsTheSameKeyAfterAWayThroughPem) {
  const DkimKey ed25519 = DkimKey::Generate(DkimAlgorithm::kEd25519Sha256);
  for (const DkimKey* key : {&RsaKey(), &ed25519}) {
    const auto again = DkimKey::FromPem(key->ToPem(), "a");
    ASSERT_TRUE(again) << again.error().what;
    EXPECT_EQ(again->algorithm(), key->algorithm());
    EXPECT_EQ(again->PublicBase64(), key->PublicBase64());
    EXPECT_EQ(again->ToPem(), key->ToPem());
  }
  EXPECT_EQ(RsaKey().bits(), 2048);
}

TEST(DkimKey, PublishesASubjectPublicKeyInfoForRsaAndTheBareOctetsForEd25519) {
  std::string der;
  ASSERT_TRUE(Base64Decode(RsaKey().PublicBase64(), der));
  const auto* at = reinterpret_cast<const unsigned char*>(der.data());
  const Pkey key(d2i_PUBKEY(nullptr, &at, long(der.size())));
  ASSERT_NE(key, nullptr);
  EXPECT_EQ(EVP_PKEY_get_bits(key.get()), 2048);
  EXPECT_TRUE(RsaKey().RecordText().starts_with("v=DKIM1; k=rsa; p=MIIBIjANBgkqhkiG9w0BAQEFAAOC"));

  // RFC 8463, appendix A.2: the key pair of RFC 8032's first test.
  const auto example = DkimKey::FromPem(
      "-----BEGIN PRIVATE KEY-----\n"
      "MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n"
      "-----END PRIVATE KEY-----\n",
      "a");
  ASSERT_TRUE(example) << example.error().what;
  EXPECT_EQ(example->RecordText(),
            "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=");
}

TEST(DkimKey, SignsSoThatThePublishedKeyVerifies) {
  Sha256Digest digest{};
  digest[3] = 7;
  const auto rsa = RsaKey().Sign(digest);
  ASSERT_TRUE(rsa);
  EXPECT_EQ(rsa->size(), 256u);
  EXPECT_EQ(*rsa, *RsaKey().Sign(digest));  // PKCS#1 v1.5 has no dice
  digest[3] = 8;
  EXPECT_NE(*rsa, *RsaKey().Sign(digest));

  const DkimKey ed25519 = DkimKey::Generate(DkimAlgorithm::kEd25519Sha256);
  const auto signature = ed25519.Sign(digest);
  ASSERT_TRUE(signature);
  std::string raw;
  ASSERT_TRUE(Base64Decode(ed25519.PublicBase64(), raw));
  const Pkey key(EVP_PKEY_new_raw_public_key(
      EVP_PKEY_ED25519, nullptr, reinterpret_cast<const unsigned char*>(raw.data()), raw.size()));
  ASSERT_NE(key, nullptr);
  EVP_MD_CTX* ctx = EVP_MD_CTX_new();
  EXPECT_EQ(EVP_DigestVerifyInit(ctx, nullptr, nullptr, nullptr, key.get()), 1);
  EXPECT_EQ(EVP_DigestVerify(ctx, reinterpret_cast<const unsigned char*>(signature->data()),
                             signature->size(), digest.data(), digest.size()),
            1);
  EVP_MD_CTX_free(ctx);
}

TEST(DkimKey, IsReadFromPkcs1AndFromBehindOtherText) {
  const Pkey key(EVP_RSA_gen(2048));
  const auto traditional = DkimKey::FromPem(Pem(key.get(), true), "a");
  ASSERT_TRUE(traditional) << traditional.error().what;
  const auto behind = DkimKey::FromPem("A note.\n" + Pem(key.get()), "a");
  ASSERT_TRUE(behind);
  EXPECT_EQ(traditional->PublicBase64(), behind->PublicBase64());
}

TEST(DkimKey, IsRefusedWhenReceiversWouldNotBelieveIt) {
  const Pkey small(EVP_RSA_gen(1024));
  const std::string why = WhyRefused(Pem(small.get()));
  EXPECT_EQ(why,
            "keys/a.pem: an RSA key of 1024 bits is too short for receivers, who want 2048: make "
            "one with `sluice domain add`");
  const Pkey curve(EVP_EC_gen("P-256"));
  EXPECT_TRUE(WhyRefused(Pem(curve.get()))
                  .starts_with("keys/a.pem: DKIM knows RSA and Ed25519 keys, and this is EC"));
}

TEST(DkimKey, IsRefusedWithTheReasonWhenItIsNoUsablePrivateKey) {
  const Pkey key(EVP_RSA_gen(2048));
  const std::string good = Pem(key.get());
  EXPECT_TRUE(WhyRefused(Pem(key.get(), false, "secret")).contains("has a passphrase"));
  EXPECT_TRUE(WhyRefused(PublicPem(key.get())).contains("this is the public key"));
  EXPECT_TRUE(WhyRefused("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
                  .contains("this is a certificate"));
  EXPECT_TRUE(WhyRefused("").contains("there is no private key in PEM in it"));
  EXPECT_TRUE(WhyRefused("v=DKIM1; p=AAAA").contains("there is no private key in PEM in it"));
  EXPECT_TRUE(WhyRefused(good.substr(0, good.size() / 2)).contains("is damaged"));
  std::string flipped = good;
  flipped[40] = flipped[40] == 'A' ? 'B' : 'A';
  EXPECT_TRUE(WhyRefused(flipped).contains("is damaged"));
  EXPECT_TRUE(WhyRefused(std::string(DkimKey::kFileMax + 1, 'A')).contains("over 64 KiB"));
}

TEST(DkimKey, IsRefusedWhenItsPartsDoNotBelongTogether) {
  const Pkey key(EVP_RSA_gen(2048));
  unsigned char* der = nullptr;
  const int size = i2d_PrivateKey(key.get(), &der);
  ASSERT_GT(size, 300);
  der[4 + 3 + 4 + 1 + 100] ^= 4;  // in the modulus
  std::string pem = "-----BEGIN RSA PRIVATE KEY-----\n";
  const std::string base64 =
      Base64Encode(std::string_view(reinterpret_cast<const char*>(der), size_t(size)));
  for (size_t at = 0; at < base64.size(); at += 64) pem += base64.substr(at, 64) + "\n";
  pem += "-----END RSA PRIVATE KEY-----\n";
  OPENSSL_free(der);
  EXPECT_EQ(WhyRefused(pem),
            "keys/a.pem: the private and the public part of the key do not belong together: nobody "
            "could verify its signatures");
}

TEST_F(DkimKeyFiles, AreWrittenForTheOwnerAloneAndNeverOverwritten) {
  const DkimKey key = DkimKey::Generate(DkimAlgorithm::kEd25519Sha256);
  ASSERT_TRUE(key.WriteNew(File("s1.pem")));
  struct stat info;
  ASSERT_EQ(stat(File("s1.pem").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
  const auto loaded = DkimKey::Load(File("s1.pem"));
  ASSERT_TRUE(loaded) << loaded.error().what;
  EXPECT_EQ(loaded->PublicBase64(), key.PublicBase64());

  const Status again = DkimKey::Generate(DkimAlgorithm::kEd25519Sha256).WriteNew(File("s1.pem"));
  ASSERT_FALSE(again);
  EXPECT_TRUE(again.error().what.starts_with(File("s1.pem") + ": is there already"));
  EXPECT_EQ(DkimKey::Load(File("s1.pem"))->PublicBase64(), key.PublicBase64());
  const Status nowhere = key.WriteNew(File("none/s1.pem"));
  ASSERT_FALSE(nowhere);
  EXPECT_TRUE(nowhere.error().what.contains("No such file"));
}

TEST_F(DkimKeyFiles, AreNamedWhenTheyCannotBeRead) {
  const auto missing = DkimKey::Load(File("none.pem"));
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().what,
            File("none.pem") + ": cannot read the private key: No such file or directory");
  EXPECT_EQ(missing.error().code, ErrorCode::kNotFound);
  const auto folder = DkimKey::Load(File(""));
  ASSERT_FALSE(folder);
  EXPECT_TRUE(folder.error().what.contains("Is a directory"));
  std::ofstream(File("long.pem")) << std::string(70'000, 'x');
  EXPECT_TRUE(DkimKey::Load(File("long.pem")).error().what.contains("over 64 KiB"));
}

}  // namespace
}  // namespace sluice::smtp
