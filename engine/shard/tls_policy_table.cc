#include "engine/shard/tls_policy_table.h"

#include <optional>
#include <utility>

#include "engine/shard/route_table.h"

namespace sluice::engine {

TlsPolicyTable::TlsPolicyTable(ShardContext& shard, dns::Resolver& resolver, MtaSts* sts)
    : shard_(shard), sts_(sts), tlsa_(resolver) {}

void TlsPolicyTable::ForDomain(std::string_view domain,
                               std::function<void(const DomainTls&)> done) {
  const config::Config& config = *shard_.config;
  DomainTls wanted{.domain = std::string(domain)};
  const config::Route* route = FindRoute(config.routes, domain);
  if (route != nullptr) wanted.route = route->tls;
  // Hosts that the operator names are not the domain's own.
  const bool configured = route != nullptr && !route->hosts.empty();
  if (configured || sts_ == nullptr || !config.tls.mta_sts) return done(wanted);
  sts_->Find(domain, [wanted, done = std::move(done)](const MtaSts::Policy& policy) mutable {
    wanted.sts = policy;
    done(wanted);
  });
}

void TlsPolicyTable::ForHost(std::string_view host, uint16_t port,
                             std::function<void(const dns::HostDane&)> done) {
  const config::Config& config = *shard_.config;
  if (!config.tls.dane || !config.dns.trusted) return done({});
  tlsa_.Find(host, port, std::move(done));
}

bool TlsPolicyTable::Alike(std::string_view domain, std::string_view other) {
  if (domain == other) return true;
  struct Both {
    std::optional<DomainTls> first, second;
  };
  // Shared: an answer may come when nobody waits here any more.
  const auto both = std::make_shared<Both>();
  ForDomain(domain, [both](const DomainTls& wanted) { both->first = wanted; });
  if (!both->first.has_value()) return false;
  ForDomain(other, [both](const DomainTls& wanted) { both->second = wanted; });
  return both->second.has_value() && engine::Alike(*both->first, *both->second);
}

bool TlsPolicyTable::Awaited(std::string_view domain) const {
  return sts_ != nullptr && sts_->Awaited(domain);
}

void TlsPolicyTable::OnMismatch(std::string_view domain) {
  if (sts_ != nullptr) sts_->OnMismatch(domain);
}

void TlsPolicyTable::OnSession(TlsSession session) {
  if (!shard_.config->tls_report.on()) return;
  sessions_[DayOf(shard_.clock.Wall())].Add(std::move(session));
}

}  // namespace sluice::engine
