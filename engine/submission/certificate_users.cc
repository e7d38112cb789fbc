#include "engine/submission/certificate_users.h"

#include <utility>

#include "engine/io/tls_peer.h"

namespace sluice::engine {

CertificateUsers::CertificateUsers(std::shared_ptr<const config::Config> config)
    : config_(std::move(config)) {
  for (const config::User& user : config_->users) {
    for (const std::string& text : user.certificate_fingerprints) fingerprints_[text] = &user;
    for (const std::string& text : user.certificate_names) names_[text] = &user;
  }
}

CertificateUsers::Found CertificateUsers::Find(const io::TlsPeer* peer, WallTime now) const {
  if (peer == nullptr) return {.why = "No client certificate was shown"};
  if (!peer->untimely.empty())
    return {.why = "The client certificate is not good: " + peer->untimely};
  if (peer->not_after < now)
    return {.why = "The client certificate is not good: certificate has expired"};
  for (const std::string& print : {peer->fingerprint, peer->key_fingerprint})
    if (const auto found = fingerprints_.find(print); found != fingerprints_.end())
      return {.user = found->second, .good = true};
  if (!peer->problem.empty())
    return {.why = "The client certificate does not verify: " + peer->problem};
  const config::User* user = nullptr;
  for (const std::string& name : peer->names) {
    const auto found = names_.find(name);
    if (found == names_.end()) continue;
    if (user != nullptr && user != found->second)
      return {.good = true, .why = "The names in the client certificate belong to several users"};
    user = found->second;
  }
  if (user == nullptr) return {.good = true, .why = "The client certificate belongs to no user"};
  return {.user = user, .good = true};
}

}  // namespace sluice::engine
