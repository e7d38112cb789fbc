// engine/io/tls_peer.h — the certificate that a client showed, and what was found about it.
//
// PURPOSE   A server that asks for certificates lets every handshake through in which the client
//           has shown that the key is its own; whether the certificate is good for anything is
//           told here and decided above (engine/submission/certificate_users.h). So a client hears
//           in plain words what is wrong, which a TLS alert cannot say.
// PROMISE   A resumed session has the certificate of its first handshake, and what was found of its
//           chain then; its dates are looked at anew, its end at each login.

#ifndef SLUICE_ENGINE_IO_TLS_PEER_H_
#define SLUICE_ENGINE_IO_TLS_PEER_H_

#include <openssl/ssl.h>

#include <memory>
#include <string>
#include <vector>

#include "engine/base/error.h"
#include "engine/base/time.h"

namespace sluice::io {

// Client certificate chains: octets, and certificates between the client's and a known CA.
inline constexpr size_t kClientChainBytesMax = size_t(32) << 10;
inline constexpr int kClientChainDepthMax = 4;
// Names of one certificate that are looked at.
inline constexpr size_t kPeerNamesMax = 64;

struct TlsPeer {
  std::string fingerprint{};         // SHA-256 of the certificate, lower-case hex
  std::string key_fingerprint{};     // of its public key (SubjectPublicKeyInfo)
  std::vector<std::string> names{};  // DNS and mail names, lower case; else the common name
  std::string problem{};             // why the chain does not verify; empty: it does
  std::string untimely{};            // "certificate has expired" or the like; empty: it is in time
  WallTime not_after = WallTime::max();  // sessions may last longer
};

// Makes the servers of `ctx` ask; an empty `ca_file` verifies nobody.
Status AskClients(SSL_CTX* ctx, const std::string& ca_file);

// After the handshake of a server. Null: the client showed none.
std::shared_ptr<const TlsPeer> PeerOf(SSL* ssl);

// "certificate has expired", "certificate is not yet valid", or empty.
std::string WhyUntimely(const X509* certificate);

// DNS names of a certificate, lower case, without those that hold control characters. `others`
// also takes mail addresses, and the common name when there is no alternative name at all.
std::vector<std::string> NamesOf(X509* certificate, bool others);

}  // namespace sluice::io

#endif  // SLUICE_ENGINE_IO_TLS_PEER_H_
