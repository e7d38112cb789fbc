// dns/mx_router.h — the MxRouter of route.h over a Resolver.
//
// PURPOSE   Find asks for the MX set, then for the addresses of all its hosts: only then is it
//           known whether one of them is ourselves and whether any can be connected to at all. The
//           addresses are in the cache when the delivery asks for them.
// FLOW      Find -> OnMx -> CollectAll -> Conclude; Addresses -> Collect -> filter.
// LIMITS    kMxHostsMax hosts a domain, kAddressesMax addresses a host.
// THREADS   Confined to its shard.
// TESTS     tests/dns/mx_router_test.cc, tests/dns/site_test.cc

#ifndef SLUICE_DNS_MX_ROUTER_H_
#define SLUICE_DNS_MX_ROUTER_H_

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "dns/mx_set.h"
#include "dns/resolver.h"
#include "dns/route.h"

namespace sluice::dns {

// Of one host. A delivery tries at most five (protocol.md 16).
inline constexpr size_t kAddressesMax = 32;

class CachingMxRouter final : public MxRouter {
 public:
  CachingMxRouter(const RouterOptions& options, DnsTransport& transport, const Clock& clock,
                  Random& random);

  void Find(std::string_view domain, RouteFn done) override;
  void Addresses(std::string_view host, AddressFn done) override;
  void ConfiguredAddresses(std::string_view host, AddressFn done) override;
  void SetOptions(const RouterOptions& options) override;

  // For other questions (TLSA, TXT): one cache a shard.
  Resolver& resolver() { return resolver_; }

 private:
  // What DNS says of one host's addresses, before any of our rules.
  struct Collected {
    std::vector<IpAddress> v4, v6;
    bool unknown = false;  // a question had no definite answer
    bool stale = false;    // one had an old answer only
    std::string detail;    // of the most telling answer
    Instant expires = kNever;
    size_t waiting = 0;
  };
  using CollectedFn = std::function<void(const Collected&)>;
  struct Finding;

  void Collect(std::string_view host, CollectedFn done);
  void AddAnswer(Collected& collected, RecordType type, const Answer& answer) const;
  void FindLiteral(const IpAddress& address, const RouteFn& done);
  void OnMx(const std::shared_ptr<Finding>& finding, const Answer& answer);
  void CollectAll(const std::shared_ptr<Finding>& finding);
  void Conclude(Finding& finding);
  void LookUp(std::string_view host, bool may_be_special, AddressFn done);
  HostAddresses Filter(const Collected& collected, bool may_be_special);
  bool IsOurs(const Collected& collected) const;
  bool IsAllowed(const IpAddress& address) const;

  RouterOptions options_;
  // Borrowed: outlive this.
  const Clock& clock_;
  Random& random_;
  // Owned. Dropped with everything that waits in it.
  Resolver resolver_;
};

}  // namespace sluice::dns

#endif  // SLUICE_DNS_MX_ROUTER_H_
