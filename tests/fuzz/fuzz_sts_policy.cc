// MTA-STS policies and TXT records: no input crashes; what is accepted keeps its bounds.

#include "dns/domain.h"
#include "dns/sts_policy.h"
#include "engine/base/check.h"
#include "tests/fuzz/fuzz_target.h"

FUZZ_TARGET(sts_policy) {
  using namespace sluice::dns;
  if (const auto policy = ParseStsPolicy(input)) {
    CHECK(policy->max_age <= kStsMaxAgeSeconds);
    CHECK(policy->mx.size() <= kStsPatternsMax);
    CHECK(policy->mode == StsMode::kNone || !policy->mx.empty());
    for (const std::string& mx : policy->mx)
      CHECK(mx.starts_with("*.") ? MatchesMx(*policy, "a" + mx.substr(1)) : MatchesMx(*policy, mx));
  }
  const std::string record(input);
  if (const auto id = StsId({&record, 1})) CHECK(!id->empty() && id->size() <= 32);
}
