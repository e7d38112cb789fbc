#include "engine/io/tls_client_context.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <algorithm>

#include "engine/base/check.h"
#include "engine/base/ip_address.h"
#include "engine/io/tls_machine.h"

namespace sluice::io {
namespace {

// Towards receivers any encryption beats none: the alternative is clear text.
constexpr const char* kClientCiphers =
    "ECDHE+AESGCM:ECDHE+CHACHA20:ECDHE+AES:DHE+AESGCM:DHE+AES:RSA+AESGCM:RSA+AES:!aNULL:!eNULL:"
    "@SECLEVEL=0";
// Where the certificate counts, keys and signatures must be worth it: 112 bits (RSA-2048, SHA-2).
constexpr int kVerifiedSecurityLevel = 2;
constexpr size_t kSha256Octets = 32;
constexpr size_t kSha512Octets = 64;

enum Usage : uint8_t { kDaneTa = 2, kDaneEe = 3 };

int OnNewSession(SSL* ssl, SSL_SESSION* session) {
  auto* machine = static_cast<TlsMachine*>(SSL_get_app_data(ssl));
  CHECK(machine != nullptr);
  return machine->KeepSession(session) ? 1 : 0;
}

bool ParsesWhole(const TlsaRecord& record) {
  const auto* at = reinterpret_cast<const unsigned char*>(record.data.data());
  const unsigned char* const end = at + record.data.size();
  bool good = false;
  if (record.selector == 0) {
    X509* cert = d2i_X509(nullptr, &at, long(record.data.size()));
    good = cert != nullptr && X509_get0_pubkey(cert) != nullptr;
    X509_free(cert);
  } else {
    EVP_PKEY* key = d2i_PUBKEY(nullptr, &at, long(record.data.size()));
    good = key != nullptr;
    EVP_PKEY_free(key);
  }
  ERR_clear_error();
  return good && at == end;
}

void DemandNames(SSL* ssl, const std::vector<std::string>& names) {
  SSL_set_hostflags(ssl,
                    X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
  for (const std::string& name : names) CHECK(SSL_add1_host(ssl, name.c_str()) == 1);
}

// RFC 7672: DANE-EE looks at neither names nor dates (3.1.1); DANE-TA at both, and at the names of
// every reference identifier, subject included (3.2.3).
Status DemandDane(SSL* ssl, const TlsClientParams& params) {
  if (SSL_dane_enable(ssl, params.server_name.c_str()) != 1)
    return Fail(ErrorCode::kInvalid, TakeTlsError("DANE cannot be set up"));
  SSL_dane_set_flags(ssl, DANE_FLAG_NO_DANE_EE_NAMECHECKS);
  SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  bool any = false;
  for (const TlsaRecord& record : params.tlsa) {
    if (!IsUsable(record)) continue;
    any |= SSL_dane_tlsa_add(ssl, record.usage, record.selector, record.matching,
                             reinterpret_cast<const unsigned char*>(record.data.data()),
                             record.data.size()) == 1;
  }
  ERR_clear_error();
  if (!any) return Fail(ErrorCode::kInvalid, "none of the TLSA records is usable");
  for (const std::string& name : params.names)
    if (name != params.server_name) CHECK(SSL_add1_host(ssl, name.c_str()) == 1);
  return {};
}

}  // namespace

bool IsUsable(const TlsaRecord& record) {
  if (record.usage != kDaneTa && record.usage != kDaneEe) return false;
  if (record.selector > 1) return false;
  switch (record.matching) {
    case 0:
      return ParsesWhole(record);
    case 1:
      return record.data.size() == kSha256Octets;
    case 2:
      return record.data.size() == kSha512Octets;
    default:
      return false;
  }
}

Result<std::shared_ptr<TlsClientContext>> TlsClientContext::Make(
    const TlsClientSettings& settings) {
  SslCtxPtr ctx = NewTlsContext(TLS_client_method(), kClientCiphers);
  if (settings.min_version == TlsVersion::k13)
    CHECK(SSL_CTX_set_min_proto_version(ctx.get(), TLS1_3_VERSION) == 1);
  if (settings.ca_file.empty()) {
    (void)SSL_CTX_set_default_verify_paths(ctx.get());  // none there: nothing is verified
  } else {
    if (Status readable = CheckReadable(settings.ca_file, "CA certificates"); !readable)
      return std::unexpected(readable.error());
    if (SSL_CTX_load_verify_file(ctx.get(), settings.ca_file.c_str()) != 1) {
      ERR_clear_error();
      return Fail(ErrorCode::kInvalid, settings.ca_file + ": no PEM certificate in this file");
    }
  }
  if (!settings.cert_file.empty()) {
    const std::string& key = settings.key_file.empty() ? settings.cert_file : settings.key_file;
    if (Status used = UseCertificateFiles(ctx.get(), settings.cert_file, key); !used)
      return std::unexpected(used.error());
  }
  ERR_clear_error();
  return std::make_shared<TlsClientContext>(std::move(ctx));
}

TlsClientContext::TlsClientContext(SslCtxPtr ctx)
    : bio_method_(TlsMachine::NewBioMethod()), ctx_(std::move(ctx)) {
  SSL_CTX_set_verify(ctx_.get(), SSL_VERIFY_NONE, nullptr);
  CHECK(SSL_CTX_dane_enable(ctx_.get()) == 1);
  SSL_CTX_set_max_cert_list(ctx_.get(), kChainBytesMax);
  SSL_CTX_set_verify_depth(ctx_.get(), kChainDepthMax);
  SSL_CTX_set_session_cache_mode(ctx_.get(),
                                 SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL_STORE);
  SSL_CTX_sess_set_new_cb(ctx_.get(), OnNewSession);
}

Status TlsClientContext::Demand(SSL* ssl, const TlsClientParams& params) const {
  ERR_clear_error();
  // RFC 6066 section 3: no addresses in SNI. A name too long for OpenSSL goes without.
  if (!params.server_name.empty() && !IpAddress::Parse(params.server_name))
    SSL_set_tlsext_host_name(ssl, params.server_name.c_str());
  if (params.verify != TlsVerify::kNone && !params.note_only) {
    SSL_set_verify(ssl, SSL_VERIFY_PEER, nullptr);
    SSL_set_security_level(ssl, kVerifiedSecurityLevel);
  }
  Status status;
  if (params.verify == TlsVerify::kDane) status = DemandDane(ssl, params);
  if (params.verify == TlsVerify::kPkix) {
    CHECK(!params.names.empty());  // without a name any certificate of any CA would do
    DemandNames(ssl, params.names);
  }
  ERR_clear_error();
  return status;
}

std::string TlsClientContext::SessionKey(const TlsClientParams& params) {
  std::string key = params.server_name;
  if (key.empty() || params.verify == TlsVerify::kNone) return key;
  // No name holds a zero octet.
  key.append({'\0', char('0' + int(params.verify)), params.note_only ? '?' : '!'});
  for (const std::string& name : params.names) key.append({'\0', 'n'}).append(name);
  std::vector<TlsaRecord> records = params.tlsa;
  std::ranges::sort(records);
  for (const TlsaRecord& record : records) {
    std::array<unsigned char, kSha256Octets> digest;
    CHECK(EVP_Digest(record.data.data(), record.data.size(), digest.data(), nullptr, EVP_sha256(),
                     nullptr) == 1);
    key.append({'\0', 't', char(record.usage), char(record.selector), char(record.matching)});
    key.append(digest.begin(), digest.end());
  }
  return key;
}

TlsProof TlsClientContext::ProofOf(SSL* ssl, TlsVerify verify) {
  if (verify == TlsVerify::kNone) return TlsProof::kNone;
  if (SSL_get_verify_result(ssl) != X509_V_OK) return TlsProof::kNone;  // only noted
  if (verify == TlsVerify::kPkix) return TlsProof::kPkix;
  // A resumed session was proved by the same records (SessionKey); which one, OpenSSL has
  // forgotten.
  uint8_t usage = kDaneTa;
  (void)SSL_get0_dane_tlsa(ssl, &usage, nullptr, nullptr, nullptr, nullptr);
  return usage == kDaneEe ? TlsProof::kDaneEe : TlsProof::kDaneTa;
}

void TlsClientContext::Remember(const std::string& key, SslSessionPtr session) {
  const std::lock_guard lock(mutex_);
  const auto found = by_key_.find(key);
  if (found != by_key_.end()) {
    found->second->second = std::move(session);
    sessions_.splice(sessions_.begin(), sessions_, found->second);
    return;
  }
  if (sessions_.size() >= kSessionsMax) {
    by_key_.erase(sessions_.back().first);
    sessions_.pop_back();
  }
  sessions_.emplace_front(key, std::move(session));
  by_key_.emplace(key, sessions_.begin());
}

void TlsClientContext::Forget(const std::string& key) {
  const std::lock_guard lock(mutex_);
  const auto found = by_key_.find(key);
  if (found == by_key_.end()) return;
  sessions_.erase(found->second);
  by_key_.erase(found);
}

SslSessionPtr TlsClientContext::Recall(const std::string& key) {
  const std::lock_guard lock(mutex_);
  const auto found = by_key_.find(key);
  if (found == by_key_.end()) return nullptr;
  sessions_.splice(sessions_.begin(), sessions_, found->second);
  SSL_SESSION* session = found->second->second.get();
  if (SSL_SESSION_is_resumable(session) != 1) return nullptr;
  CHECK(SSL_SESSION_up_ref(session) == 1);
  return SslSessionPtr(session);
}

}  // namespace sluice::io
