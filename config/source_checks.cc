#include "config/source_checks.h"

#include <algorithm>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/check_tools.h"
#include "config/checks.h"
#include "config/syntax.h"
#include "config/units.h"
#include "config/warmup_plan.h"
#include "engine/base/text.h"

namespace sluice::config {
namespace {

class SourceChecker : private CheckTools {
 public:
  using CheckTools::CheckTools;

  void Run() {
    Sources();
    Pools();
    Assignments();
  }

 private:
  void Sources() {
    Unique("source", "name", config_.sources, &Source::name);
    const auto local = surroundings_.LocalAddresses();
    for (size_t i = 0; i < config_.sources.size(); ++i) {
      const Source& source = config_.sources[i];
      Proxy(i, source);
      Warmup(i, source);
      if (!source.address) continue;
      const bool elsewhere = local && std::ranges::find(*local, *source.address) == local->end();
      if (elsewhere && !source.address->IsLoopback() && !source.proxy)
        Fail("source", i, "address",
             Quote(source.address->ToString()) +
                 " is not an address of this machine: give it to an interface, or set proxy when "
                 "it lives on another box");
      const IpAddress& seen = source.public_address.value_or(*source.address);
      if (seen.IsSpecial() && !StaysPrivate(config_))
        Fail("source", i, source.public_address ? "public_address" : "address",
             Quote(seen.ToString()) +
                 " is no public address, so no receiver can see it: set public_address to what "
                 "they see");
    }
  }

  void Warmup(size_t i, const Source& source) {
    const auto plan = [&](std::string_view key, const std::string& text) {
      if (text == kWarmupByProvider) return;
      if (const auto read = ParseWarmupPlan(text); !read) Fail("source", i, key, read.error());
    };
    if (Written("source", i, "warmup")) plan("warmup", source.warmup);
    std::set<std::string_view> providers;
    for (const WarmupFor& one : source.warmup_for) {
      plan("warmup_for", one.plan);
      if (!providers.insert(one.provider).second)
        Fail("source", i, "warmup_for", Quote(one.provider) + " is in it twice");
    }
    if (Written("source", i, "warmup_start") && !ParseDate(source.warmup_start))
      Fail("source", i, "warmup_start",
           Quote(source.warmup_start) + " is no date: write \"2026-12-01\"");
    if (Written("source", i, "warmup") || Written("source", i, "warmup_for")) return;
    for (const std::string_view key :
         {"warmup_start", "warmup_overflow", "warmup_max_deferred", "warmup_max_bounced"})
      if (Written("source", i, key))
        Fail("source", i, key, "has nothing to act on: set warmup to a plan");
  }

  void Proxy(size_t i, const Source& source) {
    const bool socks = source.proxy_kind == Source::ProxyKind::kSocks5;
    const auto without = [&](std::string_view key, std::string what) {
      if (Written("source", i, key)) Fail("source", i, key, std::move(what));
    };
    if (!Written("source", i, "proxy")) {
      for (const std::string_view key : {"proxy_kind", "proxy_user", "proxy_password"})
        without(key, "has nothing to act on: set proxy to ADDRESS:PORT of the proxy");
      return;
    }
    if (source.proxy && source.proxy->port == 0)
      Fail("source", i, "proxy", "port 0 is none that a proxy can listen on");
    if (!Written("source", i, "address"))
      Fail("source", i, "proxy",
           "needs address: the one on the other box that connections are made from there");
    if (!socks) {
      for (const std::string_view key : {"proxy_user", "proxy_password"})
        without(key, "is for SOCKS5: the PROXY protocol has no login");
      return;
    }
    const bool user = Written("source", i, "proxy_user");
    const bool password = Written("source", i, "proxy_password");
    if (user && !password) Fail("source", i, "proxy_user", "needs proxy_password");
    if (password && !user) Fail("source", i, "proxy_password", "needs proxy_user");
    if (password && !source.proxy_password_file.empty())
      SecretFile("source", i, "proxy_password", source.proxy_password_file);
  }

  void Pools() {
    if (root_.Find("pool") == nullptr) return;
    Unique("pool", "name", config_.pools, &Pool::name);
    std::vector<std::string_view> names;
    for (const Source& source : config_.sources) names.push_back(source.name);
    std::set<std::string_view> used;
    for (size_t i = 0; i < config_.pools.size(); ++i) {
      std::set<std::string_view> members;
      for (const PoolMember& member : config_.pools[i].members) {
        if (member.source.empty()) continue;  // told already
        used.insert(member.source);
        if (!members.insert(member.source).second)
          Fail("pool", i, "sources", Quote(member.source) + " is in it twice");
        if (std::ranges::find(names, member.source) != names.end()) continue;
        const std::string_view near = Nearest(member.source, names);
        Fail("pool", i, "sources",
             "there is no [[source]] named " + Quote(member.source) +
                 (near.empty() ? "" : "; did you mean " + Quote(near) + "?"));
      }
    }
    for (const Tenant& tenant : config_.tenants) used.insert(tenant.pool);
    for (const Campaign& campaign : config_.campaigns) used.insert(campaign.pool);
    const bool any_by_header = std::ranges::any_of(config_.users, &User::pool_header);
    for (size_t i = 0; i < config_.sources.size() && !any_by_header; ++i)
      if (!used.contains(config_.sources[i].name) && Written("source", i, "name"))
        Warn("source", i, "name", "is in no pool, so nothing is sent from it");
  }

  // A source of the same name is meant only where there is no such pool.
  void Assignments() {
    std::vector<std::string_view> names;
    for (const Pool& pool : config_.pools) names.push_back(pool.name);
    for (const Source& source : config_.sources) names.push_back(source.name);
    const auto check = [&](std::string_view section, size_t i, const std::string& pool) {
      if (pool.empty() || std::ranges::find(names, pool) != names.end()) return;
      const std::string_view near = Nearest(pool, names);
      Fail(section, i, "pool",
           "there is no [[pool]] or [[source]] named " + Quote(pool) +
               (near.empty() ? "" : "; did you mean " + Quote(near) + "?"));
    };
    for (size_t i = 0; i < config_.tenants.size(); ++i) check("tenant", i, config_.tenants[i].pool);
    std::set<std::pair<std::string_view, std::string_view>> seen;
    for (size_t i = 0; i < config_.campaigns.size(); ++i) {
      const Campaign& campaign = config_.campaigns[i];
      check("campaign", i, campaign.pool);
      if (!seen.insert({campaign.tenant, campaign.name}).second)
        Fail("campaign", i, "name", Quote(campaign.name) + " of this tenant is there already");
    }
  }
};

}  // namespace

void CheckSources(Reader& reader, const Value& root, const Surroundings& surroundings,
                  const Config& config) {
  SourceChecker(reader, root, surroundings, config).Run();
}

}  // namespace sluice::config
