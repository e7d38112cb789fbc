// engine/policy/sts_store.h — MTA-STS policies on disk, so that a restart forgets none.
//
// PURPOSE   A policy once seen protects until its max_age, whatever an attacker does to DNS later;
//           that is worth little if every restart begins anew. One small file a domain, replaced as
//           a whole.
// LIMITS    kStsRecordsMax files are read; others stay where they are.
// THREADS   Load and Write may run on any thread; they touch nothing but files.

#ifndef SLUICE_ENGINE_POLICY_STS_STORE_H_
#define SLUICE_ENGINE_POLICY_STS_STORE_H_

#include <string>
#include <vector>

#include "engine/base/error.h"
#include "engine/base/time.h"

namespace sluice::engine {

// The Web knows some 10,000 domains with a policy.
inline constexpr size_t kStsRecordsMax = 20'000;

struct StsRecord {
  std::string domain;
  std::string id;  // of the TXT record when it was fetched
  WallTime fetched{};
  std::string text;  // the policy as it came
};

// What lies in `folder`; nothing when there is none. Files that are no records of ours are skipped.
std::vector<StsRecord> LoadStsRecords(const std::string& folder);

// Makes the folder when it is missing. `domain` is a host name.
Status WriteStsRecord(const std::string& folder, const StsRecord& record);

}  // namespace sluice::engine

#endif  // SLUICE_ENGINE_POLICY_STS_STORE_H_
