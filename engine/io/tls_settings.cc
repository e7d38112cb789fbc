#include "engine/io/tls_settings.h"

#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "engine/base/check.h"

namespace sluice::io {
namespace {

// 128 bits first: as good for mail, and a quarter less work.
constexpr const char* kCipherSuites =
    "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256";
constexpr const char* kGroups = "X25519:P-256:P-384";
// How long a session ticket is good, in seconds.
constexpr long kTicketSeconds = 7200;

Status UseCertificates(SSL_CTX* ctx, const std::string& file) {
  ERR_clear_error();
  if (SSL_CTX_use_certificate_chain_file(ctx, file.c_str()) == 1) return {};
  if (ERR_GET_REASON(ERR_peek_error()) == PEM_R_NO_START_LINE) {
    ERR_clear_error();
    return Fail(ErrorCode::kInvalid, file + ": no PEM certificate in this file");
  }
  return Fail(ErrorCode::kInvalid,
              file + ": not a usable TLS certificate: " + TakeTlsError("unknown error"));
}

// OpenSSL would ask on the terminal.
int NoPassphrase(char*, int, int, void* asked) {
  *static_cast<bool*>(asked) = true;
  return -1;
}

Status UseKey(SSL_CTX* ctx, const std::string& file, const std::string& cert_file) {
  ERR_clear_error();
  const std::unique_ptr<BIO, FreeWith<BIO_free_all>> bio(BIO_new_file(file.c_str(), "r"));
  bool asked = false;
  const std::unique_ptr<EVP_PKEY, FreeWith<EVP_PKEY_free>> key(
      bio == nullptr ? nullptr : PEM_read_bio_PrivateKey(bio.get(), nullptr, NoPassphrase, &asked));
  const char* problem = nullptr;
  if (asked) {
    problem = ": the TLS key is encrypted; store it without a passphrase";
  } else if (key == nullptr) {
    problem = ": no PEM private key in this file";
  }
  ERR_clear_error();
  if (problem != nullptr) return Fail(ErrorCode::kInvalid, file + problem);
  if (SSL_CTX_use_PrivateKey(ctx, key.get()) == 1 && SSL_CTX_check_private_key(ctx) == 1) return {};
  ERR_clear_error();
  return Fail(ErrorCode::kInvalid,
              file + ": this key does not belong to the certificate in " + cert_file);
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

SslCtxPtr NewTlsContext(const SSL_METHOD* method, const char* ciphers) {
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

Status UseCertificateFiles(SSL_CTX* ctx, const std::string& cert_file,
                           const std::string& key_file) {
  if (Status status = CheckReadable(cert_file, "certificate"); !status) return status;
  if (Status status = CheckReadable(key_file, "key"); !status) return status;
  if (Status status = UseCertificates(ctx, cert_file); !status) return status;
  return UseKey(ctx, key_file, cert_file);
}

}  // namespace sluice::io
