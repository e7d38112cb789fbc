// engine/io/tls_client_context.h — what our TLS connections to servers share: settings, trusted
// CAs, our certificate, sessions to resume.
//
// RULES     A session is kept under a key that names all that was verified when it was made
//           (SessionKey), so that one that was never verified is not resumed where something must
//           be.
// NOT HERE  One connection: tls_machine.h. Which policy holds for whom: engine/delivery.
// THREADS   May be used from several threads at once.

#ifndef SLUICE_ENGINE_IO_TLS_CLIENT_CONTEXT_H_
#define SLUICE_ENGINE_IO_TLS_CLIENT_CONTEXT_H_

#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <utility>

#include "engine/base/error.h"
#include "engine/io/net.h"
#include "engine/io/tls_settings.h"

namespace sluice::io {

class TlsClientContext {
 public:
  // Sessions kept for resumption; the least recently used goes first. About 8 KiB each, with the
  // peer's certificate.
  static constexpr size_t kSessionsMax = 1024;

  // A server's certificates in all. Real chains have under 12 KiB.
  static constexpr long kChainBytesMax = 64 * 1024;
  static constexpr int kChainDepthMax = 10;

  static Result<std::shared_ptr<TlsClientContext>> Make(const TlsClientSettings& settings);
  explicit TlsClientContext(SslCtxPtr ctx);

  // Makes `ssl` demand what `params` say. The error: a set of TLSA records without a usable one.
  Status Demand(SSL* ssl, const TlsClientParams& params) const;
  // Server name and policy in one; empty: no session is kept.
  static std::string SessionKey(const TlsClientParams& params);
  // What the handshake proved; kNone unless it was asked for. `verify` as it was demanded.
  static TlsProof ProofOf(SSL* ssl, TlsVerify verify);

  SSL_CTX* ctx() const { return ctx_.get(); }
  const BIO_METHOD* bio_method() const { return bio_method_.get(); }

  void Remember(const std::string& key, SslSessionPtr session);
  void Forget(const std::string& key);
  // Null when there is none to offer.
  SslSessionPtr Recall(const std::string& key);

 private:
  using Entry = std::pair<std::string, SslSessionPtr>;

  const BioMethodPtr bio_method_;
  const SslCtxPtr ctx_;
  std::mutex mutex_;
  std::list<Entry> sessions_;  // most recently used first
  std::unordered_map<std::string, std::list<Entry>::iterator> by_key_;
};

}  // namespace sluice::io

#endif  // SLUICE_ENGINE_IO_TLS_CLIENT_CONTEXT_H_
