#include "engine/io/tls_context.h"

#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "engine/base/check.h"
#include "engine/io/tls_machine.h"

namespace sluice::io {
namespace {

// What a server of ours speaks below TLS 1.3: forward secrecy only; CBC for old senders.
constexpr const char* kServerCiphers =
    "ECDHE+AESGCM:ECDHE+CHACHA20:ECDHE+AES:!aNULL:!eNULL:!CAMELLIA:!ARIA";
// Towards receivers any encryption beats none: the alternative is clear text.
constexpr const char* kClientCiphers =
    "ECDHE+AESGCM:ECDHE+CHACHA20:ECDHE+AES:DHE+AESGCM:DHE+AES:RSA+AESGCM:RSA+AES:!aNULL:!eNULL:"
    "@SECLEVEL=0";
// 128 bits first: as good for mail, and a quarter less work.
constexpr const char* kCipherSuites =
    "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256";
constexpr const char* kGroups = "X25519:P-256:P-384";
// How long a session ticket is good, in seconds.
constexpr long kTicketSeconds = 7200;

SslCtxPtr NewContext(const SSL_METHOD* method, const char* ciphers) {
  SslCtxPtr ctx(SSL_CTX_new(method));
  CHECK(ctx != nullptr);
  CHECK(SSL_CTX_set_min_proto_version(ctx.get(), TLS1_2_VERSION) == 1);
  SSL_CTX_set_options(
      ctx.get(), SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE);
  SSL_CTX_set_mode(ctx.get(), SSL_MODE_RELEASE_BUFFERS);
  CHECK(SSL_CTX_set_cipher_list(ctx.get(), ciphers) == 1);
  CHECK(SSL_CTX_set_ciphersuites(ctx.get(), kCipherSuites) == 1);
  CHECK(SSL_CTX_set1_groups_list(ctx.get(), kGroups) == 1);
  SSL_CTX_set_timeout(ctx.get(), kTicketSeconds);
  return ctx;
}

// Null when the file can be opened and read.
Status CheckReadable(const std::string& file, const char* what) {
  const int fd = open(file.c_str(), O_RDONLY | O_CLOEXEC);
  char byte;
  const bool readable = fd >= 0 && read(fd, &byte, 1) >= 0;
  const int error = errno;
  if (fd >= 0) close(fd);
  if (readable) return {};
  return Fail(error == ENOENT ? ErrorCode::kNotFound : ErrorCode::kIo,
              file + ": cannot read the TLS " + what + ": " + std::strerror(error));
}

// Never ask on the terminal: a key with a passphrase is an error, with this text.
int NoPassphrase(char*, int, int, void*) { return 0; }

std::string WhyUnusable(const std::string& file, const char* what) {
  const unsigned long error = ERR_peek_error();
  const unsigned long last = ERR_peek_last_error();
  std::string text = file + ": ";
  if (ERR_GET_REASON(error) == PEM_R_NO_START_LINE ||
      (ERR_GET_LIB(last) == ERR_LIB_PEM && ERR_GET_REASON(last) == PEM_R_NO_START_LINE)) {
    ERR_clear_error();
    return text + "no PEM " + what + " in this file";
  }
  return text + "not a usable TLS " + what + ": " + TakeTlsError("unknown error");
}

bool NeedsPassphrase() {
  return ERR_GET_LIB(ERR_peek_error()) == ERR_LIB_PEM &&
         ERR_GET_REASON(ERR_peek_error()) == PEM_R_BAD_PASSWORD_READ;
}

int OnNewSession(SSL* ssl, SSL_SESSION* session) {
  auto* machine = static_cast<TlsMachine*>(SSL_get_app_data(ssl));
  CHECK(machine != nullptr);
  return machine->KeepSession(session) ? 1 : 0;
}

}  // namespace

std::string TakeTlsError(const char* fallback) {
  const unsigned long error = ERR_get_error();
  ERR_clear_error();
  if (error == 0) return fallback;
  if (ERR_SYSTEM_ERROR(error)) return std::strerror(ERR_GET_REASON(error));
  const char* reason = ERR_reason_error_string(error);
  return reason != nullptr ? reason : fallback;
}

Result<std::shared_ptr<TlsServerContext>> TlsServerContext::Make(const std::string& cert_file,
                                                                 const std::string& key_file) {
  if (Status readable = CheckReadable(cert_file, "certificate"); !readable)
    return std::unexpected(readable.error());
  if (Status readable = CheckReadable(key_file, "key"); !readable)
    return std::unexpected(readable.error());
  ERR_clear_error();
  SslCtxPtr ctx = NewContext(TLS_server_method(), kServerCiphers);
  SSL_CTX_set_default_passwd_cb(ctx.get(), NoPassphrase);
  if (SSL_CTX_use_certificate_chain_file(ctx.get(), cert_file.c_str()) != 1)
    return Fail(ErrorCode::kInvalid, WhyUnusable(cert_file, "certificate"));
  if (SSL_CTX_use_PrivateKey_file(ctx.get(), key_file.c_str(), SSL_FILETYPE_PEM) != 1) {
    if (NeedsPassphrase()) {
      ERR_clear_error();
      return Fail(ErrorCode::kInvalid,
                  key_file + ": the TLS key is encrypted; store it without a passphrase");
    }
    if (ERR_GET_REASON(ERR_peek_error()) == X509_R_KEY_VALUES_MISMATCH ||
        ERR_GET_REASON(ERR_peek_error()) == X509_R_KEY_TYPE_MISMATCH) {
      ERR_clear_error();
      return Fail(ErrorCode::kInvalid,
                  key_file + ": this key does not belong to the certificate in " + cert_file);
    }
    return Fail(ErrorCode::kInvalid, WhyUnusable(key_file, "key"));
  }
  if (SSL_CTX_check_private_key(ctx.get()) != 1) {
    ERR_clear_error();
    return Fail(ErrorCode::kInvalid,
                key_file + ": this key does not belong to the certificate in " + cert_file);
  }
  // Tickets hold the whole session, so there is no cache to share or to lock.
  SSL_CTX_set_session_cache_mode(ctx.get(), SSL_SESS_CACHE_OFF);
  CHECK(SSL_CTX_set_num_tickets(ctx.get(), 1) == 1);
  return std::make_shared<TlsServerContext>(std::move(ctx));
}

TlsServerContext::TlsServerContext(SslCtxPtr ctx)
    : bio_method_(TlsMachine::NewBioMethod()), ctx_(std::move(ctx)) {}

TlsClientContext::TlsClientContext()
    : bio_method_(TlsMachine::NewBioMethod()),
      ctx_(NewContext(TLS_client_method(), kClientCiphers)) {
  SSL_CTX_set_verify(ctx_.get(), SSL_VERIFY_NONE, nullptr);
  SSL_CTX_set_session_cache_mode(ctx_.get(),
                                 SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL_STORE);
  SSL_CTX_sess_set_new_cb(ctx_.get(), OnNewSession);
}

void TlsClientContext::Remember(const std::string& server_name, SslSessionPtr session) {
  const std::lock_guard lock(mutex_);
  const auto found = by_name_.find(server_name);
  if (found != by_name_.end()) {
    found->second->second = std::move(session);
    sessions_.splice(sessions_.begin(), sessions_, found->second);
    return;
  }
  if (sessions_.size() >= kSessionsMax) {
    by_name_.erase(sessions_.back().first);
    sessions_.pop_back();
  }
  sessions_.emplace_front(server_name, std::move(session));
  by_name_.emplace(server_name, sessions_.begin());
}

void TlsClientContext::Forget(const std::string& server_name) {
  const std::lock_guard lock(mutex_);
  const auto found = by_name_.find(server_name);
  if (found == by_name_.end()) return;
  sessions_.erase(found->second);
  by_name_.erase(found);
}

SslSessionPtr TlsClientContext::Recall(const std::string& server_name) {
  const std::lock_guard lock(mutex_);
  const auto found = by_name_.find(server_name);
  if (found == by_name_.end()) return nullptr;
  sessions_.splice(sessions_.begin(), sessions_, found->second);
  SSL_SESSION* session = found->second->second.get();
  if (SSL_SESSION_is_resumable(session) != 1) return nullptr;
  CHECK(SSL_SESSION_up_ref(session) == 1);
  return SslSessionPtr(session);
}

}  // namespace sluice::io
