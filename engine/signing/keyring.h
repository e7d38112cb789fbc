// engine/signing/keyring.h — who signs whose mail: the keys of one configuration, by domain.
//
// PURPOSE   Answers which keys sign mail of a tenant from a domain, and to whom a domain belongs
//           (design 12.10, 12.11). A subdomain uses its nearest parent's entry; a key of another
//           tenant is never used, save the default signer's, which is the provider's own.
// THREADS   Immutable once made; a signature under way keeps it alive across a reload.
// TESTS     tests/engine/signing_keyring_test.cc

#ifndef SLUICE_ENGINE_SIGNING_KEYRING_H_
#define SLUICE_ENGINE_SIGNING_KEYRING_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.h"
#include "engine/base/error.h"
#include "engine/base/time.h"
#include "engine/signing/key_store.h"
#include "smtp/dkim_fields.h"
#include "smtp/dkim_signature.h"

namespace sluice::engine {

struct SigningKey {
  std::string domain;
  std::string selector;
  std::string identity;
  KeyStore::Key key;
  uint64_t mark = 0;  // of its name in DNS: what the records of messages keep
};

// Whose keys sign one message.
struct Signers {
  std::vector<const SigningKey*> keys;  // of the keyring; empty: nobody
  bool aligned = false;                 // one is of the From domain, or of a parent of it
};

class Keyring {
 public:
  using LoadFn = std::function<Result<KeyStore::Key>(const std::string& file)>;

  // Errors are those of `load`. `config` has passed its checks.
  static Result<std::shared_ptr<const Keyring>> Make(const config::Config& config,
                                                     const LoadFn& load);

  // Nothing can be signed at all.
  bool empty() const { return keys_ == 0; }
  smtp::Canonical header_form() const { return header_form_; }
  smtp::Canonical body_form() const { return body_form_; }
  std::span<const smtp::FieldRule> rules() const { return rules_; }
  std::optional<Duration> expire() const { return expire_; }

  // `domain` is lower case, as a header has it; empty: there is none.
  Signers SignersOf(std::string_view tenant, std::string_view from) const;
  // Of our own reports: the keys of the host's domain, whosever it is, and the default signer's.
  const Signers& reporters() const { return reporters_; }
  // Is the selector of this mark still in the configuration?
  bool Knows(uint64_t mark) const { return marks_.contains(mark); }

  bool HasDomains(std::string_view tenant) const { return tenants_.contains(tenant); }
  // Does the nearest [[domain]] that holds `domain` belong to the tenant?
  bool Owns(std::string_view tenant, std::string_view domain) const;

 private:
  struct Entry {
    std::string tenant;
    std::vector<SigningKey> keys;
  };

  const Entry* Nearest(std::string_view domain) const;
  void AddDefaultSigner(Signers& signers) const;

  std::map<std::string, Entry, std::less<>> domains_;
  std::set<std::string, std::less<>> tenants_;  // that have a domain
  std::set<uint64_t> marks_;
  const Entry* default_signer_ = nullptr;
  Signers reporters_;
  size_t keys_ = 0;
  smtp::Canonical header_form_ = smtp::Canonical::kRelaxed;
  smtp::Canonical body_form_ = smtp::Canonical::kRelaxed;
  std::optional<Duration> expire_;
  std::vector<std::string> also_;
  std::vector<smtp::FieldRule> rules_;
};

}  // namespace sluice::engine

#endif  // SLUICE_ENGINE_SIGNING_KEYRING_H_
