#include "engine/shard/route_table.h"

namespace sluice::engine {

const config::Route* FindRoute(const std::vector<config::Route>& routes, std::string_view domain) {
  const config::Route* best = nullptr;
  size_t best_length = 0;
  for (const config::Route& route : routes) {
    const std::string_view match = route.match;
    size_t length = 0;  // of "*"
    if (match == domain) return &route;
    if (match.starts_with("*.")) {
      // "*.example.com" matches what ends in ".example.com".
      if (!domain.ends_with(match.substr(1))) continue;
      length = match.size();
    } else if (match != "*") {
      continue;
    }
    if (best == nullptr || length > best_length) {
      best = &route;
      best_length = length;
    }
  }
  return best;
}

ConfiguredRoute ToConfiguredRoute(const config::Route& route) {
  ConfiguredRoute out;
  for (const config::RouteHost& host : route.hosts) {
    if (!out.site.empty()) out.site += ",";
    out.site += host.host + ":" + std::to_string(host.port);
    // Each host is a preference of its own: they are tried in the order written.
    out.hosts.push_back({host.host, uint16_t(out.hosts.size()), host.port});
  }
  return out;
}

}  // namespace sluice::engine
