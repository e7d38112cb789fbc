// tools/commands/domain_views.h — records and findings of sending domains, drawn for people and
// programs.
//
// PURPOSE   Pure functions. Records are grouped by who can publish them: each DNS zone, and the
//           owner of the addresses for reverse names.
// TESTS     tests/tools/domain_views_test.cc

#ifndef SLUICE_TOOLS_COMMANDS_DOMAIN_VIEWS_H_
#define SLUICE_TOOLS_COMMANDS_DOMAIN_VIEWS_H_

#include <string>
#include <string_view>
#include <vector>

#include "engine/domains/domain_plan.h"
#include "engine/domains/finding.h"

namespace sluice::tools {

// Of what we propose. An hour: a mistake is mended soon.
inline constexpr int kRecordTtl = 3600;

std::string RecordsTable(const engine::DomainPlan& domain, const engine::HostPlan& host);
std::string RecordsZone(const engine::DomainPlan& domain, const engine::HostPlan& host);
std::string RecordsSteps(const engine::DomainPlan& domain, const engine::HostPlan& host);
std::string RecordsJson(const engine::DomainPlan& domain, const engine::HostPlan& host);

// "a" "b": a TXT value as strings of at most 255 octets, quotes and backslashes escaped.
std::string ZoneStrings(std::string_view value);

struct CheckedDomain {
  std::string domain;
  std::string tenant;
  engine::Findings findings;
};
struct CheckReport {
  std::vector<CheckedDomain> domains;
  std::string hostname;
  engine::Findings host;
  bool good() const;
};
std::string CheckText(const CheckReport& report);
std::string CheckJson(const CheckReport& report);

// The engine's answer to "domain_list".
std::string RenderDomains(const std::string& json);

}  // namespace sluice::tools

#endif  // SLUICE_TOOLS_COMMANDS_DOMAIN_VIEWS_H_
