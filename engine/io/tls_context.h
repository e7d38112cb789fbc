// engine/io/tls_context.h — what a server's TLS connections share: settings and certificate.
//
// NOT HERE  One connection: tls_machine.h. The client's side: tls_client_context.h.
// THREADS   May be used from several threads at once.

#ifndef SLUICE_ENGINE_IO_TLS_CONTEXT_H_
#define SLUICE_ENGINE_IO_TLS_CONTEXT_H_

#include <memory>
#include <string>

#include "engine/base/error.h"
#include "engine/io/net.h"
#include "engine/io/tls_settings.h"

namespace sluice::io {

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

}  // namespace sluice::io

#endif  // SLUICE_ENGINE_IO_TLS_CONTEXT_H_
