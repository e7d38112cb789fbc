#include "engine/domains/domain_plan.h"

#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <set>
#include <utility>

#include "config/checks.h"
#include "dns/dmarc_record.h"
#include "dns/reverse.h"
#include "engine/base/check.h"
#include "engine/base/hex.h"
#include "engine/base/text.h"
#include "smtp/dkim_key.h"

namespace sluice::engine {
namespace {

using dns::RecordType;

struct RoleName {
  std::string_view text;
  std::string_view id;
};
constexpr std::array<RoleName, 15> kRoles = {{{"DKIM key", "dkim"},
                                              {"SPF", "spf"},
                                              {"DMARC", "dmarc"},
                                              {"DMARC reports", "dmarc_reports"},
                                              {"return path MX", "return_path_mx"},
                                              {"return path SPF", "return_path_spf"},
                                              {"ownership", "ownership"},
                                              {"hostname address", "hostname_address"},
                                              {"reverse name", "reverse_name"},
                                              {"EHLO address", "ehlo_address"},
                                              {"EHLO SPF", "ehlo_spf"},
                                              {"return path reached", "return_path_reach"},
                                              {"public mail", "public_mail"},
                                              {"source address", "source_address"},
                                              {"block list", "block_list"}}};
static_assert(kRoles.size() == size_t(Role::kBlockList) + 1);

// What the system takes when no address is configured: IPv4 (design 12.13), a public one if there
// is one, else a private one, else loopback.
std::optional<IpAddress> GuessAddress(const config::Surroundings& surroundings) {
  const auto local = surroundings.LocalAddresses();
  if (!local) return std::nullopt;
  std::optional<IpAddress> found;
  const auto rank = [](const IpAddress& address) {
    return address.IsLoopback() ? 0 : address.IsSpecial() ? 1 : 2;
  };
  for (const IpAddress& address : *local)
    if (address.is_v4() && (!found || rank(address) > rank(*found))) found = address;
  return found;
}

std::vector<UsedSource> UsedSources(const config::Config& config,
                                    const config::Surroundings& surroundings) {
  std::set<std::string_view> used;
  for (const config::Pool& pool : config.pools)
    for (const config::PoolMember& member : pool.members) used.insert(member.source);
  const bool is_private = config::StaysPrivate(config);
  std::vector<UsedSource> out;
  for (const config::Source& source : config.sources) {
    if (!used.contains(source.name)) continue;
    UsedSource& entry = out.emplace_back();
    entry.name = source.name;
    entry.ehlo = source.ehlo;
    entry.address = source.public_address ? source.public_address : source.address;
    if (!entry.address) {
      entry.address = GuessAddress(surroundings);
      entry.guessed = true;
    }
    entry.hidden = entry.address && entry.address->IsSpecial() && !is_private;
  }
  return out;
}

std::string SpfText(const std::vector<UsedSource>& sources, std::string_view all) {
  std::string out = "v=spf1";
  std::set<std::string> seen;
  for (const UsedSource& source : sources)
    if (std::string term = SpfMechanismOf(source); seen.insert(term).second) out += " " + term;
  return out + " " + std::string(all);
}

// A name has one SPF record, whatever it serves for: a sending domain may have other senders
// (~all); a return path or an EHLO name is ours alone (-all).
std::string SpfFor(const config::Config& config, const HostPlan& host, const std::string& name) {
  for (const config::Domain& domain : config.domains)
    if (domain.name == name) return SpfText(host.sources, "~all");
  for (const config::Domain& domain : config.domains)
    if (domain.return_path == name) return SpfText(host.sources, "-all");
  std::vector<UsedSource> own;
  for (const UsedSource& source : host.sources)
    if (source.ehlo == name) own.push_back(source);
  return SpfText(own, "-all");
}

PlannedRecord AddressRecord(Role role, const std::string& name, const IpAddress& address,
                            std::string purpose) {
  return {role, name, dns::AddressType(address), address.ToString(), 0, std::move(purpose)};
}

void PlanDmarc(DomainPlan& plan) {
  std::string value = "v=DMARC1; p=none";
  if (!plan.dmarc_reports.empty()) value += "; rua=mailto:" + plan.dmarc_reports;
  plan.records.push_back({Role::kDmarc, "_dmarc." + plan.domain, RecordType::kTxt, value, 0,
                          "says what receivers do with mail that only claims to be yours"});
  if (plan.dmarc_reports.empty()) return;
  const std::string consent = ReportConsentName(plan.domain, plan.dmarc_reports);
  if (!consent.empty())
    plan.records.push_back({Role::kReportConsent, consent, RecordType::kTxt, "v=DMARC1", 0,
                            std::string(DomainOf(plan.dmarc_reports)) +
                                " agrees to get DMARC reports about " + plan.domain});
}

}  // namespace

std::string_view RoleText(Role role) { return kRoles[size_t(role)].text; }
std::string_view RoleId(Role role) { return kRoles[size_t(role)].id; }

std::string SpfMechanismOf(const UsedSource& source) {
  if (!source.address) return "a:" + source.ehlo;
  return (source.address->is_v4() ? "ip4:" : "ip6:") + source.address->ToString();
}

HostPlan PlanHost(const config::Config& config, const config::Surroundings& surroundings) {
  HostPlan plan;
  plan.hostname = config.hostname;
  plan.sources = UsedSources(config, surroundings);
  plan.mx_port = config.dns.port;
  plan.dnsbl = config.domain_rules.dnsbl;
  plan.inbound = std::ranges::any_of(config.listeners, [](const config::Listener& listener) {
    return listener.role == config::Role::kInbound;
  });
  std::set<std::string> ehlo_names;
  for (const UsedSource& source : plan.sources) {
    if (source.address) {
      plan.records.push_back(
          AddressRecord(Role::kEhloAddress, source.ehlo, *source.address,
                        "the name that source " + source.name + " tells leads to its address"));
      plan.records.push_back({Role::kReverse, dns::ReverseName(*source.address), RecordType::kPtr,
                              source.ehlo, 0,
                              "the address of source " + source.name + " leads to its name"});
    }
    if (ehlo_names.insert(source.ehlo).second)
      plan.records.push_back({Role::kEhloSpf, source.ehlo, RecordType::kTxt,
                              SpfFor(config, plan, source.ehlo), 0,
                              "reports of this engine have no sender: receivers check SPF by the "
                              "EHLO name"});
  }
  return plan;
}

std::string ReportConsentName(const std::string& domain, const std::string& reports) {
  const std::string to(DomainOf(reports));
  if (dns::IsAligned(to, domain, false)) return {};
  return domain + "._report._dmarc." + Lower(to);
}

Result<DomainPlan> PlanDomain(const config::Config& config, const config::Domain& domain,
                              const HostPlan& host) {
  DomainPlan plan;
  plan.domain = domain.name;
  plan.tenant = domain.tenant;
  plan.return_path = domain.return_path;
  plan.dmarc_reports =
      domain.dmarc_reports.empty() ? config.domain_rules.dmarc_reports : domain.dmarc_reports;
  plan.retired = domain.retired;
  for (const config::DkimKey& settings : domain.dkim) {
    const auto key = smtp::DkimKey::Load(settings.key);
    if (!key) return std::unexpected(key.error());
    const bool rsa = key->algorithm() == smtp::DkimAlgorithm::kRsaSha256;
    plan.keys.push_back({settings.selector, settings.key, rsa ? "rsa" : "ed25519",
                         key->PublicBase64(), key->RecordText()});
    plan.records.push_back({Role::kDkim, settings.selector + "._domainkey." + domain.name,
                            RecordType::kTxt, key->RecordText(), 0,
                            "receivers verify our signatures with this key"});
  }
  plan.records.push_back({Role::kSpf, domain.name, RecordType::kTxt,
                          SpfFor(config, host, domain.name), 0,
                          "says which addresses may send for the domain"});
  PlanDmarc(plan);
  if (!domain.return_path.empty()) {
    plan.records.push_back({Role::kReturnMx, domain.return_path, RecordType::kMx, config.hostname,
                            10, "returned mail comes back to this engine"});
    if (domain.return_path != domain.name)
      plan.records.push_back({Role::kReturnSpf, domain.return_path, RecordType::kTxt,
                              SpfFor(config, host, domain.return_path), 0,
                              "receivers check SPF by the return path"});
    const bool is_ehlo =
        std::ranges::find(host.sources, config.hostname, &UsedSource::ehlo) != host.sources.end();
    const auto known = std::ranges::find_if(
        host.sources, [](const UsedSource& source) { return source.address.has_value(); });
    if (!is_ehlo && known != host.sources.end())
      plan.records.push_back(AddressRecord(Role::kMxAddress, config.hostname, *known->address,
                                           "the host of the return path's MX"));
  }
  plan.ownership = OwnershipToken(config.hostname, domain.tenant, domain.name);
  plan.records.push_back(
      {Role::kOwnership, "_sluice." + domain.name, RecordType::kTxt, plan.ownership, 0,
       "shows that the domain's owner lets tenant " + domain.tenant + " send from it"});
  return plan;
}

std::vector<PlannedRecord> AllRecords(const DomainPlan& domain, const HostPlan& host) {
  std::vector<PlannedRecord> out;
  for (const auto* records : {&domain.records, &host.records})
    for (const PlannedRecord& record : *records) {
      const bool there = std::ranges::any_of(out, [&](const PlannedRecord& other) {
        return other.name == record.name && other.type == record.type &&
               other.value == record.value;
      });
      if (!there) out.push_back(record);
    }
  return out;
}

std::string OwnershipToken(std::string_view hostname, std::string_view tenant,
                           std::string_view domain) {
  constexpr size_t kTokenOctets = 16;
  std::string input = "sluice domain ownership";
  const std::string provider = dns::OrganisationalDomain(hostname);
  for (const std::string_view part : {std::string_view(provider), tenant, domain}) {
    input += '\0';
    input += part;
  }
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest;
  unsigned length = 0;
  CHECK(EVP_Digest(input.data(), input.size(), digest.data(), &length, EVP_sha256(), nullptr) == 1);
  CHECK(length >= kTokenOctets);
  return "sluice-verify=" + HexOf(digest.data(), kTokenOctets);
}

}  // namespace sluice::engine
