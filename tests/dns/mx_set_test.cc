// The rules on a set of MX records.

#include "dns/mx_set.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

namespace sluice::dns {
namespace {

std::vector<Record> Records(const std::vector<std::pair<uint16_t, std::string>>& mx) {
  std::vector<Record> out;
  for (const auto& [preference, host] : mx) {
    Record record;
    record.name = "example.com";
    record.type = RecordType::kMx;
    record.preference = preference;
    record.data = host;
    out.push_back(record);
  }
  return out;
}

std::vector<std::string> Names(const std::vector<MxHost>& hosts) {
  std::vector<std::string> out;
  for (const MxHost& host : hosts) out.push_back(host.name);
  return out;
}

TEST(MxSet, OrdersByPreferenceAndCountsAHostOnce) {
  const MxSet set = MakeMxSet(
      Records({{30, "c.example"}, {10, "b.example"}, {20, "a.example"}, {40, "b.example"}}), 26);
  EXPECT_THAT(Names(set.hosts), testing::ElementsAre("b.example", "a.example", "c.example"));
  EXPECT_EQ(set.hosts[0].port, 26);
  EXPECT_FALSE(set.is_null);
}

TEST(MxSet, KnowsTheNullMxAndIgnoresItBesideOthers) {
  EXPECT_TRUE(MakeMxSet(Records({{0, ""}}), 25).is_null);
  const MxSet mixed = MakeMxSet(Records({{0, ""}, {10, "a.example"}}), 25);
  EXPECT_FALSE(mixed.is_null);
  EXPECT_THAT(Names(mixed.hosts), testing::ElementsAre("a.example"));
  EXPECT_FALSE(MakeMxSet(Records({{0, ""}, {10, "127.0.0.1"}}), 25).is_null);
}

TEST(MxSet, DropsTargetsThatAreNoHostNames) {
  const MxSet set =
      MakeMxSet(Records({{1, "127.0.0.1"}, {2, "a\\046b.example"}, {3, "ok.example"}}), 25);
  EXPECT_THAT(Names(set.hosts), testing::ElementsAre("ok.example"));
  EXPECT_EQ(set.dropped, 2u);
}

TEST(MxSet, KeepsTheBestOfTooMany) {
  std::vector<std::pair<uint16_t, std::string>> many;
  for (int i = 500; i-- > 0;) many.emplace_back(uint16_t(i), "h" + std::to_string(i) + ".example");
  const MxSet set = MakeMxSet(Records(many), 25);
  ASSERT_EQ(set.hosts.size(), kMxHostsMax);
  EXPECT_EQ(set.hosts[0].name, "h0.example");
  EXPECT_EQ(set.hosts.back().preference, kMxHostsMax - 1);
  EXPECT_EQ(set.dropped, 500 - kMxHostsMax);
}

TEST(MxSet, CutsAtOurselves) {
  const std::vector<MxHost> all = {{"a", 10, 25}, {"b", 20, 25}, {"us", 20, 25}, {"d", 30, 25}};
  std::vector<MxHost> hosts = all;
  EXPECT_TRUE(CutAtOurselves(hosts, {false, false, false, false}));
  EXPECT_EQ(hosts, all);
  EXPECT_TRUE(CutAtOurselves(hosts, {false, false, true, false}));
  EXPECT_THAT(Names(hosts), testing::ElementsAre("a"));
  hosts = all;
  EXPECT_FALSE(CutAtOurselves(hosts, {true, false, false, true}));
  EXPECT_TRUE(hosts.empty());
}

TEST(MxSet, ShufflesEqualsAndKeepsPreferences) {
  Random random(3);
  std::map<std::string, int> first;
  for (int i = 0; i < 3000; ++i) {
    std::vector<MxHost> hosts = {
        {"a", 5, 25}, {"b", 10, 25}, {"c", 10, 25}, {"d", 10, 25}, {"e", 20, 25}};
    ShuffleEquals(hosts, random);
    ASSERT_EQ(hosts[0].name, "a");
    ASSERT_EQ(hosts[4].name, "e");
    ++first[hosts[1].name];
  }
  ASSERT_EQ(first.size(), 3u);
  for (const auto& [name, count] : first) EXPECT_NEAR(count, 1000, 150) << name;
}

}  // namespace
}  // namespace sluice::dns
