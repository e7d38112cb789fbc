#include "engine/io/tls_certificate.h"

#include <openssl/err.h>
#include <openssl/evp.h>

#include <algorithm>
#include <utility>

#include "engine/base/check.h"
#include "engine/io/tls_peer.h"

namespace sluice::io {

Result<std::shared_ptr<const TlsCertificate>> ReadTlsCertificate(
    const TlsServerSettings::Files& files) {
  auto out = std::make_shared<TlsCertificate>();
  out->files = files;
  out->holder.reset(SSL_CTX_new(TLS_server_method()));
  CHECK(out->holder != nullptr);
  if (Status used = UseCertificateFiles(out->holder.get(), files.cert, files.key); !used)
    return std::unexpected(used.error());
  X509* leaf = SSL_CTX_get0_certificate(out->holder.get());
  CHECK(leaf != nullptr);
  out->kind = EVP_PKEY_get_base_id(X509_get0_pubkey(leaf));
  out->names = NamesOf(leaf, false);
  out->untimely = WhyUntimely(leaf);
  return out;
}

TlsNames SortNames(const TlsCertificates& certificates) {
  TlsNames out;
  for (size_t i = 0; i < certificates.size(); ++i) {
    for (const std::string& name : certificates[i]->names) {
      TlsCertificateSet& set = out.names[name];
      const bool taken = std::ranges::any_of(
          set, [&](size_t other) { return certificates[other]->kind == certificates[i]->kind; });
      if (!taken) set.push_back(i);
    }
  }
  // Who asks for no name may have another kind of key that is for the first one's first name.
  const std::vector<std::string>& names = certificates.front()->names;
  out.fallback = names.empty() ? TlsCertificateSet{0} : out.names.at(names.front());
  return out;
}

std::string WildcardOf(std::string_view name) {
  const size_t dot = name.find('.');
  if (dot == 0 || dot == std::string_view::npos) return {};
  return "*" + std::string(name.substr(dot));
}

Status UseTlsCertificate(SSL_CTX* ctx, const TlsCertificate& certificate) {
  SSL_CTX* holder = certificate.holder.get();
  STACK_OF(X509)* chain = nullptr;
  CHECK(SSL_CTX_get0_chain_certs(holder, &chain) == 1);
  ERR_clear_error();
  if (SSL_CTX_use_cert_and_key(ctx, SSL_CTX_get0_certificate(holder),
                               SSL_CTX_get0_privatekey(holder), chain, 1) == 1)
    return {};
  return Fail(ErrorCode::kInvalid, certificate.files.cert + ": not a usable TLS certificate: " +
                                       TakeTlsError("unknown error"));
}

}  // namespace sluice::io
