// What the configuration leaves open and the engine must know: sources, pools, tenants, uids.

#include <algorithm>
#include <charconv>
#include <optional>
#include <string>

#include "config/checks.h"

namespace sluice::config {
namespace {

// A number is taken as it is.
std::optional<uint32_t> UidOf(const std::string& name, const Surroundings& surroundings) {
  uint32_t uid = 0;
  const char* end = name.data() + name.size();
  const auto [stop, error] = std::from_chars(name.data(), end, uid);
  if (error == std::errc() && stop == end) return uid;
  return surroundings.UidOf(name);
}

}  // namespace

void FillDefaults(Config& config, const Surroundings& surroundings) {
  if (config.sources.empty()) config.sources.push_back({"default", {}, {}, {}});
  for (Source& source : config.sources)
    if (source.ehlo.empty()) source.ehlo = config.hostname;
  if (config.pools.empty()) {
    Pool& pool = config.pools.emplace_back();
    pool.name = "default";
    for (const Source& source : config.sources) pool.members.push_back({source.name, 1});
  }
  // Mail without an assignment uses the pool `default`, or the first: put it in front.
  const auto first = std::ranges::find(config.pools, "default", &Pool::name);
  if (first != config.pools.end()) std::rotate(config.pools.begin(), first, first + 1);
  for (User& user : config.users) {
    if (user.tenant.empty()) user.tenant = user.name;
    for (LocalUser& local : user.local_users) local.uid = UidOf(local.name, surroundings);
  }
  for (Domain& domain : config.domains)
    if (domain.tenant.empty()) domain.tenant = "default";
  if (config.tls_report.from.empty()) config.tls_report.from = "tls-reports@" + config.hostname;
}

}  // namespace sluice::config
