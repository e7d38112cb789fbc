#include "engine/submission/sender_policy.h"

#include <utility>

namespace sluice::engine {
namespace {

// Empty: all of From lies in the tenant's domains.
std::string WhyNotOwn(const Keyring& keyring, const smtp::HeaderFacts& header,
                      const std::string& tenant) {
  if (header.from_domain.empty())
    return "There is no From with a domain; it must lie in a domain of " + tenant;
  const auto owned = [&](const std::string& domain) { return keyring.Owns(tenant, domain); };
  const std::string none = " is not a domain of " + tenant;
  if (!owned(header.from_domain)) return "From: " + header.from_domain + none;
  for (const std::string& domain : header.more_from_domains)
    if (!owned(domain)) return "From has several mailboxes, and " + domain + none;
  return {};
}

bool Refuses(config::Unsigned rule, const config::Config& config, bool bulk) {
  switch (rule) {
    case config::Unsigned::kByClass:
      return bulk && !config.domains.empty();
    case config::Unsigned::kRefuse:
      return true;
    case config::Unsigned::kWarn:
    case config::Unsigned::kDefaultSigner:
      return false;
  }
  return false;
}

}  // namespace

SenderVerdict JudgeSender(const config::Config& config, const Keyring& keyring,
                          const smtp::HeaderFacts& header, const config::User* user,
                          const queue::Message& message) {
  SenderVerdict out;
  if (user != nullptr && !user->any_from && keyring.HasDomains(message.tenant)) {
    std::string wrong = WhyNotOwn(keyring, header, message.tenant);
    if (!wrong.empty()) {
      out.refusal = {550, "5.7.1", std::move(wrong)};
      return out;
    }
  }
  out.signers = keyring.SignersOf(message.tenant, header.from_domain);
  if (out.signers.aligned) return out;
  const bool bulk = (message.flags & queue::kFlagBulk) != 0;
  if (Refuses(config.unsigned_mail, config, bulk)) {
    out.signers = {};
    out.refusal = {
        451, "4.7.0",
        header.from_domain.empty()
            ? "There is no From with a domain, so nobody can sign this"
            : "There is no key to sign mail of " + header.from_domain + " for " + message.tenant};
    return out;
  }
  out.warn = config.unsigned_mail != config::Unsigned::kDefaultSigner;
  return out;
}

std::string UnsignedWords(std::string_view domain, std::string_view tenant) {
  const std::string of = domain.empty() ? "without a domain in From" : "of " + std::string(domain);
  return "mail " + of + " from tenant " + std::string(tenant) +
         " goes out without a signature of its domain: receivers of bulk mail refuse that; add the "
         "domain with `sluice domain add`";
}

}  // namespace sluice::engine
