// dns/route.h — from a recipient domain to the hosts that take its mail.
//
// PURPOSE   MX lookup with null MX, implicit MX, preference order and loop detection; the site name
//           that equal MX sets share; host addresses, filtered for what a public MX may point at.
// FLOW      MxRouter::Find(domain) -> MxRoute; MxRouter::Addresses(host) -> IpAddresses.
//           An answer from the cache is given inside the call; any other later, from the loop.
// THREADS   Confined to its shard.

#ifndef SLUICE_DNS_ROUTE_H_
#define SLUICE_DNS_ROUTE_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "dns/transport.h"
#include "engine/base/ip_address.h"
#include "engine/base/random.h"
#include "engine/base/time.h"

namespace sluice::dns {

// What DNS says of a domain as a destination. What it means for a recipient is decided in
// engine/verdict.
enum class RouteFault : uint8_t {
  kNone,
  kNoSuchDomain,  // NXDOMAIN: permanent, 5.1.2
  kNullMx,        // RFC 7505: permanent, 5.1.10
  kNoAddress,     // no MX and no A or AAAA, or no MX host has an address: permanent only when the
                  // answers were definite, 5.4.4
  kLoop,          // our own name or address at the best preference: 5.4.6
  kForbidden,     // every address is special (loopback, private, ...): 5.4.4
  kMalformed,     // the domain is no domain name (IDNA, length): 5.1.2
  kTemporary,     // SERVFAIL, timeout, refused: retry, 4.4.3
};

inline constexpr uint16_t kSmtpPort = 25;

struct MxHost {
  std::string name;  // lower case, no trailing dot; for a literal or a configured address its text
  uint16_t preference = 0;
  uint16_t port = kSmtpPort;

  friend bool operator==(const MxHost&, const MxHost&) = default;
};

struct MxRoute {
  RouteFault fault = RouteFault::kNone;
  std::string detail;         // for the operator: the question and what came back
  std::string site;           // folded name of the MX set
  std::vector<MxHost> hosts;  // ascending preference; equals in random order, new at each Find
  Instant expires{};          // of the cache entry this came from
};

struct HostAddresses {
  RouteFault fault = RouteFault::kNone;  // kNone, kNoAddress, kForbidden, kTemporary
  std::string detail;
  std::vector<IpAddress> addresses;  // IPv6 first when ipv6 is on; equals in random order
  Instant expires{};
};

struct RouterOptions {
  std::string hostname;  // ours, for loop detection
  std::vector<IpAddress> own_addresses;
  bool ipv6 = false;           // design 12.13: only with an IPv6 source
  bool allow_special = false;  // let MX lookups lead to loopback and private addresses
  uint16_t port = 25;          // of hosts found by MX (tests: the sink's)
  uint32_t cache_entries = 100'000;
};

class MxRouter {
 public:
  using RouteFn = std::function<void(const MxRoute&)>;
  using AddressFn = std::function<void(const HostAddresses&)>;

  virtual ~MxRouter() = default;
  virtual void Find(std::string_view domain, RouteFn done) = 0;
  // A host of an MxRoute. An address in text is taken as it is: Find has looked at it.
  virtual void Addresses(std::string_view host, AddressFn done) = 0;
  // A host that the configuration names: it may be special, whatever allow_special says.
  virtual void ConfiguredAddresses(std::string_view host, AddressFn done) {
    Addresses(host, std::move(done));
  }
  virtual void SetOptions(const RouterOptions& options) = 0;  // reload; the cache stays
};

// `transport`, `clock` and `random` outlive the router.
std::unique_ptr<MxRouter> MakeMxRouter(const RouterOptions& options, DnsTransport& transport,
                                       const Clock& clock, Random& random);

// The folded name of an MX set, the same for equal sets in any order and with any preferences,
// another for any other set, at most kSiteNameMax characters:
//   {mx.example.net}                       -> mx.example.net
//   {mx1.example.net, ..., mx4.example.net} -> mx[1-4].example.net
//   {gmail-smtp-in.l.google.com, alt1.gmail-..., ..., alt4.gmail-...}
//                                          -> (alt[1-4].)?gmail-smtp-in.l.google.com
// A port other than 25 is part of the name. See dns/site.cc.
inline constexpr size_t kSiteNameMax = 160;
std::string SiteName(const std::vector<MxHost>& hosts);

}  // namespace sluice::dns

#endif  // SLUICE_DNS_ROUTE_H_
