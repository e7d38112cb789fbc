#include "engine/io/tls_context.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "engine/base/check.h"
#include "engine/base/text.h"
#include "engine/io/tls_machine.h"
#include "engine/io/tls_peer.h"

namespace sluice::io {
namespace {

// What a server of ours speaks below TLS 1.3: forward secrecy only; CBC for old senders.
constexpr const char* kServerCiphers =
    "ECDHE+AESGCM:ECDHE+CHACHA20:ECDHE+AES:!aNULL:!eNULL:!CAMELLIA:!ARIA";

std::shared_ptr<const TlsCertificate> FindFiles(const TlsCertificates& certificates,
                                                const TlsServerSettings::Files& files) {
  for (const auto& certificate : certificates)
    if (certificate->files.cert == files.cert && certificate->files.key == files.key)
      return certificate;
  return nullptr;
}

Result<SslCtxPtr> MakeContext(const TlsCertificates& certificates, const TlsCertificateSet& set,
                              const TlsServerSettings& settings) {
  SslCtxPtr ctx = NewTlsContext(TLS_server_method(), kServerCiphers);
  for (size_t i : set)
    if (Status used = UseTlsCertificate(ctx.get(), *certificates[i]); !used)
      return std::unexpected(used.error());
  if (settings.ask_clients)
    if (Status asks = AskClients(ctx.get(), settings.client_ca); !asks)
      return std::unexpected(asks.error());
  // Tickets hold the whole session, so there is no cache to share or to lock.
  SSL_CTX_set_session_cache_mode(ctx.get(), SSL_SESS_CACHE_OFF);
  CHECK(SSL_CTX_set_num_tickets(ctx.get(), 1) == 1);
  return ctx;
}

}  // namespace

Result<TlsServerMade> TlsServerContext::Make(const TlsServerSettings& settings) {
  CHECK(!settings.certificates.empty());
  TlsServerMade made;
  TlsCertificates certificates;
  for (const TlsServerSettings::Files& files : settings.certificates) {
    auto read = ReadTlsCertificate(files);
    auto kept = read || settings.before == nullptr
                    ? nullptr
                    : FindFiles(settings.before->certificates_, files);
    if (!read && kept == nullptr) return std::unexpected(read.error());
    if (!read) made.failures.push_back(read.error().what);
    certificates.push_back(read ? std::move(*read) : std::move(kept));
  }
  made.context = std::make_shared<TlsServerContext>(std::move(certificates), settings.ask_clients);
  if (Status built = made.context->Build(settings); !built) return std::unexpected(built.error());
  made.warnings = made.context->Warnings();
  return made;
}

Result<std::shared_ptr<TlsServerContext>> TlsServerContext::Make(const std::string& cert_file,
                                                                 const std::string& key_file) {
  auto made = Make({.certificates = {{cert_file, key_file}}});
  if (!made) return std::unexpected(made.error());
  return std::move(made->context);
}

TlsServerContext::TlsServerContext(TlsCertificates certificates, bool asks_clients)
    : bio_method_(TlsMachine::NewBioMethod()),
      certificates_(std::move(certificates)),
      asks_clients_(asks_clients) {}

Status TlsServerContext::Build(const TlsServerSettings& settings) {
  const TlsNames sorted = SortNames(certificates_);
  std::map<TlsCertificateSet, SSL_CTX*> made;
  const auto context = [&](const TlsCertificateSet& set) -> Status {
    auto ctx = MakeContext(certificates_, set, settings);
    if (!ctx) return std::unexpected(ctx.error());
    made[set] = ctx->get();
    if (fallback_ == nullptr)
      fallback_ = std::move(*ctx);
    else
      others_.push_back(std::move(*ctx));
    return {};
  };
  if (Status status = context(sorted.fallback); !status) return status;
  for (const auto& [name, set] : sorted.names) {
    if (!made.contains(set))
      if (Status status = context(set); !status) return status;
    if (set != sorted.fallback) names_[name] = made.at(set);
  }
  if (names_.empty()) return {};
  SSL_CTX_set_tlsext_servername_callback(fallback_.get(), OnServerName);
  SSL_CTX_set_tlsext_servername_arg(fallback_.get(), this);
  // An exact name goes before another certificate's wildcard.
  for (const auto& [name, set] : sorted.names) names_.try_emplace(name, made.at(set));
  return {};
}

std::vector<std::string> TlsServerContext::Warnings() const {
  std::vector<std::string> out;
  std::set<size_t> shown = {0};
  const TlsNames sorted = SortNames(certificates_);
  shown.insert(sorted.fallback.begin(), sorted.fallback.end());
  for (const auto& [name, set] : sorted.names) shown.insert(set.begin(), set.end());
  for (size_t i = 0; i < certificates_.size(); ++i) {
    const TlsCertificate& certificate = *certificates_[i];
    if (!certificate.untimely.empty())
      out.push_back(certificate.files.cert + ": " + certificate.untimely);
    if (shown.contains(i)) continue;
    out.push_back(certificate.files.cert +
                  (certificate.names.empty()
                       ? ": carries no DNS name, so it is never shown"
                       : ": certificates before it carry all its names with the same kind of key, "
                         "so it is never shown"));
  }
  return out;
}

SSL_CTX* TlsServerContext::Find(std::string_view asked) const {
  if (asked.ends_with('.')) asked.remove_suffix(1);
  const std::string name = Lower(asked);
  auto found = names_.find(name);
  if (found == names_.end()) found = names_.find(WildcardOf(name));
  return found == names_.end() ? nullptr : found->second;
}

int TlsServerContext::OnServerName(SSL* ssl, int*, void* self) {
  const char* name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
  if (name == nullptr) return SSL_TLSEXT_ERR_NOACK;
  SSL_CTX* ctx = static_cast<const TlsServerContext*>(self)->Find(name);
  if (ctx == nullptr) return SSL_TLSEXT_ERR_NOACK;
  SSL_set_SSL_CTX(ssl, ctx);
  return SSL_TLSEXT_ERR_OK;
}

}  // namespace sluice::io
