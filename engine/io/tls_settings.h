// engine/io/tls_settings.h — what the contexts of both sides are made of: protocol settings, files.
//
// NOT HERE  The contexts: tls_context.h (server), tls_client_context.h.

#ifndef SLUICE_ENGINE_IO_TLS_SETTINGS_H_
#define SLUICE_ENGINE_IO_TLS_SETTINGS_H_

#include <openssl/bio.h>
#include <openssl/ssl.h>

#include <memory>
#include <string>

#include "engine/base/error.h"

namespace sluice::io {

template <auto kFree>
struct FreeWith {
  template <typename T>
  void operator()(T* object) const {
    kFree(object);
  }
};
using SslCtxPtr = std::unique_ptr<SSL_CTX, FreeWith<SSL_CTX_free>>;
using SslPtr = std::unique_ptr<SSL, FreeWith<SSL_free>>;
using SslSessionPtr = std::unique_ptr<SSL_SESSION, FreeWith<SSL_SESSION_free>>;
using BioMethodPtr = std::unique_ptr<BIO_METHOD, FreeWith<BIO_meth_free>>;

// The first error in OpenSSL's queue, which is then emptied; `fallback` when it has none.
std::string TakeTlsError(const char* fallback);

// A context with what holds for every connection of ours; `ciphers` are those below TLS 1.3.
SslCtxPtr NewTlsContext(const SSL_METHOD* method, const char* ciphers);

// Reads certificate chain and key, both PEM, and checks that they belong together. Errors name the
// file and what is wrong with it.
Status UseCertificateFiles(SSL_CTX* ctx, const std::string& cert_file, const std::string& key_file);
Status CheckReadable(const std::string& file, const char* what);

}  // namespace sluice::io

#endif  // SLUICE_ENGINE_IO_TLS_SETTINGS_H_
