// engine/domains/domain_check.h — compares what DNS says with what a plan needs, record by record.
//
// PURPOSE   The findings behind `sluice domain check` and behind the state that the engine keeps.
//           CheckDomain looks at what belongs to the domain, CheckHost at what this machine's
//           sources need. One fault in DNS gives one finding: the record that must be mended.
// FLOW      Studies in the sense of dns/inquiry.h: none means that facts are missing.
// TESTS     tests/engine/domain_check_test.cc, tests/integration/domain_test.py

#ifndef SLUICE_ENGINE_DOMAINS_DOMAIN_CHECK_H_
#define SLUICE_ENGINE_DOMAINS_DOMAIN_CHECK_H_

#include <optional>

#include "dns/inquiry.h"
#include "engine/domains/domain_plan.h"
#include "engine/domains/finding.h"

namespace sluice::engine {

std::optional<Findings> CheckDomain(dns::Facts& facts, const DomainPlan& domain,
                                    const HostPlan& host);
std::optional<Findings> CheckHost(dns::Facts& facts, const HostPlan& host);

}  // namespace sluice::engine

#endif  // SLUICE_ENGINE_DOMAINS_DOMAIN_CHECK_H_
