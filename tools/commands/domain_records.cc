#include "tools/commands/domain_records.h"

#include <algorithm>
#include <cstdio>
#include <utility>
#include <vector>

#include "config/parser.h"
#include "config/surroundings.h"
#include "config/units.h"
#include "engine/base/text.h"
#include "engine/domains/domain_plan.h"
#include "engine/signing/key_store.h"
#include "tools/commands/domain_views.h"

namespace sluice::tools {

std::string ConfigFile(const EngineAddress& address) {
  return address.config.empty() ? kDefaultConfig : address.config;
}

std::optional<config::Config> LoadOrComplain(const std::string& file) {
  engine::KeyStore keys;
  auto loaded = config::LoadConfig(file, engine::SigningSurroundings(keys));
  if (loaded) return std::move(loaded->config);
  std::fputs(config::FormatProblems(loaded.error()).c_str(), stderr);
  return std::nullopt;
}

const config::Domain* FindDomain(const config::Config& config, const std::string& name) {
  std::string wanted = Lower(name);
  if (wanted.ends_with('.')) wanted.pop_back();
  std::vector<std::string_view> names;
  for (const config::Domain& domain : config.domains) {
    if (domain.name == wanted) return &domain;
    names.push_back(domain.name);
  }
  const std::string_view near = config::Nearest(wanted, names);
  Complain("there is no [[domain]] named \"" + name + "\"" +
           (near.empty() ? ": `sluice domain add " + name + "` adds one"
                         : "; did you mean \"" + std::string(near) + "\"?"));
  return nullptr;
}

int PrintRecords(const config::Config& config, const std::string& name,
                 const RecordFormat& format) {
  const config::Domain* domain = FindDomain(config, name);
  if (domain == nullptr) return 1;
  const auto host = engine::PlanHost(config, config::SystemSurroundings());
  const auto plan = engine::PlanDomain(config, *domain, host);
  if (!plan) {
    Complain(plan.error().what);
    return 2;
  }
  const std::string out = format.json    ? RecordsJson(*plan, host)
                          : format.zone  ? RecordsZone(*plan, host)
                          : format.steps ? RecordsSteps(*plan, host)
                                         : RecordsTable(*plan, host);
  return Print(out) ? 0 : 1;
}

int ShowDomainRecords(const DomainOptions& options) {
  const auto config = LoadOrComplain(ConfigFile(options.engine));
  if (!config) return 2;
  return PrintRecords(*config, options.domain, options.format);
}

}  // namespace sluice::tools
