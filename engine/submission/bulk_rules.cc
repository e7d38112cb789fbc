#include "engine/submission/bulk_rules.h"

#include <algorithm>

#include "engine/base/text.h"

namespace sluice::engine {

BulkFaultSet FindBulkFaults(const smtp::HeaderFacts& header, bool aligned) {
  BulkFaultSet out;
  if (header.from_domain.empty()) out.Add(BulkFault::kNoFrom);
  if (!aligned) out.Add(BulkFault::kNotSigned);
  if (!header.unsubscribe)
    out.Add(BulkFault::kNoUnsubscribe);
  else if (!header.unsubscribe_https)
    out.Add(BulkFault::kNoLink);
  if (!header.one_click) out.Add(BulkFault::kNotOneClick);
  return out;
}

std::string BulkWords(const std::string& tenant, const std::string& campaign, BulkFaultSet faults) {
  return "bulk mail of tenant " + tenant + ", campaign " + campaign + ": " + BulkFaultText(faults) +
         "; large receivers refuse or hide such mail (docs/deliverability.md)";
}

const config::Tenant& TenantOf(const config::Config& config, std::string_view name) {
  static const config::Tenant kNobody;
  const auto found = std::ranges::find(config.tenants, name, &config::Tenant::name);
  return found == config.tenants.end() ? kNobody : *found;
}

// RFC 8058 3.1: one https link, and what a POST to it carries. The mail address comes second, for
// readers without the web; its local part takes the token behind a plus.
std::string UnsubscribeFields(const config::Tenant& tenant, const smtp::TokenSecrets& secrets,
                              const smtp::RecipientToken& recipient) {
  if (tenant.unsubscribe_url.empty()) return {};
  const std::string token = secrets.Make(recipient);
  std::string out = "List-Unsubscribe: <" + tenant.unsubscribe_url;
  if (!out.ends_with('/')) out += '/';
  out += token + ">";
  if (!tenant.unsubscribe_address.empty()) {
    const std::string& address = tenant.unsubscribe_address;
    const size_t at = address.size() - DomainOf(address).size() - 1;
    out += ",\r\n\t<mailto:" + address.substr(0, at) + "+" + token + address.substr(at) + ">";
  }
  return out + "\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n";
}

}  // namespace sluice::engine
