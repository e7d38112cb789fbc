#include "engine/signing/keyring.h"

#include <algorithm>
#include <utility>

#include "dns/domain.h"
#include "engine/base/parent_domain.h"
#include "engine/base/text.h"
#include "smtp/address.h"

namespace sluice::engine {
namespace {

smtp::Canonical FormOf(config::Dkim::Form form) {
  return form == config::Dkim::Form::kSimple ? smtp::Canonical::kSimple : smtp::Canonical::kRelaxed;
}

// As the configuration has names: ASCII. What is no name stays, and matches nothing.
std::string AsciiDomain(std::string_view domain) {
  if (!smtp::Has8Bit(domain)) return std::string(domain);
  return dns::NormalizeDomain(domain).value_or(std::string(domain));
}

// The same in every run and version: it stays in the queue.
uint64_t MarkOf(std::string_view domain, std::string_view selector) {
  smtp::Sha256 sha;
  sha.Update(Lower(selector) + "._domainkey." + Lower(domain));
  const smtp::Sha256Digest digest = sha.Finish();
  uint64_t mark = 0;
  for (size_t i = 0; i < sizeof mark; ++i) mark = mark << 8 | digest[i];
  return mark;
}

}  // namespace

Result<std::shared_ptr<const Keyring>> Keyring::Make(const config::Config& config,
                                                     const LoadFn& load) {
  auto ring = std::make_shared<Keyring>();
  ring->header_form_ = FormOf(config.dkim.header);
  ring->body_form_ = FormOf(config.dkim.body);
  ring->expire_ = config.dkim.expire;
  const auto usual = smtp::DefaultFieldRules();
  ring->rules_.assign(usual.begin(), usual.end());
  // Reserved, since the rules look into these strings.
  ring->also_.reserve(config.dkim.also_sign.size());
  for (const std::string& name : config.dkim.also_sign) {
    const bool known = std::ranges::any_of(
        ring->rules_, [&](const smtp::FieldRule& rule) { return EqualsNoCase(rule.name, name); });
    if (known || smtp::IsNeverSigned(name)) continue;
    ring->also_.push_back(name);
    ring->rules_.push_back({ring->also_.back(), smtp::Cover::kPresent});
  }
  for (const config::Domain& domain : config.domains) {
    Entry& entry = ring->domains_[domain.name];
    entry.tenant = domain.tenant;
    ring->tenants_.insert(domain.tenant);
    for (const config::DkimKey& dkim : domain.dkim) {
      auto key = load(dkim.key);
      if (!key) return std::unexpected(key.error());
      const uint64_t mark = MarkOf(domain.name, dkim.selector);
      entry.keys.push_back({domain.name, dkim.selector, dkim.identity, std::move(*key), mark});
      ring->marks_.insert(mark);
      ++ring->keys_;
    }
  }
  if (const auto signer = ring->domains_.find(config.default_signer);
      signer != ring->domains_.end())
    ring->default_signer_ = &signer->second;
  if (const Entry* host = ring->Nearest(config.hostname); host != nullptr && !host->keys.empty()) {
    for (const SigningKey& key : host->keys) ring->reporters_.keys.push_back(&key);
    ring->reporters_.aligned = true;
  }
  ring->AddDefaultSigner(ring->reporters_);
  return ring;
}

const Keyring::Entry* Keyring::Nearest(std::string_view domain) const {
  for (; !domain.empty(); domain = ParentDomain(domain))
    if (const auto found = domains_.find(domain); found != domains_.end()) return &found->second;
  return nullptr;
}

void Keyring::AddDefaultSigner(Signers& signers) const {
  if (default_signer_ == nullptr) return;
  for (const SigningKey& key : default_signer_->keys)
    if (std::ranges::find(signers.keys, &key) == signers.keys.end()) signers.keys.push_back(&key);
}

Signers Keyring::SignersOf(std::string_view tenant, std::string_view from) const {
  Signers out;
  const std::string ascii = AsciiDomain(from);
  // Upwards to the first entry that has keys; one of another tenant ends the search.
  for (std::string_view domain = ascii; !domain.empty(); domain = ParentDomain(domain)) {
    const auto found = domains_.find(domain);
    if (found == domains_.end()) continue;
    if (found->second.tenant != tenant) break;
    if (found->second.keys.empty()) continue;
    for (const SigningKey& key : found->second.keys) out.keys.push_back(&key);
    out.aligned = true;
    break;
  }
  AddDefaultSigner(out);
  return out;
}

bool Keyring::Owns(std::string_view tenant, std::string_view domain) const {
  const Entry* nearest = Nearest(AsciiDomain(domain));
  return nearest != nullptr && nearest->tenant == tenant;
}

}  // namespace sluice::engine
