// engine/submission/domain_gate.h — may mail From this domain go out, as far as its DNS records are
// concerned?
//
// PURPOSE   [domains] unverified: "refuse" answers 451 4.7.0, "warn" lets the mail go and tells the
//           operator, one alert a domain in kWarnEvery. Retired domains are refused either way.
// LIMITS    kDomainsMax domains are remembered as told; beyond it the oldest are told again.
// THREADS   Confined to its shard.

#ifndef SLUICE_ENGINE_SUBMISSION_DOMAIN_GATE_H_
#define SLUICE_ENGINE_SUBMISSION_DOMAIN_GATE_H_

#include <cstddef>
#include <map>
#include <string>
#include <string_view>

#include "engine/base/time.h"
#include "engine/shard/context.h"
#include "smtp/answer.h"

namespace sluice::engine {

class DomainGate {
 public:
  static constexpr Duration kWarnEvery = std::chrono::hours(1);
  static constexpr size_t kDomainsMax = 10'000;

  struct Admission {
    smtp::Answer refusal;  // empty: it may go
    std::string warning;   // for an alert; empty: nothing, or told lately
  };
  Admission Admit(const ShardContext& context, std::string_view from_domain);

 private:
  std::map<std::string, Instant> told_;
};

}  // namespace sluice::engine

#endif  // SLUICE_ENGINE_SUBMISSION_DOMAIN_GATE_H_
