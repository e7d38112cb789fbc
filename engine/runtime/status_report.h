// engine/runtime/status_report.h — what `sluice status` tells: each shard's part, and their sum.
//
// PURPOSE   StatusOf looks at one shard on its loop; MergeStatus adds up what all have said.
// THREADS   StatusOf: the shard's loop. MergeStatus: pure.

#ifndef SLUICE_ENGINE_RUNTIME_STATUS_REPORT_H_
#define SLUICE_ENGINE_RUNTIME_STATUS_REPORT_H_

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <span>
#include <vector>

#include "engine/runtime/shard_runtime.h"
#include "engine/shard/lane_report.h"

namespace sluice::engine {

// A site, which several shards may have mail for. Its name as a hash: there may be very many, and
// they are only counted.
struct SiteMark {
  uint64_t name = 0;
  bool suspended = false;
};

struct ShardStatus {
  uint64_t accepted = 0;
  OutcomeCounts outcomes;
  uint64_t sessions = 0;
  uint64_t deliveries = 0;
  uint64_t lanes = 0;
  uint64_t in_memory = 0;
  std::vector<SiteMark> sites;
  uint64_t damaged = 0;
  uint64_t message_faults = 0;
  uint64_t sender_refusals = 0;
  uint64_t logins_failed = 0;
  BulkTally::Rows bulk;
  std::vector<SuspensionReport> suspensions;
};

ShardStatus StatusOf(ShardRuntime& runtime);

// Those that end soonest first. Several shards may know the same one: a shard that lives with it
// knows better than one that remembers it.
std::vector<SuspensionReport> MergeSuspensions(
    std::span<const std::vector<SuspensionReport>> shards);

// The part of the status that the shards know.
nlohmann::json MergeStatus(const std::vector<ShardStatus>& shards);

}  // namespace sluice::engine

#endif  // SLUICE_ENGINE_RUNTIME_STATUS_REPORT_H_
