// What is counted of campaigns, and how fast they end.

#include "engine/shard/campaign_tally.h"

#include <gtest/gtest.h>

#include <string>

namespace sluice::engine {
namespace {

using namespace std::chrono_literals;

constexpr WallTime kStart = WallFromMicros(1'795'247'460'000'000);

queue::Message Of(const std::string& campaign) {
  queue::Message message;
  message.tenant = "crm";
  message.campaign = campaign;
  return message;
}

TEST(CampaignTally, CountsWhatBecameOfACampaign) {
  CampaignTally tally;
  tally.Accepted(Of("spring"), 10, kStart);
  tally.Ended(Of("spring"), Outcome::kDelivered, kStart + 1s);
  tally.Ended(Of("spring"), Outcome::kDeferred, kStart + 2s);
  tally.Ended(Of("spring"), Outcome::kBounced, kStart + 3s);
  tally.Ended(Of("spring"), Outcome::kExpired, kStart + 4s);
  tally.Ended(Of("spring"), Outcome::kCancelled, kStart + 5s);
  tally.Ended(Of("autumn"), Outcome::kDelivered, kStart);
  tally.Accepted(Of(""), 1, kStart);
  ASSERT_EQ(tally.all().size(), 2u);
  const CampaignCounts& counts = tally.all().at({"crm", "spring"}).counts;
  EXPECT_EQ(counts.accepted, 10u);
  EXPECT_EQ(counts.delivered, 1u);
  EXPECT_EQ(counts.deferrals, 1u);
  EXPECT_EQ(counts.bounced, 1u);
  EXPECT_EQ(counts.expired, 1u);
  EXPECT_EQ(counts.cancelled, 1u);
  EXPECT_EQ(counts.first, kStart);
  EXPECT_EQ(counts.last, kStart + 5s);
}

TEST(CampaignTally, KnowsTheRateOfTheLastMinutes) {
  CampaignTally tally;
  tally.Accepted(Of("spring"), 1, kStart);
  for (int i = 1; i <= 600; ++i)
    tally.Ended(Of("spring"), Outcome::kDelivered, kStart + std::chrono::seconds(i));
  const CampaignCounts& counts = tally.all().begin()->second.counts;
  EXPECT_NEAR(counts.Rate(kStart + 600s), 1.0, 0.01);
  // Ten minutes later the first of them are forgotten, and the rest thinned out.
  EXPECT_NEAR(counts.Rate(kStart + 1200s), 300.0 / 900, 0.1);
  EXPECT_EQ(counts.Rate(kStart + 1h), 0);
  EXPECT_EQ(counts.Rate(kStart), 0);
}

TEST(CampaignTally, AddsUpShards) {
  CampaignTally one, other;
  one.Accepted(Of("spring"), 5, kStart);
  other.Accepted(Of("spring"), 7, kStart + 1min);
  for (int i = 0; i < 60; ++i) {
    one.Ended(Of("spring"), Outcome::kDelivered, kStart + std::chrono::seconds(i));
    other.Ended(Of("spring"), Outcome::kDelivered, kStart + 1min + std::chrono::seconds(i));
  }
  CampaignCounts sum;
  sum.Add(one.all().begin()->second.counts);
  sum.Add(other.all().begin()->second.counts);
  EXPECT_EQ(sum.accepted, 12u);
  EXPECT_EQ(sum.delivered, 120u);
  EXPECT_EQ(sum.first, kStart);
  EXPECT_NEAR(sum.Rate(kStart + 2min), 1.0, 0.01);
}

TEST(CampaignTally, ForgetsTheOneHeardOfLongestAgo) {
  CampaignTally tally;
  tally.Accepted(Of("first"), 1, kStart);
  tally.Accepted(Of("second"), 1, kStart);
  tally.Accepted(Of("first"), 1, kStart);
  for (size_t i = 2; i < CampaignTally::kCampaignsMax + 1; ++i)
    tally.Accepted(Of("c" + std::to_string(i)), 1, kStart);
  EXPECT_EQ(tally.all().size(), CampaignTally::kCampaignsMax);
  EXPECT_TRUE(tally.all().contains({"crm", "first"}));
  EXPECT_FALSE(tally.all().contains({"crm", "second"}));
}

}  // namespace
}  // namespace sluice::engine
