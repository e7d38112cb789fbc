// engine/shard/tls_policy_table.h — the TlsPolicies of a shard: routes, MTA-STS and DANE in one,
// and what came of them, counted for reports.
//
// NOT HERE  What follows from them: engine/delivery/tls_policy.h.
// THREADS   Confined to its shard.

#ifndef SLUICE_ENGINE_SHARD_TLS_POLICY_TABLE_H_
#define SLUICE_ENGINE_SHARD_TLS_POLICY_TABLE_H_

#include <functional>
#include <memory>
#include <string_view>
#include <utility>

#include "dns/tlsa_lookup.h"
#include "engine/delivery/tls_policy.h"
#include "engine/policy/mta_sts.h"
#include "engine/shard/context.h"
#include "engine/tls_report/tally.h"

namespace sluice::engine {

class TlsPolicyTable final : public TlsPolicies {
 public:
  // All outlive this. `sts`: null where nothing can be fetched (the simulator).
  TlsPolicyTable(ShardContext& shard, dns::Resolver& resolver, MtaSts* sts);

  void ForDomain(std::string_view domain, std::function<void(const DomainTls&)> done) override;
  void ForHost(std::string_view host, uint16_t port,
               std::function<void(const dns::HostDane&)> done) override;
  bool Alike(std::string_view domain, std::string_view other) override;
  void OnMismatch(std::string_view domain) override;
  void OnSession(TlsSession session) override;
  // The sessions since the last call.
  TlsDays TakeSessions() { return std::exchange(sessions_, {}); }
  // Mail to the domain waits for its MTA-STS policy.
  bool Awaited(std::string_view domain) const;

 private:
  ShardContext& shard_;
  MtaSts* const sts_;
  dns::TlsaLookup tlsa_;
  TlsDays sessions_;
};

}  // namespace sluice::engine

#endif  // SLUICE_ENGINE_SHARD_TLS_POLICY_TABLE_H_
