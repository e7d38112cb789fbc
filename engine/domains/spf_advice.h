// engine/domains/spf_advice.h — does a name's SPF record allow our sources, and how would it?
//
// PURPOSE   The receivers' verdict for each source (dns/spf.h), and where it is not "pass" the
//           whole record to publish instead: what is there already, with our addresses put in.
// TESTS     tests/engine/domain_check_test.cc

#ifndef SLUICE_ENGINE_DOMAINS_SPF_ADVICE_H_
#define SLUICE_ENGINE_DOMAINS_SPF_ADVICE_H_

#include <optional>
#include <string>
#include <vector>

#include "dns/inquiry.h"
#include "engine/domains/domain_plan.h"
#include "engine/domains/finding.h"

namespace sluice::engine {

// `wanted` is the record we would publish where there is none. None: facts are missing.
std::optional<Finding> CheckSpfRecord(dns::Facts& facts, Role role, const std::string& name,
                                      const std::vector<UsedSource>& sources,
                                      const std::string& wanted);

// The terms of all records, each once, behind those of the sources that are not among them; the
// first record's "all" or "redirect=" ends it.
std::string MergeSpf(const std::vector<std::string>& records,
                     const std::vector<UsedSource>& sources);

}  // namespace sluice::engine

#endif  // SLUICE_ENGINE_DOMAINS_SPF_ADVICE_H_
