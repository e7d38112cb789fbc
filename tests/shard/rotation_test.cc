// tests/shard/rotation_test.cc — shares of sources, exact by weight, and who is waited for.

#include "engine/shard/rotation.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <vector>

namespace sluice::engine {
namespace {

using std::chrono::seconds;
using Standing = Rotation::Standing;

constexpr Instant kNow{std::chrono::hours(1)};

std::vector<config::PoolMember> Members(const std::vector<uint32_t>& weights) {
  std::vector<config::PoolMember> out;
  for (const uint32_t weight : weights) out.push_back({"s" + std::to_string(out.size()), weight});
  return out;
}

Rotation Of(const std::vector<uint32_t>& weights) {
  Rotation rotation;
  rotation.Renew(Members(weights));
  for (size_t i = 0; i < rotation.size(); ++i) {
    rotation[i].open = 1;
    rotation[i].asked = kNow;
  }
  return rotation;
}

Standing MayOpen(size_t) { return Standing::kMayOpen; }
Standing MayNotOpen(size_t) { return Standing::kMayNotOpen; }

// Everybody asks in turn; how many each had after `total`.
std::vector<uint32_t> Serve(Rotation& rotation, uint32_t total,
                            const Rotation::StandingOf& stands) {
  std::vector<uint32_t> had(rotation.size());
  for (uint32_t served = 0; served < total;) {
    const uint32_t before = served;
    for (size_t i = 0; i < rotation.size() && served < total; ++i) {
      if (stands(i) == Standing::kOut || !rotation.InTurn(i, stands, kNow)) continue;
      rotation.Took(i, 1);
      ++had[i];
      ++served;
    }
    EXPECT_NE(served, before) << "nobody is in turn";
    if (served == before) break;
  }
  return had;
}

TEST(Rotation, SharesExactlyByWeight) {
  for (const std::vector<uint32_t>& weights :
       std::vector<std::vector<uint32_t>>{{1, 1, 1}, {1, 2, 3}, {1, 10'000}, {7, 11, 13}, {5}}) {
    Rotation rotation = Of(weights);
    uint64_t sum = 0;
    for (const uint32_t weight : weights) sum += weight;
    const uint32_t total = 20'000;
    const std::vector<uint32_t> had = Serve(rotation, total, MayNotOpen);
    for (size_t i = 0; i < weights.size(); ++i)
      EXPECT_NEAR(had[i], double(total) * weights[i] / double(sum), Rotation::kAhead + 1.5) << i;
  }
}

TEST(Rotation, OpensConnectionsInTheOrderOfShares) {
  Rotation rotation = Of({1, 2, 1});
  std::vector<uint32_t> had(3);
  for (int i = 0; i < 400; ++i) {
    const size_t next = rotation.NextToOpen(MayOpen);
    ASSERT_NE(next, Rotation::kNobody);
    rotation.Took(next, 1);
    ++had[next];
  }
  EXPECT_EQ(had, (std::vector<uint32_t>{100, 200, 100}));
}

TEST(Rotation, GivesNoClaimForTimeSpentOut) {
  Rotation rotation = Of({1, 1});
  const auto second_out = [](size_t i) { return i == 1 ? Standing::kOut : Standing::kMayNotOpen; };
  EXPECT_EQ(Serve(rotation, 1'000, second_out), (std::vector<uint32_t>{1'000, 0}));
  rotation.NextToOpen(second_out);
  EXPECT_NEAR(Serve(rotation, 1'000, MayNotOpen)[0], 500, Rotation::kAhead);
}

TEST(Rotation, OpensForNobodyWhereAllAreOutOrFull) {
  Rotation rotation = Of({1, 1});
  EXPECT_EQ(rotation.NextToOpen([](size_t) { return Standing::kOut; }), Rotation::kNobody);
  EXPECT_EQ(rotation.NextToOpen(MayNotOpen), Rotation::kNobody);
}

TEST(Rotation, WaitsForOneBehindThatCanHaveAConnection) {
  Rotation rotation = Of({1, 1});
  rotation[1].open = 0;
  rotation.Took(0, Rotation::kAhead);
  EXPECT_TRUE(rotation.InTurn(0, MayOpen, kNow));
  rotation.Took(0, 1);
  EXPECT_FALSE(rotation.InTurn(0, MayOpen, kNow));
  EXPECT_TRUE(rotation.InTurn(0, MayNotOpen, kNow));  // it cannot: nobody waits for it
}

TEST(Rotation, WaitsForOneThatIsKeptBusyOnlySoLong) {
  Rotation rotation = Of({1, 1});
  rotation.Took(0, Rotation::kAhead + 1);
  EXPECT_FALSE(rotation.InTurn(0, MayNotOpen, kNow + Rotation::kPatience - seconds(1)));
  EXPECT_TRUE(rotation.InTurn(0, MayNotOpen, kNow + Rotation::kPatience));
}

TEST(Rotation, CountsNotWhatComesBackUntried) {
  Rotation rotation = Of({1, 1});
  rotation.Took(0, 7);
  rotation.GaveBack(0, 7);
  EXPECT_TRUE(rotation.InTurn(0, MayNotOpen, kNow));
  rotation.GaveBack(0, 7);  // no more than it had
  EXPECT_EQ(rotation[0].had, 0u);
}

TEST(Rotation, KeepsSharesOverARenewal) {
  Rotation rotation = Of({1, 1});
  Serve(rotation, 1'000, MayNotOpen);
  rotation.Renew(Members({1, 1, 2}));
  rotation[2].open = 1;
  rotation[2].asked = kNow;
  EXPECT_EQ(rotation.Find("s2"), 2u);
  const std::vector<uint32_t> had = Serve(rotation, 1'000, MayNotOpen);
  EXPECT_NEAR(had[2], 500, Rotation::kAhead + 2);  // not what the others had before it came
  rotation.Renew(Members({1}));
  EXPECT_EQ(rotation.Find("s1"), Rotation::kNobody);
}

TEST(Rotation, RestsLongerEachTimeAMemberFails) {
  Rotation rotation = Of({1});
  EXPECT_EQ(rotation.Failed(0), seconds(30));
  EXPECT_EQ(rotation.Failed(0), seconds(60));
  for (int i = 0; i < 40; ++i) EXPECT_LE(rotation.Failed(0), Rotation::kLongestRest);
  EXPECT_EQ(rotation.Failed(0), Rotation::kLongestRest);
  rotation[0].failures = 0;
  EXPECT_EQ(rotation.Failed(0), seconds(30));
}

}  // namespace
}  // namespace sluice::engine
