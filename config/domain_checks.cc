#include "config/domain_checks.h"

#include <algorithm>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "config/check_tools.h"
#include "config/syntax.h"
#include "config/units.h"
#include "engine/base/text.h"

namespace sluice::config {
namespace {

// Keys of one domain: two algorithms, old and new.
constexpr size_t kDomainKeysMax = 4;

constexpr size_t kLinkMax = 300;
constexpr size_t kLocalPartMax = 64;   // RFC 5321 4.5.3.1.1
constexpr size_t kTokenLocalMax = 20;  // with a token of 37 behind a plus: within 64 (RFC 5321)

bool IsLink(std::string_view text) {
  return text.starts_with("https://") && text.size() > 8 && text.size() <= kLinkMax &&
         std::ranges::all_of(
             text, [](char c) { return c > 32 && c < 127 && c != '<' && c != '>' && c != ','; });
}

// Empty: it can stand in "rua=mailto:..." as it is.
std::string WhyNoReportMailbox(const std::string& text) {
  if (text.empty() || IsMailbox(text, kLocalPartMax, "+_")) return {};
  return Quote(text) +
         " is no mailbox for reports: write it as in \"dmarc@example.com\", its part before the @ "
         "of letters, digits, dots, hyphens, + and _";
}

class DomainChecker : private CheckTools {
 public:
  using CheckTools::CheckTools;

  void Run() {
    Tenants();
    TenantNames();
    Domains();
    Signatures();
  }

 private:
  void Tenants() {
    Unique("tenant", "name", config_.tenants, &Tenant::name);
    for (size_t i = 0; i < config_.tenants.size(); ++i) {
      const Tenant& tenant = config_.tenants[i];
      const bool has_url = !tenant.unsubscribe_url.empty();
      if (has_url && !IsLink(tenant.unsubscribe_url))
        Fail("tenant", i, "unsubscribe_url",
             Quote(tenant.unsubscribe_url) +
                 " cannot stand in List-Unsubscribe: it takes an https:// link of at most 300 "
                 "printable characters, without < > and spaces");
      if (!tenant.unsubscribe_address.empty() &&
          !IsMailbox(tenant.unsubscribe_address, kTokenLocalMax, ""))
        Fail("tenant", i, "unsubscribe_address",
             Quote(tenant.unsubscribe_address) +
                 " is no mailbox with room for a token: its part before the @ may have 20 letters, "
                 "digits, dots and hyphens");
      if (tenant.bulk_rules == Tenant::BulkRules::kAdd && !has_url)
        Fail("tenant", i, "bulk_rules",
             "\"add\" needs an unsubscribe_url, which is what would be added");
      if (!has_url && !tenant.unsubscribe_address.empty())
        Fail("tenant", i, "unsubscribe_address",
             "is not enough: receivers demand a link (unsubscribe_url)");
    }
  }

  // Tenants are there by the users who name them; mail by `trusted` and local mail is "default"'s.
  void TenantNames() {
    std::vector<std::string_view> known = {"default"};
    for (const User& user : config_.users) known.push_back(user.tenant);
    const auto warn = [&](std::string_view section, size_t i, std::string_view key,
                          const std::string& tenant, std::string_view so) {
      if (tenant.empty() || std::ranges::find(known, tenant) != known.end()) return;
      const std::string_view near = Nearest(tenant, known);
      Warn(section, i, key,
           "no [[user]] is of tenant " + Quote(tenant) + ", so " + std::string(so) +
               (near.empty() ? "" : "; did you mean " + Quote(near) + "?"));
    };
    for (size_t i = 0; i < config_.tenants.size(); ++i)
      warn("tenant", i, "name", config_.tenants[i].name, "this holds for no mail");
    for (size_t i = 0; i < config_.domains.size(); ++i)
      if (!config_.domains[i].retired)
        warn("domain", i, "tenant", config_.domains[i].tenant, "nobody can send from this domain");
  }

  void Domains() {
    Unique("domain", "name", config_.domains, &Domain::name);
    for (size_t i = 0; i < config_.domains.size(); ++i) {
      const Domain& domain = config_.domains[i];
      DomainKeys(i, domain);
      if (const std::string wrong = WhyNoReportMailbox(domain.dmarc_reports); !wrong.empty())
        Fail("domain", i, "dmarc_reports", wrong);
    }
    const auto signer = std::ranges::find(config_.domains, config_.default_signer, &Domain::name);
    const bool can_sign = signer != config_.domains.end() && !signer->dkim.empty();
    if (!config_.default_signer.empty() && !can_sign)
      reader_.Fail(TopAt("default_signer"), "default_signer",
                   "there is no [[domain]] named " + Quote(config_.default_signer) +
                       " that has a key (dkim)");
    if (config_.unsigned_mail == Unsigned::kDefaultSigner && config_.default_signer.empty())
      reader_.Fail(TopAt("unsigned"), "unsigned",
                   "\"default-signer\" needs `default_signer`: the [[domain]] that signs");
    if (!config_.domains.empty() && !HostnameSigns())
      reader_.Warn(TopAt("hostname"), "hostname",
                   "no [[domain]] with a key holds " + Quote(config_.hostname) +
                       ", so our own reports (bounces) go out unsigned");
    WarnOfRefusals();
    const DomainRules& rules = config_.domain_rules;
    if (const std::string wrong = WhyNoReportMailbox(rules.dmarc_reports); !wrong.empty())
      reader_.Fail(root_.Find("domains")->value.Find("dmarc_reports")->value.at,
                   "domains.dmarc_reports", wrong);
    if (rules.unverified == DomainRules::Unverified::kRefuse && rules.check_every == Duration(0))
      reader_.Fail(root_.Find("domains")->value.at, "domains.unverified",
                   "\"refuse\" needs domains to be checked, or none is ever verified: set "
                   "check_every");
  }

  // Whoever adds the first domain of one tenant thinks of that tenant: the others' campaigns must
  // not stop by surprise (design 12.10 makes `refuse` the default for bulk as soon as there is a
  // domain).
  void WarnOfRefusals() {
    if (config_.domains.empty() || root_.Find("unsigned") != nullptr) return;
    const auto can_sign = [this](const std::string& tenant) {
      return std::ranges::any_of(config_.domains, [&](const Domain& domain) {
        return domain.tenant == tenant && !domain.dkim.empty() && !domain.retired;
      });
    };
    std::set<std::string> refused;
    for (const User& user : config_.users)
      if (user.mail_class != User::Class::kTransactional && !can_sign(user.tenant))
        refused.insert(user.tenant);
    const bool trusts = std::ranges::any_of(
        config_.listeners, [](const Listener& listener) { return !listener.trusted.empty(); });
    if (trusts && !can_sign("default")) refused.insert("default");
    if (refused.empty()) return;
    std::string names;
    for (const std::string& tenant : refused) names += (names.empty() ? "" : ", ") + Quote(tenant);
    const bool one = refused.size() == 1;
    reader_.Warn(
        root_.Find("domain")->value.at, "domain",
        std::string("bulk mail of tenant") + (one ? " " : "s ") + names +
            " is answered 451 4.7.0, since there is a [[domain]] and none with a key is " +
            (one ? "its" : "theirs") +
            ": add their domains (`sluice domain add DOMAIN --tenant TENANT`), or say what "
            "becomes of unsigned mail by `unsigned = \"warn\"` (or \"refuse\") at the top");
  }

  void DomainKeys(size_t i, const Domain& domain) {
    if (domain.dkim.size() > kDomainKeysMax)
      Fail("domain", i, "dkim",
           std::to_string(domain.dkim.size()) + " keys: at most " + std::to_string(kDomainKeysMax) +
               ", since each signs every message");
    std::set<std::string_view> selectors;
    for (const DkimKey& dkim : domain.dkim) {
      if (dkim.selector.empty() || dkim.key.empty()) continue;  // told already
      if (!IsDomainName(dkim.selector + "._domainkey." + domain.name, true))
        Fail("domain", i, "dkim",
             "selector " + Quote(dkim.selector) + " is no name for DNS: write \"s1\" or the like");
      if (!selectors.insert(dkim.selector).second)
        Fail("domain", i, "dkim",
             "selector " + Quote(dkim.selector) + " is there twice: a name in DNS has one key");
      if (!dkim.identity.empty() && !IsIdentity(dkim.identity, domain.name))
        Fail("domain", i, "dkim",
             "identity " + Quote(dkim.identity) + " must end in @" + domain.name +
                 " or a domain below it");
      if (!SecretFile("domain", i, "dkim", dkim.key)) continue;
      if (const std::string wrong = surroundings_.WhyNoSigningKey(dkim.key); !wrong.empty())
        Fail("domain", i, "dkim", wrong);
    }
  }

  static bool IsIdentity(std::string_view identity, std::string_view domain) {
    const size_t at = identity.rfind('@');
    if (at == std::string_view::npos || identity.contains(';') || identity.contains(' '))
      return false;
    const std::string_view own = identity.substr(at + 1);
    return EqualsNoCase(own, domain) ||
           (own.size() > domain.size() && IsDomainName(own, true) &&
            EqualsNoCase(own.substr(own.size() - domain.size() - 1), "." + std::string(domain)));
  }

  bool HostnameSigns() const {
    if (!config_.default_signer.empty()) return true;
    return std::ranges::any_of(config_.domains, [&](const Domain& domain) {
      return !domain.dkim.empty() &&
             (config_.hostname == domain.name || config_.hostname.ends_with("." + domain.name));
    });
  }

  void Signatures() {
    const Member* section = root_.Find("dkim");
    const auto at = [&](std::string_view key) {
      const Member* member = section == nullptr ? nullptr : section->value.Find(key);
      return member == nullptr ? Position{1, 1} : member->value.at;
    };
    const Duration least = config_.retry.max_hold + config_.retry.max_age + 24h;
    if (config_.dkim.expire && *config_.dkim.expire < least)
      reader_.Fail(at("expire"), "dkim.expire",
                   "signatures would expire before their mail is sent: at least max_hold + "
                   "max_age + 1 day, \"" +
                       FormatDuration(least) + "\"");
  }
};

}  // namespace

void CheckDomains(Reader& reader, const Value& root, const Surroundings& surroundings,
                  const Config& config) {
  DomainChecker(reader, root, surroundings, config).Run();
}

}  // namespace sluice::config
