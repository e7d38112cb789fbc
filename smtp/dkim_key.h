// smtp/dkim_key.h — one private key that mail is signed with: from and to PEM, its public half for
// DNS, and the one signature operation.
//
// PURPOSE   RSA of kRsaBitsMin bits and up (RFC 8301) and Ed25519 (RFC 8463). What cannot sign, or
//           would not be believed by receivers, is refused when it is loaded, in words that name
//           the file and say what to do.
// NOT HERE  What is signed (dkim_signature.h), which key a message gets (engine/signing).
// THREADS   Immutable once made: any number of threads may sign with one key at once. OpenSSL's
//           algorithms are fetched once per thread.
// TESTS     tests/smtp/dkim_key_test.cc

#ifndef SLUICE_SMTP_DKIM_KEY_H_
#define SLUICE_SMTP_DKIM_KEY_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "engine/base/error.h"
#include "smtp/sha256.h"

// OpenSSL's EVP_PKEY, which only dkim_key.cc looks into.
struct evp_pkey_st;

namespace sluice::smtp {

enum class DkimAlgorithm : uint8_t { kRsaSha256, kEd25519Sha256 };

// "rsa-sha256", "ed25519-sha256": the tag a= of a signature.
std::string_view NameOf(DkimAlgorithm algorithm);

class DkimKey {
 public:
  // Shorter keys count as no signature at all (RFC 8301 3.2, Google's and Yahoo's demands).
  static constexpr int kRsaBitsMin = 2048;
  // Receivers must know keys up to this length and no further (RFC 8301 3.2).
  static constexpr int kRsaBitsMax = 4096;
  // Of a key file: many times the longest key.
  static constexpr size_t kFileMax = size_t(64) << 10;

  // PKCS#8 or PKCS#1, without a passphrase. `file` is what errors call it. The key is tried out
  // once: a file whose private and public part do not belong together is refused here.
  static Result<DkimKey> FromPem(std::string_view pem, const std::string& file);
  static Result<DkimKey> Load(const std::string& file);
  // A new key; RSA of kRsaBitsMin bits (longer ones do not fit one DNS string, and sign slowly).
  static DkimKey Generate(DkimAlgorithm algorithm);

  DkimAlgorithm algorithm() const { return algorithm_; }
  int bits() const;

  // PKCS#8.
  std::string ToPem() const;
  // Writes ToPem() to a new file, mode 0600, synced; one that is there already is left alone.
  Status WriteNew(const std::string& file) const;

  // The tag p= of the key's DNS record: SubjectPublicKeyInfo (RSA), the 32 octets (Ed25519).
  std::string PublicBase64() const;
  // The whole record: "v=DKIM1; k=rsa; p=...". Over 255 octets it needs several DNS strings.
  std::string RecordText() const;

  // The signature of what has this SHA-256, as raw octets. RFC 8463: Ed25519 signs the digest.
  // Fails only when OpenSSL does (a key that was tried out at loading, out of memory).
  Result<std::string> Sign(const Sha256Digest& digest) const;

 private:
  struct Free {
    void operator()(evp_pkey_st* key) const;
  };
  using KeyPtr = std::unique_ptr<evp_pkey_st, Free>;

  DkimKey(KeyPtr key, DkimAlgorithm algorithm) : key_(std::move(key)), algorithm_(algorithm) {}
  bool SignInto(const Sha256Digest& digest, std::string& out) const;
  bool Verifies(const Sha256Digest& digest, const std::string& signature) const;

  KeyPtr key_;
  DkimAlgorithm algorithm_;
};

}  // namespace sluice::smtp

#endif  // SLUICE_SMTP_DKIM_KEY_H_
