// engine/submission/certificate_users.h — whose certificate is it that a client showed?
//
// PURPOSE   Certificates by fingerprint, public keys by fingerprint, and names under the listener's
//           CA, each leading to one user. Made once per configuration; each question is a few
//           look-ups by hash.
// RULES     A fingerprint needs no CA: the user's own word for it is in the configuration. A name
//           counts only where the chain verifies. Neither counts outside the certificate's dates.
//           Nothing is remembered: who is taken out of the configuration is not found any more.
// THREADS   Constant after construction.

#ifndef SLUICE_ENGINE_SUBMISSION_CERTIFICATE_USERS_H_
#define SLUICE_ENGINE_SUBMISSION_CERTIFICATE_USERS_H_

#include <memory>
#include <string>
#include <unordered_map>

#include "config/config.h"
#include "engine/io/net.h"

namespace sluice::engine {

class CertificateUsers {
 public:
  struct Found {
    const config::User* user = nullptr;  // of the configuration given
    bool good = false;                   // of a user's, or verified and in time
    std::string why = {};                // without a user: for the client
  };

  explicit CertificateUsers(std::shared_ptr<const config::Config> config);

  // `peer` is null when the client showed no certificate.
  Found Find(const io::TlsPeer* peer, WallTime now) const;

 private:
  const std::shared_ptr<const config::Config> config_;
  std::unordered_map<std::string, const config::User*> fingerprints_;
  std::unordered_map<std::string, const config::User*> names_;
};

}  // namespace sluice::engine

#endif  // SLUICE_ENGINE_SUBMISSION_CERTIFICATE_USERS_H_
