// engine/shard/route_table.h — the configured routes that stand in for MX lookup.

#ifndef SLUICE_ENGINE_SHARD_ROUTE_TABLE_H_
#define SLUICE_ENGINE_SHARD_ROUTE_TABLE_H_

#include <string_view>
#include <vector>

#include "config/config.h"
#include "dns/route.h"

namespace sluice::engine {

// A route's site and its hosts in the order written.
struct ConfiguredRoute {
  std::string site;
  std::vector<dns::MxHost> hosts;
};

// The most specific match: the domain itself, then the longest *.suffix, then *. None: use MX.
// `domain` is lower case.
const config::Route* FindRoute(const std::vector<config::Route>& routes, std::string_view domain);

// The site is named after the hosts, so that routes to the same hosts are one site.
ConfiguredRoute ToConfiguredRoute(const config::Route& route);

}  // namespace sluice::engine

#endif  // SLUICE_ENGINE_SHARD_ROUTE_TABLE_H_
