// What the shards' parts of the status add up to.

#include "engine/runtime/status_report.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <vector>

namespace sluice::engine {
namespace {

TEST(StatusReport, CountsASiteOfSeveralShardsOnce) {
  std::vector<ShardStatus> shards(2);
  shards[0].sites = {{1, false}, {2, false}, {3, true}};
  shards[1].sites = {{2, true}, {3, true}, {4, false}};
  const auto status = MergeStatus(shards);
  EXPECT_EQ(status["sites"], 4);
  EXPECT_EQ(status["sites_suspended"], 2);
}

TEST(StatusReport, AddsUpWhatEachShardHasDone) {
  std::vector<ShardStatus> shards(2);
  shards[0].outcomes.delivered = 3;
  shards[1].outcomes.delivered = 4;
  shards[1].message_faults = 1;
  const auto status = MergeStatus(shards);
  EXPECT_EQ(status["shards"], 2);
  EXPECT_EQ(status["delivered"], 7);
  EXPECT_EQ(status["message_faults"], 1);
}

}  // namespace
}  // namespace sluice::engine
