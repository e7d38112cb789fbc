// engine/io/tls_context.h — what a server's TLS connections share: settings and certificates.
//
// NOT HERE  One connection: tls_machine.h. The client's side: tls_client_context.h. Files and
//           names: tls_certificate.h. Certificates of clients: tls_peer.h.
// THREADS   May be used from several threads at once.
// LIMITS    Names that clients ask for (SNI) are looked up by hash; OpenSSL itself ends a handshake
//           that asks for one over 255 octets or with a NUL in it.

#ifndef SLUICE_ENGINE_IO_TLS_CONTEXT_H_
#define SLUICE_ENGINE_IO_TLS_CONTEXT_H_

#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "engine/base/error.h"
#include "engine/io/net.h"
#include "engine/io/tls_certificate.h"
#include "engine/io/tls_settings.h"

namespace sluice::io {

class TlsServerContext {
 public:
  static Result<TlsServerMade> Make(const TlsServerSettings& settings);
  static Result<std::shared_ptr<TlsServerContext>> Make(const std::string& cert_file,
                                                        const std::string& key_file);
  TlsServerContext(TlsCertificates certificates, bool asks_clients);
  TlsServerContext(const TlsServerContext&) = delete;
  TlsServerContext& operator=(const TlsServerContext&) = delete;

  SSL_CTX* ctx() const { return fallback_.get(); }
  const BIO_METHOD* bio_method() const { return bio_method_.get(); }
  bool asks_clients() const { return asks_clients_; }

 private:
  Status Build(const TlsServerSettings& settings);
  std::vector<std::string> Warnings() const;
  // Null: the fallback's certificates are as good as any.
  SSL_CTX* Find(std::string_view name) const;
  static int OnServerName(SSL* ssl, int* alert, void* self);

  const BioMethodPtr bio_method_;
  const TlsCertificates certificates_;
  const bool asks_clients_;
  SslCtxPtr fallback_;             // every connection starts with it; it makes the tickets
  std::vector<SslCtxPtr> others_;  // for the names of other certificates
  std::unordered_map<std::string, SSL_CTX*> names_;
};

}  // namespace sluice::io

#endif  // SLUICE_ENGINE_IO_TLS_CONTEXT_H_
