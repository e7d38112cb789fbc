#include "tools/commands/domain_check.h"

#include <functional>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "config/surroundings.h"
#include "dns/cares_transport.h"
#include "dns/inquiry.h"
#include "dns/resolver.h"
#include "engine/base/timer_queue.h"
#include "engine/domains/domain_check.h"
#include "engine/io/uv_loop.h"
#include "tools/commands/domain_records.h"
#include "tools/commands/domain_views.h"

namespace sluice::tools {
namespace {

constexpr uint32_t kCacheEntries = 50'000;
// Dead servers take 10 s a question; a chain of them must not take the operator's night.
constexpr Duration kCheckWithin = std::chrono::minutes(2);

// Runs a study against the configured servers. False, with a complaint, when it came to no end.
bool LookUp(const config::Config& config, const dns::Inquiry::StudyFn& study) {
  io::UvLoop loop;
  const auto transport = dns::MakeCaresTransport({.servers = config.dns.servers}, loop.watcher(),
                                                 loop.timers(), loop.clock());
  if (!transport) {
    Complain(transport.error().what);
    return false;
  }
  dns::Resolver resolver(**transport, loop.clock(), kCacheEntries);
  dns::Inquiry inquiry(resolver);
  bool ended = false;
  Timer bound(loop.timers(), [&loop] { loop.Stop(); });
  bound.Set(loop.clock().Now() + kCheckWithin);
  inquiry.Start(study, [&](dns::Facts&) {
    ended = true;
    loop.Stop();
  });
  loop.Run();
  bound.Cancel();
  if (!ended)
    Complain("the DNS servers did not answer in time: look at [dns] servers, and whether they run");
  return ended;
}

// The plans of the domains asked for. None: complained.
std::optional<std::vector<engine::DomainPlan>> Plans(const config::Config& config,
                                                     const std::string& name,
                                                     const engine::HostPlan& host) {
  std::vector<const config::Domain*> domains;
  if (!name.empty()) {
    domains.push_back(FindDomain(config, name));
    if (domains.back() == nullptr) return std::nullopt;
  } else {
    for (const config::Domain& domain : config.domains)
      if (!domain.retired) domains.push_back(&domain);
  }
  std::vector<engine::DomainPlan> plans;
  for (const config::Domain* domain : domains) {
    auto plan = engine::PlanDomain(config, *domain, host);
    if (!plan) {
      Complain(plan.error().what);
      return std::nullopt;
    }
    plans.push_back(*std::move(plan));
  }
  return plans;
}

}  // namespace

int CheckDomains(const DomainOptions& options) {
  const auto config = LoadOrComplain(ConfigFile(options.engine));
  if (!config) return 2;
  const auto host = engine::PlanHost(*config, config::SystemSurroundings());
  const auto plans = Plans(*config, options.domain, host);
  if (!plans) return 1;
  if (plans->empty()) {
    Complain("there is no [[domain]] to check: `sluice domain add DOMAIN` adds one");
    return 1;
  }
  std::vector<std::optional<engine::Findings>> found(plans->size());
  std::optional<engine::Findings> found_host;
  const bool ended = LookUp(*config, [&](dns::Facts& facts) {
    for (size_t i = 0; i < plans->size(); ++i)
      if (!found[i]) found[i] = engine::CheckDomain(facts, (*plans)[i], host);
    if (!found_host) found_host = engine::CheckHost(facts, host);
  });
  if (!ended) return 1;
  CheckReport report;
  report.hostname = host.hostname;
  report.host = *std::move(found_host);
  for (size_t i = 0; i < plans->size(); ++i)
    report.domains.push_back({(*plans)[i].domain, (*plans)[i].tenant, *std::move(found[i])});
  const bool printed = Print(options.format.json ? CheckJson(report) : CheckText(report));
  return printed && report.good() ? 0 : 1;
}

int ListDomains(const DomainOptions& options) {
  const auto response = CallEngine(options.engine, R"({"command":"domain_list"})");
  if (!response) return response.error();
  return Print(options.format.json ? MemberJson(response->json, "domains") + "\n"
                                   : RenderDomains(response->json))
             ? 0
             : 1;
}

}  // namespace sluice::tools
