// engine/io/tls_context.h — what many TLS connections share: settings, certificate, sessions.
//
// NOT HERE  One connection: tls_machine.h.
// THREADS   Both contexts may be used from several threads at once.

#ifndef SLUICE_ENGINE_IO_TLS_CONTEXT_H_
#define SLUICE_ENGINE_IO_TLS_CONTEXT_H_

#include <openssl/bio.h>
#include <openssl/ssl.h>

#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <utility>

#include "engine/base/error.h"
#include "engine/io/net.h"

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

class TlsServerContext {
 public:
  static Result<std::shared_ptr<TlsServerContext>> Make(const std::string& cert_file,
                                                        const std::string& key_file);
  explicit TlsServerContext(SslCtxPtr ctx);

  SSL_CTX* ctx() const { return ctx_.get(); }
  const BIO_METHOD* bio_method() const { return bio_method_.get(); }

 private:
  const BioMethodPtr bio_method_;
  const SslCtxPtr ctx_;
};

class TlsClientContext {
 public:
  // Sessions kept for resumption; the least recently used goes first. About 8 KiB each, with the
  // peer's certificate.
  static constexpr size_t kSessionsMax = 1024;

  TlsClientContext();

  SSL_CTX* ctx() const { return ctx_.get(); }
  const BIO_METHOD* bio_method() const { return bio_method_.get(); }

  void Remember(const std::string& server_name, SslSessionPtr session);
  void Forget(const std::string& server_name);
  // Null when there is none to offer.
  SslSessionPtr Recall(const std::string& server_name);

 private:
  using Entry = std::pair<std::string, SslSessionPtr>;

  const BioMethodPtr bio_method_;
  const SslCtxPtr ctx_;
  std::mutex mutex_;
  std::list<Entry> sessions_;  // most recently used first
  std::unordered_map<std::string, std::list<Entry>::iterator> by_name_;
};

}  // namespace sluice::io

#endif  // SLUICE_ENGINE_IO_TLS_CONTEXT_H_
