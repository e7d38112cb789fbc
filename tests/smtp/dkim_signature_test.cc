// Goal: the field says what RFC 6376 wants, is folded so that nobody folds it anew, and signs the
// message and itself.
// Method: RFC 8463's example message and key (Ed25519 has no dice: the field is the same every
// time); signatures checked against the public key over what the field itself says. Other people's
// verifiers judge in tests/integration/dkim_test.py.

#include "smtp/dkim_signature.h"

#include <gtest/gtest.h>
#include <openssl/evp.h>

#include <string>
#include <vector>

#include "engine/base/text.h"

namespace sluice::smtp {
namespace {

// RFC 8463, appendix A.
constexpr std::string_view kHeader =
    "From: Joe SixPack <joe@football.example.com>\r\n"
    "To: Suzie Q <suzie@shopping.example.net>\r\n"
    "Subject: Is dinner ready?\r\n"
    "Date: Fri, 11 Jul 2003 21:00:37 -0700 (PDT)\r\n"
    "Message-ID: <20030712040037.46341.5F8J@football.example.com>\r\n";
constexpr std::string_view kBody =
    "Hi.\r\n\r\nWe lost the game.  Are you hungry yet?\r\n\r\nJoe.\r\n";

const DkimKey& RfcKey() {
  static const DkimKey key = *DkimKey::FromPem(
      "-----BEGIN PRIVATE KEY-----\n"
      "MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n"
      "-----END PRIVATE KEY-----\n",
      "a");
  return key;
}

Sha256Digest HashOf(Canonical form, std::string_view body) {
  DkimBodyHash hash(form);
  hash.Update(body);
  return hash.Finish();
}

DkimContent Content(std::string_view header) {
  DkimContent content;
  content.header = header;
  content.relaxed_body = HashOf(Canonical::kRelaxed, kBody);
  content.simple_body = HashOf(Canonical::kSimple, kBody);
  content.rules = DefaultFieldRules();
  content.signed_at = 1528637909;
  return content;
}

DkimSigner Signer() {
  DkimSigner signer;
  signer.domain = "football.example.com";
  signer.selector = "brisbane";
  signer.key = &RfcKey();
  return signer;
}

std::string Signed(const DkimSigner& signer, const DkimContent& content) {
  const auto made = SignMessage({&signer, 1}, content);
  EXPECT_TRUE(made);
  return made ? *made : "";
}

bool Verifies(std::string_view signature, const Sha256Digest& digest) {
  std::string raw;
  EXPECT_TRUE(Base64Decode(RfcKey().PublicBase64(), raw));
  EVP_PKEY* key = EVP_PKEY_new_raw_public_key(
      EVP_PKEY_ED25519, nullptr, reinterpret_cast<const unsigned char*>(raw.data()), raw.size());
  EVP_MD_CTX* ctx = EVP_MD_CTX_new();
  EXPECT_EQ(EVP_DigestVerifyInit(ctx, nullptr, nullptr, nullptr, key), 1);
  const bool good = EVP_DigestVerify(ctx, reinterpret_cast<const unsigned char*>(signature.data()),
                                     signature.size(), digest.data(), digest.size()) == 1;
  EVP_MD_CTX_free(ctx);
  EVP_PKEY_free(key);
  return good;
}

TEST(DkimSignature, HashesTheBodyOfTheRfcsExample) {
  const Sha256Digest digest = HashOf(Canonical::kRelaxed, kBody);
  EXPECT_EQ(Base64Encode({reinterpret_cast<const char*>(digest.data()), digest.size()}),
            "2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=");
}

TEST(DkimSignature, IsTheSameFieldEveryTimeForOneKeyAndTime) {
  EXPECT_EQ(Signed(Signer(), Content(kHeader)),
            "DKIM-Signature: v=1; a=ed25519-sha256; c=relaxed/relaxed;\r\n"
            " d=football.example.com; s=brisbane; t=1528637909; h=From:From:Reply-To:\r\n"
            " Subject:Subject:Date:Date:Message-ID:Message-ID:To:To:Cc:MIME-Version:\r\n"
            " Content-Type:Content-Transfer-Encoding;\r\n"
            " bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;\r\n"
            " b=Wh07DZU+ZRC6lTBTz8X76t5iFRMf77a4p0/8y9K9ad35Q4j6qO5C1VF6YZl56g9H/ULCiPviQ\r\n"
            " ERWxQ8Y+8kMAQ==\r\n");
}

TEST(DkimSignature, SignsTheFieldsAndItselfWithAnEmptyB) {
  for (const Canonical form : {Canonical::kSimple, Canonical::kRelaxed}) {
    DkimSigner signer = Signer();
    signer.header = signer.body = form;
    const DkimContent content = Content(kHeader);
    const std::string field = Signed(signer, content);
    const size_t b = field.rfind(" b=") + 3;
    std::string canonical;
    for (const std::string_view part : SelectFields(kHeader, content.rules).fields) {
      AppendCanonicalField(form, part, canonical);
      canonical += "\r\n";
    }
    AppendCanonicalField(form, field.substr(0, b), canonical);
    Sha256 sha;
    sha.Update(canonical);
    std::string text;
    for (const char c : field.substr(b))
      if (c != '\r' && c != '\n' && c != ' ') text += c;
    std::string signature;
    ASSERT_TRUE(Base64Decode(text, signature));
    EXPECT_TRUE(Verifies(signature, sha.Finish()));
  }
}

TEST(DkimSignature, SaysWhoSignsAndForHowLongWhenAskedTo) {
  DkimSigner signer = Signer();
  signer.identity = "news@mail.football.example.com";
  signer.header = Canonical::kRelaxed;
  signer.body = Canonical::kSimple;
  DkimContent content = Content(kHeader);
  content.expires_at = 1528637999;
  const std::string field = Signed(signer, content);
  EXPECT_TRUE(field.contains("c=relaxed/simple;"));
  EXPECT_TRUE(field.contains(" i=news@mail.football.example.com;"));
  EXPECT_TRUE(field.contains(" t=1528637909;"));
  EXPECT_TRUE(field.contains(" x=1528637999;"));
  EXPECT_FALSE(field.contains(" l="));
  EXPECT_FALSE(Signed(Signer(), Content(kHeader)).contains(" i="));
  EXPECT_FALSE(Signed(Signer(), Content(kHeader)).contains(" x="));
}

TEST(DkimSignature, HasShortLinesWhateverIsSigned) {
  std::string header(kHeader);
  for (int i = 0; i < 300; ++i) header += "To: x\r\nContent-Transfer-Encoding: 7bit\r\n";
  const DkimKey rsa = DkimKey::Generate(DkimAlgorithm::kRsaSha256);
  DkimSigner signer = Signer();
  signer.key = &rsa;
  const std::string field = Signed(signer, Content(header));
  ASSERT_TRUE(field.ends_with("\r\n"));
  for (size_t at = 0; at < field.size();) {
    const size_t end = field.find("\r\n", at);
    const std::string_view line = std::string_view(field).substr(at, end - at);
    EXPECT_LE(line.size(), kSignatureLineMax) << line;
    EXPECT_NE(line.find_first_not_of(' '), std::string_view::npos);
    EXPECT_FALSE(line.ends_with(' '));
    EXPECT_EQ(at > 0, line.starts_with(' ')) << line;
    at = end + 2;
  }
}

TEST(DkimSignature, BearsTheLongestNames) {
  std::string domain;
  while (domain.size() < 240) domain += std::string(60, 'a') + ".";
  domain += "example";
  const std::string selector(63, 's');
  DkimSigner signer = Signer();
  signer.domain = domain;
  signer.selector = selector;
  const std::string field = Signed(signer, Content(kHeader));
  EXPECT_TRUE(field.contains("\r\n d=" + domain + ";\r\n s=" + selector + ";"));
}

TEST(DkimSignature, MakesOneFieldForEachSignerAndNoneCoversAnother) {
  const DkimSigner one = Signer();
  DkimSigner two = Signer();
  two.domain = "provider.example";
  const std::vector<DkimSigner> both = {one, two};
  const auto made = SignMessage(both, Content(kHeader));
  ASSERT_TRUE(made);
  EXPECT_EQ(*made, Signed(one, Content(kHeader)) + Signed(two, Content(kHeader)));
  EXPECT_EQ(*SignMessage({}, Content(kHeader)), "");
  EXPECT_EQ(Signed(one, Content(*made + std::string(kHeader))), Signed(one, Content(kHeader)));
}

}  // namespace
}  // namespace sluice::smtp
