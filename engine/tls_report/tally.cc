#include "engine/tls_report/tally.h"

#include <utility>

namespace sluice::engine {

uint64_t PolicyTally::bad() const {
  uint64_t sum = 0;
  for (const auto& [failure, times] : failures) sum += times;
  return sum;
}

void DayTally::Add(TlsSession session, uint64_t times) {
  const bool known = domains.contains(session.domain);
  if (!known && domains.size() >= kDomainsMax) {
    left_out += times;
    return;
  }
  TlsPolicyTold& policy = session.policy;
  if (policy.text.size() > kLinesMax) policy.text.resize(kLinesMax);
  if (policy.mx.size() > kLinesMax) policy.mx.resize(kLinesMax);
  DomainTally& domain = domains[session.domain];
  if (!domain.contains(policy) && domain.size() >= kPoliciesMax) {
    left_out += times;
    return;
  }
  PolicyTally& tally = domain[std::move(policy)];
  TlsFailureTold& failure = session.failure;
  if (failure.result == TlsResult::kGood) {
    tally.good += times;
    return;
  }
  if (failure.reason.size() > kReasonMax) failure.reason.resize(kReasonMax);
  if (!tally.failures.contains(failure) && tally.failures.size() >= kFailuresMax)
    failure = {.result = failure.result};
  tally.failures[std::move(failure)] += times;
}

void DayTally::Merge(const DayTally& other) {
  left_out += other.left_out;
  for (const auto& [domain, policies] : other.domains) {
    for (const auto& [policy, tally] : policies) {
      if (tally.good > 0) Add({domain, policy, {}}, tally.good);
      for (const auto& [failure, times] : tally.failures) Add({domain, policy, failure}, times);
    }
  }
}

}  // namespace sluice::engine
