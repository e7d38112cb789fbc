// engine/io/tls_certificate.h — certificates of a server with their keys, and which of them are for
// which name.
//
// PURPOSE   Read once, then put into as many SSL_CTX as there are sets of certificates that belong
//           together: for one name there may be one of each kind of key, and OpenSSL then picks by
//           what the client understands.

#ifndef SLUICE_ENGINE_IO_TLS_CERTIFICATE_H_
#define SLUICE_ENGINE_IO_TLS_CERTIFICATE_H_

#include <openssl/ssl.h>

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/error.h"
#include "engine/io/net.h"
#include "engine/io/tls_settings.h"

namespace sluice::io {

struct TlsCertificate {
  TlsServerSettings::Files files;
  SslCtxPtr holder;                // of certificate, chain and key; no connection is made by it
  int kind = 0;                    // of its key: EVP_PKEY_RSA and so on
  std::vector<std::string> names;  // DNS names, lower case, "*.example.org" too
  std::string untimely;            // why it is not valid now; empty: it is
};

using TlsCertificates = std::vector<std::shared_ptr<const TlsCertificate>>;

// The error names the file.
Result<std::shared_ptr<const TlsCertificate>> ReadTlsCertificate(
    const TlsServerSettings::Files& files);

// Indices into a list of certificates, one for each kind of key at most.
using TlsCertificateSet = std::vector<size_t>;

struct TlsNames {
  TlsCertificateSet fallback;                      // has the first certificate
  std::map<std::string, TlsCertificateSet> names;  // those of all certificates
};
// Where two certificates of one kind carry a name, the first has it.
TlsNames SortNames(const TlsCertificates& certificates);

// The key in TlsNames of the wildcard that would cover `name`; empty: there can be none.
std::string WildcardOf(std::string_view name);

// Adds it to what `ctx` can show.
Status UseTlsCertificate(SSL_CTX* ctx, const TlsCertificate& certificate);

}  // namespace sluice::io

#endif  // SLUICE_ENGINE_IO_TLS_CERTIFICATE_H_
