#include "engine/io/tls_context.h"

#include <utility>

#include "engine/base/check.h"
#include "engine/io/tls_machine.h"

namespace sluice::io {
namespace {

// What a server of ours speaks below TLS 1.3: forward secrecy only; CBC for old senders.
constexpr const char* kServerCiphers =
    "ECDHE+AESGCM:ECDHE+CHACHA20:ECDHE+AES:!aNULL:!eNULL:!CAMELLIA:!ARIA";

}  // namespace

Result<std::shared_ptr<TlsServerContext>> TlsServerContext::Make(const std::string& cert_file,
                                                                 const std::string& key_file) {
  SslCtxPtr ctx = NewTlsContext(TLS_server_method(), kServerCiphers);
  if (Status used = UseCertificateFiles(ctx.get(), cert_file, key_file); !used)
    return std::unexpected(used.error());
  // Tickets hold the whole session, so there is no cache to share or to lock.
  SSL_CTX_set_session_cache_mode(ctx.get(), SSL_SESS_CACHE_OFF);
  CHECK(SSL_CTX_set_num_tickets(ctx.get(), 1) == 1);
  return std::make_shared<TlsServerContext>(std::move(ctx));
}

TlsServerContext::TlsServerContext(SslCtxPtr ctx)
    : bio_method_(TlsMachine::NewBioMethod()), ctx_(std::move(ctx)) {}

}  // namespace sluice::io
