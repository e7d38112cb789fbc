#include "engine/io/tls_peer.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <array>
#include <ctime>
#include <string_view>
#include <utility>

#include "engine/base/check.h"
#include "engine/base/hex.h"
#include "engine/base/text.h"
#include "engine/io/tls_settings.h"

namespace sluice::io {
namespace {

using CertPtr = std::unique_ptr<X509, FreeWith<X509_free>>;
using NamesPtr = std::unique_ptr<GENERAL_NAMES, FreeWith<GENERAL_NAMES_free>>;

// Sessions without a name of their own are not resumed once clients are asked (SSL_set_session_id_
// context(3)). Tickets of other contexts have other keys: none of them is taken here.
constexpr std::string_view kSessionContext = "sluice";

// Lets every chain through; SSL_get_verify_result tells, in resumed sessions too.
int JudgeLater(X509_STORE_CTX* store, void*) {
  if (X509_verify_cert(store) <= 0 && X509_STORE_CTX_get_error(store) == X509_V_OK)
    X509_STORE_CTX_set_error(store, X509_V_ERR_UNSPECIFIED);
  ERR_clear_error();
  return 1;
}

// SHA-256 of the whole certificate; empty when OpenSSL cannot.
std::string FingerprintOf(const X509* certificate) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest;
  unsigned size = 0;
  if (X509_digest(certificate, EVP_sha256(), digest.data(), &size) != 1) return {};
  return HexOf(digest.data(), size);
}

std::string KeyFingerprintOf(const X509* certificate) {
  unsigned char* der = nullptr;
  const int length = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &der);
  if (length <= 0) return {};
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest;
  unsigned size = 0;
  const int made = EVP_Digest(der, size_t(length), digest.data(), &size, EVP_sha256(), nullptr);
  OPENSSL_free(der);
  return made == 1 ? HexOf(digest.data(), size) : std::string();
}

// A name with a NUL or the like says one thing to a CA and another to us.
void AddName(std::vector<std::string>& out, const ASN1_STRING* text) {
  const std::string_view name(reinterpret_cast<const char*>(ASN1_STRING_get0_data(text)),
                              size_t(ASN1_STRING_length(text)));
  const bool plain =
      std::ranges::all_of(name, [](char c) { return uint8_t(c) > 0x20 && c != 0x7f; });
  if (!name.empty() && plain && out.size() < kPeerNamesMax) out.push_back(Lower(name));
}

void AddCommonName(std::vector<std::string>& out, const X509* certificate) {
  const X509_NAME* subject = X509_get_subject_name(certificate);
  const int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
  if (at < 0) return;
  const ASN1_STRING* text = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at));
  unsigned char* utf8 = nullptr;
  const int size = ASN1_STRING_to_UTF8(&utf8, text);
  if (size <= 0) return;
  const std::string_view name(reinterpret_cast<const char*>(utf8), size_t(size));
  if (std::ranges::all_of(name, [](char c) { return uint8_t(c) >= 0x20 && c != 0x7f; }))
    out.push_back(Lower(name));
  OPENSSL_free(utf8);
}

// The last moment of its time; the past when that cannot be read.
WallTime EndOf(const X509* certificate) {
  std::tm end{};
  if (ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &end) != 1) return {};
  const int64_t seconds = ::timegm(&end);
  // A certificate may be good until the year 9999, which microseconds hold.
  return WallFromMicros(seconds * 1'000'000);
}

}  // namespace

Status AskClients(SSL_CTX* ctx, const std::string& ca_file) {
  SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, nullptr);
  SSL_CTX_set_verify_depth(ctx, kClientChainDepthMax);
  SSL_CTX_set_max_cert_list(ctx, kClientChainBytesMax);
  SSL_CTX_set_cert_verify_callback(ctx, JudgeLater, nullptr);
  CHECK(SSL_CTX_set_session_id_context(
            ctx, reinterpret_cast<const unsigned char*>(kSessionContext.data()),
            unsigned(kSessionContext.size())) == 1);
  // No CA is named to clients: some show only what was issued by one that is, and certificates
  // known by their fingerprint need none.
  if (ca_file.empty()) return {};
  if (Status status = CheckReadable(ca_file, "CA certificates"); !status) return status;
  ERR_clear_error();
  if (SSL_CTX_load_verify_file(ctx, ca_file.c_str()) == 1) return {};
  ERR_clear_error();
  return Fail(ErrorCode::kInvalid, ca_file + ": no PEM certificate in this file");
}

std::shared_ptr<const TlsPeer> PeerOf(SSL* ssl) {
  const CertPtr certificate(SSL_get1_peer_certificate(ssl));
  if (certificate == nullptr) return nullptr;
  auto peer = std::make_shared<TlsPeer>();
  peer->fingerprint = FingerprintOf(certificate.get());
  peer->key_fingerprint = KeyFingerprintOf(certificate.get());
  peer->names = NamesOf(certificate.get(), true);
  peer->untimely = WhyUntimely(certificate.get());
  peer->not_after = EndOf(certificate.get());
  if (const long found = SSL_get_verify_result(ssl); found != X509_V_OK)
    peer->problem = X509_verify_cert_error_string(found);
  ERR_clear_error();
  return peer;
}

std::string WhyUntimely(const X509* certificate) {
  // 0 is what cannot be read.
  const int begin = X509_cmp_current_time(X509_get0_notBefore(certificate));
  const int end = X509_cmp_current_time(X509_get0_notAfter(certificate));
  if (begin == 0 || end == 0) return "certificate has dates that cannot be read";
  if (begin > 0) return X509_verify_cert_error_string(X509_V_ERR_CERT_NOT_YET_VALID);
  return end < 0 ? X509_verify_cert_error_string(X509_V_ERR_CERT_HAS_EXPIRED) : "";
}

std::vector<std::string> NamesOf(X509* certificate, bool others) {
  std::vector<std::string> out;
  const NamesPtr names(static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)));
  const int count = names == nullptr ? 0 : sk_GENERAL_NAME_num(names.get());
  for (int i = 0; i < count; ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(names.get(), i);
    if (name->type == GEN_DNS || (others && name->type == GEN_EMAIL)) AddName(out, name->d.ia5);
  }
  if (others && count == 0) AddCommonName(out, certificate);
  ERR_clear_error();
  return out;
}

}  // namespace sluice::io
