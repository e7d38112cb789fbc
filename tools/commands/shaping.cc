#include "tools/commands/shaping.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "config/shaping.h"
#include "config/surroundings.h"
#include "config/units.h"
#include "dns/cares_transport.h"
#include "dns/mx_router.h"
#include "engine/base/random.h"
#include "engine/base/text.h"
#include "engine/base/timer_queue.h"
#include "engine/io/uv_loop.h"
#include "engine/shard/route_table.h"
#include "tools/commands/domain_records.h"
#include "tools/commands/shaping_view.h"

namespace sluice::tools {
namespace {

constexpr Duration kLookUpWithin = std::chrono::seconds(30);

// The MX hosts by DNS. None: complained.
std::optional<std::vector<std::string>> AskDns(const config::Config& config,
                                               const std::string& domain) {
  io::UvLoop loop;
  const auto transport = dns::MakeCaresTransport({.servers = config.dns.servers}, loop.watcher(),
                                                 loop.timers(), loop.clock());
  if (!transport) {
    Complain(transport.error().what);
    return std::nullopt;
  }
  Random random(0);  // the order of the hosts is of no matter here
  dns::CachingMxRouter router({.hostname = config.hostname,
                               .own_addresses = {},
                               .allow_special = config.dns.allow_special,
                               .port = config.dns.port},
                              **transport, loop.clock(), random);
  std::optional<dns::MxRoute> route;
  Timer bound(loop.timers(), [&loop] { loop.Stop(); });
  bound.Set(loop.clock().Now() + kLookUpWithin);
  router.Find(domain, [&](const dns::MxRoute& found) {
    route = found;
    loop.Stop();
  });
  if (!route) loop.Run();
  bound.Cancel();
  if (!route || route->fault != dns::RouteFault::kNone) {
    Complain("the MX hosts of " + domain + " are not known" +
             (route ? ": " + route->detail : ": the DNS servers did not answer in time") +
             "; give one by --mx HOST");
    return std::nullopt;
  }
  std::vector<std::string> hosts;
  for (const dns::MxHost& host : route->hosts) hosts.push_back(host.name);
  return hosts;
}

std::optional<std::vector<std::string>> HostsOf(const config::Config& config,
                                                const ShapingOptions& options,
                                                const std::string& domain) {
  std::vector<std::string> hosts;
  for (const std::string& host : options.hosts) {
    hosts.push_back(Lower(host));
    if (hosts.back().ends_with('.')) hosts.back().pop_back();
  }
  if (!hosts.empty()) return hosts;
  const config::Route* route = engine::FindRoute(config.routes, domain);
  if (route == nullptr || route->hosts.empty()) return AskDns(config, domain);
  for (const config::RouteHost& host : route->hosts) hosts.push_back(host.host);
  return hosts;
}

// False: complained.
bool KnowsSource(const config::Config& config, const std::string& name) {
  if (name.empty()) return true;
  std::vector<std::string_view> names;
  for (const config::Source& source : config.sources) names.push_back(source.name);
  if (std::ranges::find(names, name) != names.end()) return true;
  const std::string_view near = config::Nearest(name, names);
  Complain("there is no [[source]] named \"" + name + "\"" +
           (near.empty() ? "" : "; did you mean \"" + std::string(near) + "\"?"));
  return false;
}

}  // namespace

int ShowShaping(const ShapingOptions& options) {
  const auto config = LoadOrComplain(ConfigFile(options.engine));
  if (!config || !KnowsSource(*config, options.source)) return 2;
  std::string domain = Lower(options.domain);
  if (domain.ends_with('.')) domain.pop_back();
  const auto hosts = HostsOf(*config, options, domain);
  if (!hosts) return 1;
  const ShapingView view = ViewShaping(*config, domain, *hosts, options.source,
                                       BaseLines(*config, config::SystemSurroundings()));
  return Print(options.json ? ShapingJson(view) : ShapingText(view)) ? 0 : 1;
}

}  // namespace sluice::tools
