#include "tools/commands/domain_check.h"

#include <algorithm>
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
#include "engine/domains/reach.h"
#include "engine/io/uv_loop.h"
#include "tools/base/json_text.h"
#include "tools/commands/control_client.h"
#include "tools/commands/domain_records.h"
#include "tools/commands/domain_views.h"

namespace sluice::tools {
namespace {

constexpr uint32_t kCacheEntries = 50'000;
// Dead servers take 10 s a question; a chain of them must not take the operator's night.
constexpr Duration kCheckWithin = std::chrono::minutes(2);

// What DNS says, and then who answers where returned mail goes.
struct LookedUp {
  std::vector<std::optional<engine::Findings>> domains;
  std::optional<engine::Findings> host;
  std::vector<std::optional<std::vector<engine::ReachTarget>>> targets;  // of each domain
};

class Look {
 public:
  Look(const config::Config& config, const std::vector<engine::DomainPlan>& plans,
       const engine::HostPlan& host)
      : config_(config), plans_(plans), host_(host) {
    found_.domains.resize(plans.size());
    found_.targets.resize(plans.size());
  }

  // None, with a complaint: it came to no end.
  std::optional<LookedUp> Run() {
    const auto transport = dns::MakeCaresTransport({.servers = config_.dns.servers},
                                                   loop_.watcher(), loop_.timers(), loop_.clock());
    if (!transport) {
      Complain(transport.error().what);
      return std::nullopt;
    }
    if (!AskDns(**transport)) {
      Complain(
          "the DNS servers did not answer in time: look at [dns] servers, and whether they run");
      return std::nullopt;
    }
    for (size_t i = 0; i < plans_.size(); ++i)
      if (!found_.targets[i]->empty()) Connect(i);
    return std::move(found_);
  }

 private:
  // False: not in time.
  bool AskDns(dns::DnsTransport& transport) {
    dns::Resolver resolver(transport, loop_.clock(), kCacheEntries);
    dns::Inquiry inquiry(resolver);
    bool ended = false;
    Timer bound(loop_.timers(), [this] { loop_.Stop(); });
    bound.Set(loop_.clock().Now() + kCheckWithin);
    inquiry.Start([this](dns::Facts& facts) { Study(facts); },
                  [&](dns::Facts&) {
                    ended = true;
                    loop_.Stop();
                  });
    loop_.Run();
    return ended;
  }

  void Study(dns::Facts& facts) {
    for (size_t i = 0; i < plans_.size(); ++i) {
      if (!found_.domains[i]) found_.domains[i] = engine::CheckDomain(facts, plans_[i], host_);
      if (!found_.targets[i]) found_.targets[i] = engine::ReachTargets(facts, plans_[i], host_);
    }
    if (!found_.host) found_.host = engine::CheckHost(facts, host_);
  }

  // Most domains lead to the same addresses: those are asked once.
  void Connect(size_t i) {
    const std::vector<engine::ReachTarget>& targets = *found_.targets[i];
    auto known = std::ranges::find(asked_, targets, &Asked::first);
    if (known == asked_.end()) {
      known = asked_.insert(asked_.end(), Asked(targets, {}));
      engine::ReachProbe probe(loop_.net(), loop_.timers(), loop_.clock());
      probe.Start(targets, [&](std::vector<engine::ReachAnswer> answers) {
        known->second = std::move(answers);
        loop_.Stop();
      });
      loop_.Run();
    }
    found_.domains[i]->push_back(
        engine::JudgeReach(plans_[i], host_, config::SystemSurroundings(), targets, known->second));
  }

  const config::Config& config_;
  const std::vector<engine::DomainPlan>& plans_;
  const engine::HostPlan& host_;
  io::UvLoop loop_;
  LookedUp found_;
  using Asked = std::pair<std::vector<engine::ReachTarget>, std::vector<engine::ReachAnswer>>;
  std::vector<Asked> asked_;
};

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

// What the running engine, should there be one, knows of these domains may be old: it looks again.
void TellEngine(const DomainOptions& options, const std::vector<engine::DomainPlan>& plans) {
  constexpr Duration kTellWithin = std::chrono::seconds(5);
  std::string request = R"({"command":"domain_check","domains":[)";
  for (size_t i = 0; i < plans.size(); ++i) {
    if (i > 0) request += ',';
    AppendJsonString(request, plans[i].domain);
  }
  const auto engine = FindEngine(options.engine);
  if (!engine) return;
  auto line = AskEngine(engine->socket, request + "]}", kTellWithin);
  if (!line) return;  // none runs, or it is somebody else's
  const auto response = ReadResponse(*std::move(line));
  if (!response || !response->ok || options.format.json) return;
  const std::string unwatched = MemberNames(response->json, "unwatched");
  Print(unwatched.empty() ? "\nThe running engine looks at this again now: `sluice domain list`.\n"
                          : "\nThe running engine does not look at " + unwatched +
                                ": after changes of the configuration, `sluice reload`.\n");
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
  auto found = Look(*config, *plans, host).Run();
  if (!found) return 1;
  CheckReport report;
  report.hostname = host.hostname;
  report.host = *std::move(found->host);
  for (size_t i = 0; i < plans->size(); ++i)
    report.domains.push_back(
        {(*plans)[i].domain, (*plans)[i].tenant, *std::move(found->domains[i])});
  const bool printed = Print(options.format.json ? CheckJson(report) : CheckText(report));
  TellEngine(options, *plans);
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
