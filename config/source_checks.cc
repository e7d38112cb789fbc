#include "config/source_checks.h"

#include <algorithm>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "config/check_tools.h"
#include "config/checks.h"
#include "config/syntax.h"
#include "config/units.h"
#include "engine/base/text.h"

namespace sluice::config {
namespace {

class SourceChecker : private CheckTools {
 public:
  using CheckTools::CheckTools;

  void Run() {
    Sources();
    Pools();
  }

 private:
  void Sources() {
    Unique("source", "name", config_.sources, &Source::name);
    const auto local = surroundings_.LocalAddresses();
    for (size_t i = 0; i < config_.sources.size(); ++i) {
      const Source& source = config_.sources[i];
      Proxy(i, source);
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
    // The pool of all mail was put in front (FillDefaults), so places here are not the file's.
    for (size_t i = 1; i < config_.pools.size(); ++i)
      reader_.Warn(root_.Find("pool")->value.at, "pool",
                   Quote(config_.pools[i].name) +
                       " is not used in this version: all mail goes by " +
                       Quote(config_.pools.front().name));
    for (size_t i = 0; i < config_.sources.size(); ++i)
      if (!used.contains(config_.sources[i].name) && Written("source", i, "name"))
        Warn("source", i, "name", "is in no pool, so nothing is sent from it");
  }
};

}  // namespace

void CheckSources(Reader& reader, const Value& root, const Surroundings& surroundings,
                  const Config& config) {
  SourceChecker(reader, root, surroundings, config).Run();
}

}  // namespace sluice::config
