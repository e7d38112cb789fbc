#include "dns/mx_router.h"

#include <algorithm>
#include <utility>

#include "dns/domain.h"
#include "engine/base/check.h"
#include "engine/base/text.h"

namespace sluice::dns {
namespace {

// What no DNS answer backs (a literal, a malformed name) holds for good; callers still want an end.
constexpr Duration kFixedLifetime = std::chrono::hours(1);

RouterOptions Cleaned(RouterOptions options) {
  options.hostname = Lower(options.hostname);
  if (!options.hostname.empty() && options.hostname.back() == '.') options.hostname.pop_back();
  return options;
}

}  // namespace

// One Find on its way.
struct CachingMxRouter::Finding {
  RouteFn done;
  MxRoute route;
  std::vector<Collected> hosts;  // beside route.hosts
  size_t waiting = 0;
  bool stale = false;  // an old answer was used: the servers fail now

  // A permanent fault, which bounces mail, stands on fresh answers only.
  void Finish(RouteFault fault, std::string detail, Instant expires) {
    if (stale && fault != RouteFault::kNone && fault != RouteFault::kTemporary) {
      fault = RouteFault::kTemporary;
      detail += "; by an old answer, as the servers fail now";
    }
    route.fault = fault;
    route.detail = std::move(detail);
    route.expires = expires;
    if (fault != RouteFault::kNone) route.hosts.clear();
    done(route);
  }
};

CachingMxRouter::CachingMxRouter(const RouterOptions& options, DnsTransport& transport,
                                 const Clock& clock, Random& random)
    : options_(Cleaned(options)),
      clock_(clock),
      random_(random),
      resolver_(transport, clock, options.cache_entries) {}

void CachingMxRouter::SetOptions(const RouterOptions& options) {
  options_ = Cleaned(options);
  resolver_.SetEntries(options_.cache_entries);
}

void CachingMxRouter::Find(std::string_view domain, RouteFn done) {
  if (const auto literal = ParseAddressLiteral(domain)) {
    FindLiteral(*literal, done);
    return;
  }
  auto finding = std::make_shared<Finding>();
  finding->done = std::move(done);
  const auto name = NormalizeDomain(domain);
  if (!name) {
    finding->Finish(RouteFault::kMalformed, name.error().what, clock_.Now() + kFixedLifetime);
    return;
  }
  resolver_.Ask(*name, RecordType::kMx,
                [this, finding](const Answer& answer) { OnMx(finding, answer); });
}

void CachingMxRouter::FindLiteral(const IpAddress& address, const RouteFn& done) {
  Collected collected;
  (address.is_v4() ? collected.v4 : collected.v6).push_back(address);
  MxRoute route;
  route.site = address.ToString();
  route.detail = "address literal";
  route.expires = clock_.Now() + kFixedLifetime;
  if (IsOurs(collected)) {
    route.fault = RouteFault::kLoop;
    route.detail = "the address is ours";
  } else if (!IsAllowed(address)) {
    route.fault = RouteFault::kForbidden;
    route.detail = "the address is private or reserved";
  } else if (!address.is_v4() && !options_.ipv6) {
    route.fault = RouteFault::kNoAddress;
    route.detail = "an IPv6 address, and IPv6 is off here";
  } else {
    route.hosts.push_back({address.ToString(), 0, options_.port});
  }
  done(route);
}

void CachingMxRouter::OnMx(const std::shared_ptr<Finding>& finding, const Answer& answer) {
  MxRoute& route = finding->route;
  route.detail = answer.detail;
  route.expires = answer.expires;
  finding->stale = answer.stale;
  switch (answer.kind) {
    case AnswerKind::kFailure:
      finding->Finish(RouteFault::kTemporary, answer.detail, answer.expires);
      return;
    case AnswerKind::kNxDomain:
      finding->Finish(RouteFault::kNoSuchDomain, answer.detail, answer.expires);
      return;
    case AnswerKind::kNoData:
      // Implicit MX (RFC 5321 5.1): the host of that name.
      if (!IsHostName(answer.canonical)) {
        finding->Finish(RouteFault::kNoAddress, "alias of something that is no host name",
                        answer.expires);
        return;
      }
      route.hosts.push_back({answer.canonical, 0, options_.port});
      break;
    case AnswerKind::kRecords: {
      MxSet set = MakeMxSet(answer.records, options_.port);
      if (set.is_null) {
        finding->Finish(RouteFault::kNullMx, "null MX: the domain takes no mail", answer.expires);
        return;
      }
      if (set.hosts.empty()) {
        finding->Finish(RouteFault::kNoAddress, "no MX record names a host", answer.expires);
        return;
      }
      route.hosts = std::move(set.hosts);
      break;
    }
  }
  // The site is the receiver's: what we cut or cannot reach of the set does not rename it, nor does
  // the port that tests use.
  std::vector<MxHost> published = route.hosts;
  for (MxHost& host : published) host.port = kSmtpPort;
  route.site = SiteName(published);
  CollectAll(finding);
}

void CachingMxRouter::CollectAll(const std::shared_ptr<Finding>& finding) {
  const size_t count = finding->route.hosts.size();
  finding->hosts.resize(count);
  finding->waiting = count;
  for (size_t i = 0; i < count; ++i) {
    // By value: an answer from the cache may conclude the finding inside the call.
    const std::string host = finding->route.hosts[i].name;
    Collect(host, [this, finding, i](const Collected& collected) {
      finding->hosts[i] = collected;
      CHECK(finding->waiting > 0);
      if (--finding->waiting == 0) Conclude(*finding);
    });
  }
}

void CachingMxRouter::Conclude(Finding& finding) {
  MxRoute& route = finding.route;
  std::vector<bool> ours;
  for (size_t i = 0; i < route.hosts.size(); ++i)
    ours.push_back(route.hosts[i].name == options_.hostname || IsOurs(finding.hosts[i]));
  Instant expires = route.expires;
  for (const Collected& host : finding.hosts) {
    expires = std::min(expires, host.expires);
    finding.stale = finding.stale || host.stale;
  }
  if (!CutAtOurselves(route.hosts, ours)) {
    finding.Finish(RouteFault::kLoop, "we are the best mail exchanger of this domain", expires);
    return;
  }
  bool is_usable = false;
  bool is_unknown = false;
  bool is_special = false;
  std::string detail;
  for (size_t i = 0; i < route.hosts.size(); ++i) {
    const Collected& host = finding.hosts[i];
    const HostAddresses filtered = Filter(host, options_.allow_special);
    is_usable = is_usable || filtered.fault == RouteFault::kNone;
    is_unknown = is_unknown || filtered.fault == RouteFault::kTemporary;
    is_special = is_special || filtered.fault == RouteFault::kForbidden;
    if (detail.empty() || host.unknown) detail = filtered.detail;
  }
  if (is_usable) {
    ShuffleEquals(route.hosts, random_);
    finding.Finish(RouteFault::kNone, route.detail, route.expires);
  } else {
    finding.Finish(is_unknown   ? RouteFault::kTemporary
                   : is_special ? RouteFault::kForbidden
                                : RouteFault::kNoAddress,
                   std::move(detail), expires);
  }
}

void CachingMxRouter::Addresses(std::string_view host, AddressFn done) {
  LookUp(host, options_.allow_special, std::move(done));
}

void CachingMxRouter::ConfiguredAddresses(std::string_view host, AddressFn done) {
  LookUp(host, true, std::move(done));
}

void CachingMxRouter::LookUp(std::string_view host, bool may_be_special, AddressFn done) {
  const auto literal = ParseAddressLiteral(host);
  const auto address = literal ? literal : IpAddress::Parse(host);
  HostAddresses out;
  out.expires = clock_.Now() + kFixedLifetime;
  if (address) {
    out.addresses.push_back(*address);
    out.detail = "address literal";
    done(out);
    return;
  }
  const auto name = NormalizeDomain(host);
  if (!name) {
    out.fault = RouteFault::kNoAddress;
    out.detail = name.error().what;
    done(out);
    return;
  }
  Collect(*name, [this, may_be_special, done = std::move(done)](const Collected& collected) {
    done(Filter(collected, may_be_special));
  });
}

void CachingMxRouter::Collect(std::string_view host, CollectedFn done) {
  struct Pending {
    Collected collected;
    CollectedFn done;
  };
  auto pending = std::make_shared<Pending>();
  pending->done = std::move(done);
  pending->collected.waiting = options_.ipv6 ? 2 : 1;
  const auto ask = [&](RecordType type) {
    resolver_.Ask(host, type, [this, pending, type](const Answer& answer) {
      AddAnswer(pending->collected, type, answer);
      if (--pending->collected.waiting == 0) pending->done(pending->collected);
    });
  };
  const bool both = options_.ipv6;  // a callback may change the options
  ask(RecordType::kA);
  if (both) ask(RecordType::kAaaa);
}

void CachingMxRouter::AddAnswer(Collected& collected, RecordType type, const Answer& answer) const {
  collected.expires = std::min(collected.expires, answer.expires);
  const bool is_failure = answer.kind == AnswerKind::kFailure;
  if (collected.detail.empty() || (is_failure && !collected.unknown))
    collected.detail = answer.detail;
  collected.unknown = collected.unknown || is_failure;
  collected.stale = collected.stale || answer.stale;
  std::vector<IpAddress>& out = type == RecordType::kA ? collected.v4 : collected.v6;
  for (const Record& record : answer.records) {
    if (out.size() == kAddressesMax) break;
    // An IPv4-mapped AAAA is no address of IPv6, only a way around our filters.
    if (record.address.is_v4() != (type == RecordType::kA)) continue;
    if (std::find(out.begin(), out.end(), record.address) == out.end())
      out.push_back(record.address);
  }
}

HostAddresses CachingMxRouter::Filter(const Collected& collected, bool may_be_special) {
  HostAddresses out;
  out.detail = collected.detail;
  out.expires = collected.expires;
  bool is_special = false;
  for (const std::vector<IpAddress>* family : {&collected.v6, &collected.v4}) {
    std::vector<IpAddress> usable;
    for (const IpAddress& address : *family) {
      if (address.IsUnspecified()) continue;
      if (may_be_special || !address.IsSpecial()) {
        usable.push_back(address);
      } else {
        is_special = true;
      }
    }
    random_.Shuffle(usable);
    out.addresses.insert(out.addresses.end(), usable.begin(), usable.end());
  }
  if (!out.addresses.empty()) return out;
  // Of a host that is the route's alone, an old answer is not enough for a permanent fault.
  if (collected.unknown || collected.stale) {
    out.fault = RouteFault::kTemporary;
  } else if (is_special) {
    out.fault = RouteFault::kForbidden;
    out.detail += ", but only private or reserved addresses";
  } else {
    out.fault = RouteFault::kNoAddress;
  }
  return out;
}

bool CachingMxRouter::IsOurs(const Collected& collected) const {
  for (const std::vector<IpAddress>* family : {&collected.v4, &collected.v6}) {
    for (const IpAddress& address : *family) {
      // Loopback is everybody's own; where it is allowed at all (tests), it is the sink beside us.
      if (address.IsLoopback()) continue;
      const auto& own = options_.own_addresses;
      if (std::find(own.begin(), own.end(), address) != own.end()) return true;
    }
  }
  return false;
}

bool CachingMxRouter::IsAllowed(const IpAddress& address) const {
  return !address.IsUnspecified() && (options_.allow_special || !address.IsSpecial());
}

std::unique_ptr<MxRouter> MakeMxRouter(const RouterOptions& options, DnsTransport& transport,
                                       const Clock& clock, Random& random) {
  return std::make_unique<CachingMxRouter>(options, transport, clock, random);
}

}  // namespace sluice::dns
