#include "engine/submission/domain_gate.h"

#include <utility>

namespace sluice::engine {

DomainGate::Admission DomainGate::Admit(const ShardContext& context, std::string_view from_domain) {
  if (!context.domains || from_domain.empty()) return {};
  Ruling ruling = RuleOn(*context.domains, context.config->domain_rules.unverified, from_domain,
                         context.clock.Wall());
  if (ruling.act == Ruling::Act::kAccept) return {};
  if (ruling.act == Ruling::Act::kRefuse) return {{451, "4.7.0", std::move(ruling.text)}, {}};
  const Instant now = context.clock.Now();
  const auto [told, is_first] = told_.try_emplace(ruling.domain, now);
  if (!is_first && now < told->second + kWarnEvery) return {};
  told->second = now;
  if (told_.size() > kDomainsMax)
    std::erase_if(told_, [&](const auto& entry) { return entry.second + kWarnEvery <= now; });
  if (told_.size() > kDomainsMax) told_.clear();
  return {{}, ruling.text + "; its mail goes out all the same ([domains] unverified)"};
}

}  // namespace sluice::engine
