// tests/smtp/scram_client.h — the client's half of SCRAM-SHA-256, written from RFC 5802 apart from
// smtp/scram.h.

#ifndef SLUICE_TESTS_SMTP_SCRAM_CLIENT_H_
#define SLUICE_TESTS_SMTP_SCRAM_CLIENT_H_

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <string>
#include <string_view>

#include "engine/base/text.h"

namespace sluice::smtp {

class ScramClient {
 public:
  ScramClient(std::string user, std::string password)
      : password_(std::move(password)), bare_("n=" + std::move(user) + ",r=CLIENT") {}

  std::string First() const { return Base64Encode("n,," + bare_); }

  // From "334 BASE64 CR LF".
  std::string Last(std::string_view reply) {
    const std::string challenge = Decode(reply);
    const std::string nonce = Between(challenge, "r=", ",");
    std::string salt;
    (void)Base64Decode(Between(challenge, "s=", ","), salt);
    const int iterations = std::stoi(challenge.substr(challenge.rfind("i=") + 2));
    unsigned char salted[32];
    PKCS5_PBKDF2_HMAC(password_.data(), int(password_.size()),
                      reinterpret_cast<const unsigned char*>(salt.data()), int(salt.size()),
                      iterations, EVP_sha256(), 32, salted);
    const std::string key(reinterpret_cast<char*>(salted), 32);
    const std::string client = Hmac(key, "Client Key");
    unsigned char stored[32];
    EVP_Digest(client.data(), client.size(), stored, nullptr, EVP_sha256(), nullptr);
    const std::string without_proof = "c=biws,r=" + nonce;
    const std::string said = bare_ + "," + challenge + "," + without_proof;
    std::string proof = Hmac({reinterpret_cast<char*>(stored), 32}, said);
    for (size_t i = 0; i < proof.size(); ++i) proof[i] = char(proof[i] ^ client[i]);
    signature_ = "v=" + Base64Encode(Hmac(Hmac(key, "Server Key"), said));
    return Base64Encode(without_proof + ",p=" + Base64Encode(proof));
  }

  bool Trusts(std::string_view reply) const { return Decode(reply) == signature_; }

 private:
  static std::string Decode(std::string_view reply) {
    std::string out;
    if (reply.starts_with("334 ") && reply.ends_with("\r\n"))
      (void)Base64Decode(reply.substr(4, reply.size() - 6), out);
    return out;
  }
  static std::string Between(const std::string& text, std::string_view from, std::string_view to) {
    const size_t start = text.find(from) + from.size();
    return text.substr(start, text.find(to, start) - start);
  }
  static std::string Hmac(std::string_view key, std::string_view text) {
    unsigned char out[32];
    HMAC(EVP_sha256(), key.data(), int(key.size()),
         reinterpret_cast<const unsigned char*>(text.data()), text.size(), out, nullptr);
    return {reinterpret_cast<char*>(out), 32};
  }

  const std::string password_;
  const std::string bare_;
  std::string signature_;
};

}  // namespace sluice::smtp

#endif  // SLUICE_TESTS_SMTP_SCRAM_CLIENT_H_
