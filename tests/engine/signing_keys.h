// Keys for tests that sign: one Ed25519 key, which has no dice, under any file name.

#ifndef SLUICE_TESTS_ENGINE_SIGNING_KEYS_H_
#define SLUICE_TESTS_ENGINE_SIGNING_KEYS_H_

#include <memory>
#include <string>
#include <utility>

#include "engine/base/check.h"
#include "engine/signing/keyring.h"

namespace sluice::engine {

// RFC 8032, 7.1, test 1; RFC 8463 has it, too.
inline Result<KeyStore::Key> LoadTestKey(const std::string& file) {
  auto key = smtp::DkimKey::FromPem(
      "-----BEGIN PRIVATE KEY-----\n"
      "MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n"
      "-----END PRIVATE KEY-----\n",
      file);
  if (!key) return std::unexpected(key.error());
  return std::make_shared<const smtp::DkimKey>(*std::move(key));
}

inline std::shared_ptr<const Keyring> MakeTestKeyring(const config::Config& config) {
  auto made = Keyring::Make(config, LoadTestKey);
  CHECK(made.has_value());
  return *made;
}

inline config::Domain TestDomain(std::string name, std::string tenant, bool with_key = true) {
  config::Domain domain;
  domain.name = std::move(name);
  domain.tenant = std::move(tenant);
  if (with_key) domain.dkim.push_back({.selector = "s1", .key = "s1.pem", .identity = ""});
  return domain;
}

}  // namespace sluice::engine

#endif  // SLUICE_TESTS_ENGINE_SIGNING_KEYS_H_
