// The table of sections; their rows stand in keys_host.h and keys_mail.h.

#include "config/keys.h"

#include <algorithm>

#include "config/keys_domain.h"
#include "config/keys_host.h"
#include "config/keys_mail.h"

namespace sluice::config {
namespace {

constexpr Section kSections[] = {
    {.name = "",
     .shape = Section::Shape::kRoot,
     .doc = "At the top of the file, before the first section.",
     .keys = kTop,
     .slot = [](Config& c) -> void* { return &c; }},
    {.name = "queue",
     .shape = Section::Shape::kTable,
     .doc = "Where accepted messages wait.",
     .keys = kQueueKeys,
     .slot = [](Config& c) -> void* { return &c.queue; }},
    {.name = "dns",
     .shape = Section::Shape::kTable,
     .doc = "How receivers are looked up.",
     .keys = kDnsKeys,
     .slot = [](Config& c) -> void* { return &c.dns; }},
    {.name = "control",
     .shape = Section::Shape::kTable,
     .doc = "How the `sluice` commands reach the running engine.",
     .keys = kControlKeys,
     .slot = [](Config& c) -> void* { return &c.control; }},
    {.name = "events",
     .shape = Section::Shape::kTable,
     .doc = "The record of what became of every recipient.",
     .keys = kEventsKeys,
     .slot = [](Config& c) -> void* { return &c.events; }},
    {.name = "log",
     .shape = Section::Shape::kTable,
     .doc = "The diagnostic log.",
     .keys = kLogKeys,
     .slot = [](Config& c) -> void* { return &c.log; }},
    {.name = "engine",
     .shape = Section::Shape::kTable,
     .doc = "The process itself.",
     .keys = kEngineKeys,
     .slot = [](Config& c) -> void* { return &c.engine; }},
    {.name = "listener",
     .shape = Section::Shape::kList,
     .doc = "A place where clients connect. At least one is needed.",
     .keys = kListenerKeys,
     .slot = [](Config& c) -> void* { return &c.listeners.emplace_back(); }},
    {.name = "listener.certificates",
     .shape = Section::Shape::kInline,
     .doc = "An element of `certificates`.",
     .keys = kCertificateKeys,
     .slot = nullptr},
    {.name = "user",
     .shape = Section::Shape::kList,
     .doc = "A login for submission.",
     .keys = kUserKeys,
     .slot = [](Config& c) -> void* { return &c.users.emplace_back(); }},
    {.name = "submission",
     .shape = Section::Shape::kTable,
     .doc = "How submitted messages are treated.",
     .keys = kSubmissionKeys,
     .slot = [](Config& c) -> void* { return &c.submission; }},
    {.name = "inbound",
     .shape = Section::Shape::kTable,
     .doc = "How returning mail is treated.",
     .keys = kInboundKeys,
     .slot = [](Config& c) -> void* { return &c.inbound; },
     .later = true},
    {.name = "tenant",
     .shape = Section::Shape::kList,
     .doc = "Settings of one tenant. Tenants without an entry have the defaults.",
     .keys = kTenantKeys,
     .slot = [](Config& c) -> void* { return &c.tenants.emplace_back(); }},
    {.name = "source",
     .shape = Section::Shape::kList,
     .doc = "A local address that mail is sent from. Without one: the system's choice of address, "
            "with EHLO = `hostname`, named `default`.",
     .keys = kSourceKeys,
     .slot = [](Config& c) -> void* { return &c.sources.emplace_back(); }},
    {.name = "pool",
     .shape = Section::Shape::kList,
     .doc = "A weighted set of sources. Without one: `default`, holding all sources.",
     .keys = kPoolKeys,
     .slot = [](Config& c) -> void* { return &c.pools.emplace_back(); }},
    {.name = "pool.sources",
     .shape = Section::Shape::kInline,
     .doc = "An element of `sources`.",
     .keys = kPoolMemberKeys,
     .slot = nullptr},
    {.name = "domain",
     .shape = Section::Shape::kList,
     .doc = "A sending domain.",
     .keys = kDomainKeys,
     .slot = [](Config& c) -> void* { return &c.domains.emplace_back(); }},
    {.name = "domain.dkim",
     .shape = Section::Shape::kInline,
     .doc = "An element of `dkim`. Each key makes a signature of its own: two of them (RSA and "
            "Ed25519, or old and new) may stand side by side.",
     .keys = kDkimKeys,
     .slot = nullptr},
    {.name = "dkim",
     .shape = Section::Shape::kTable,
     .doc = "How signatures are made.",
     .keys = kDkimRuleKeys,
     .slot = [](Config& c) -> void* { return &c.dkim; }},
    {.name = "domains",
     .shape = Section::Shape::kTable,
     .doc = "How sending domains are watched.",
     .keys = kDomainsKeys,
     .slot = [](Config& c) -> void* { return &c.domain_rules; }},
    {.name = "route",
     .shape = Section::Shape::kList,
     .doc = "Hosts to deliver to, instead of MX lookup, and how connections are secured.",
     .keys = kRouteKeys,
     .slot = [](Config& c) -> void* { return &c.routes.emplace_back(); }},
    {.name = "tls",
     .shape = Section::Shape::kTable,
     .doc = "How connections to receivers are secured (docs/tls.md).",
     .keys = kTlsKeys,
     .slot = [](Config& c) -> void* { return &c.tls; }},
    {.name = "retry",
     .shape = Section::Shape::kTable,
     .doc = "When a deferred recipient is tried again.",
     .keys = kRetryKeys,
     .slot = [](Config& c) -> void* { return &c.retry; }},
    {.name = "reports",
     .shape = Section::Shape::kTable,
     .doc = "Our own reports to senders (DSNs).",
     .keys = kReportKeys,
     .slot = [](Config& c) -> void* { return &c.reports; }},
    {.name = "timeouts",
     .shape = Section::Shape::kTable,
     .doc = "How long a receiver may take, for each whole reply.",
     .keys = kTimeoutKeys,
     .slot = [](Config& c) -> void* { return &c.timeouts; }},
    {.name = "limits",
     .shape = Section::Shape::kTable,
     .doc = "What clients may do.",
     .keys = kLimitKeys,
     .slot = [](Config& c) -> void* { return &c.limits; }},
    {.name = "delivery",
     .shape = Section::Shape::kTable,
     .doc = "How hard receivers are worked.",
     .keys = kDeliveryKeys,
     .slot = [](Config& c) -> void* { return &c.delivery; }},
};

}  // namespace

std::span<const Section> Sections() { return kSections; }

const Section* FindSection(std::string_view name) {
  const auto* found = std::ranges::find(kSections, name, &Section::name);
  return found == std::end(kSections) ? nullptr : found;
}

const Key* FindKey(const Section& section, std::string_view name) {
  const auto found = std::ranges::find(section.keys, name, &Key::name);
  return found == section.keys.end() ? nullptr : &*found;
}

}  // namespace sluice::config
