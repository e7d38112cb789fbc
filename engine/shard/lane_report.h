// engine/shard/lane_report.h — what waits in one lane and why, and what is suspended, as an
// operator reads it.
//
// PURPOSE   Promise 4: nothing waits without a reason. Read on the shard's loop, shown by `sluice
//           queues` and `sluice explain`.

#ifndef SLUICE_ENGINE_SHARD_LANE_REPORT_H_
#define SLUICE_ENGINE_SHARD_LANE_REPORT_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/shard/shard.h"

namespace sluice::engine {

struct SuspensionReport {
  queue::SuspensionId id;
  Suspensions::Entry entry;
};

struct LaneReport {
  queue::LaneKey key;
  std::string site;      // empty while nothing of the lane is in memory
  uint64_t waiting = 0;  // recipients: in memory, in flight and on disk
  uint64_t in_flight = 0;
  WallTime next_due{};       // of what is on disk; max: nothing there
  WallTime next_try{};       // of any of them: by now (not later than that), or when; max: never
  uint32_t connections = 0;  // open to the site
  std::string reason;        // why it waits, in a sentence
  WallTime until{};          // when that ends, where it is known; else 0
  std::optional<SuspensionReport> suspension;  // what holds it, or is being probed
};

using LaneFilter = std::function<bool(const Lane&)>;
// Of the domain, site or campaign `of`, lower case; empty: all.
LaneFilter OfDomainSiteOrCampaign(std::string of);

// The lanes of one shard that are meant and have something waiting. At most `limit`, the fullest
// first.
std::vector<LaneReport> ReportLanes(Shard& shard, const LaneFilter& meant, size_t limit);

// Why the lane's recipients are not gone yet, in a sentence.
std::string ReasonOf(const Lane& lane, Shard& shard);

// "site", "path", "sending_domain", ...
std::string_view SuspensionKindName(queue::SuspensionKind kind);

// The kind of what a path has learnt: kRate, whose rows in the queue are something else.
inline constexpr std::string_view kLearntName = "rate";

// What is suspended now, or only probed because it was; and what paths have learnt.
std::vector<SuspensionReport> ReportSuspensions(Shard& shard);

}  // namespace sluice::engine

#endif  // SLUICE_ENGINE_SHARD_LANE_REPORT_H_
