// Rates of the shaping file as receivers see them: kept in every window, used up while mail waits,
// shared by shards, changed by a reload at once. What the receivers see is late by what the network
// takes (up to 40 ms each way and reply); the exact bound is shown in tests/shard/rates_test.cc.

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "tests/sim/engine_sim_fixture.h"

namespace sluice::sim {
namespace {

constexpr Duration kNetwork{400'000};

class RateSim : public ShapedSim {
 protected:
  std::vector<Instant> Times() const {
    std::vector<Instant> out;
    for (const Taken& taken : mailroom_.all()) out.push_back(taken.at);
    std::ranges::sort(out);
    return out;
  }
  // The most that came in more than a window of `length`, less what the network may have gathered.
  static size_t Most(const std::vector<Instant>& times, Duration length) {
    size_t most = 0;
    for (size_t first = 0, i = 0; i < times.size(); ++i) {
      while (times[i] - times[first] > length - kNetwork) ++first;
      most = std::max(most, i - first + 1);
    }
    return most;
  }
};

TEST_F(RateSim, SpacesTheMailOfAPathEvenlyAndLosesNothingToConnections) {
  config_ = Shaped("[default]\nmessage_rate = \"1/20s\"\nidle = \"1s\"\n");
  AddDomain("slow.test");
  Start();
  SendMany(300, "r", "slow.test");
  const Instant begin = world_.now();
  world_.RunFor(4'000s);
  const std::vector<Instant> times = Times();
  EXPECT_GE(times.size(), 199u) << "within 1%, with a connection for each";
  EXPECT_LE(times.size(), 201u);
  for (size_t i = 1; i < times.size(); ++i) EXPECT_GE(times[i] - times[i - 1], 20s - kNetwork);
  EXPECT_LT(times.back() - begin, 4'000s);
}

TEST_F(RateSim, KeepsAFastRateOverTwoShardsAndAllSitesOfAProvider) {
  config_ = Shaped(
      "[[provider]]\nname = \"big\"\nmx = \".big.test\"\ncount_on = \"provider\"\n"
      "connections = 40\nmessage_rate = \"20/s\"\n");
  for (int i = 0; i < 6; ++i) AddDomain("d" + std::to_string(i) + ".big.test");
  Start();
  for (int i = 0; i < 6; ++i) SendMany(500, "r", "d" + std::to_string(i) + ".big.test");
  world_.RunFor(160s);
  const std::vector<Instant> times = Times();
  ASSERT_EQ(times.size(), 3'000u);
  EXPECT_NEAR(double((times[2'500] - times[1'500]).count()) / 1e6, 50.0, 1.5) << "1,000 messages";
  EXPECT_LE(Most(times, 1s), 21u);
  EXPECT_LE(Most(times, 10s), 201u);
}

TEST_F(RateSim, LetsABurstGoAtOnceAfterAPause) {
  config_ = Shaped("[default]\nmessage_rate = \"1/s burst 20\"\n");
  AddDomain("a.test");
  Start();
  SendMany(100, "r", "a.test");
  world_.RunFor(10s);
  EXPECT_NEAR(double(Times().size()), 30, 3);
  world_.RunFor(80s);
  EXPECT_EQ(Times().size(), 100u);
  EXPECT_LE(Most(Times(), 10s), 31u);
}

TEST_F(RateSim, ChangesARateByAReloadAtOnce) {
  config_ = Shaped("[default]\nmessage_rate = \"3/h\"\n");
  AddDomain("a.test");
  Start();
  SendMany(1'000, "r", "a.test");
  world_.RunFor(10min);
  EXPECT_EQ(Times().size(), 1u);
  engine_->Reload(Shaped("[default]\nmessage_rate = \"10/s\"\n"));
  Nudge();
  world_.RunFor(10s);
  EXPECT_NEAR(double(Times().size()), 100, 5);
  engine_->Reload(Shaped("[default]\nmessage_rate = \"6/h\"\n"));
  Nudge();
  world_.RunFor(1s);
  const size_t before = Times().size();
  world_.RunFor(1h);
  EXPECT_NEAR(double(Times().size() - before), 6, 1);
}

TEST_F(RateSim, CountsADomainThatHasARateOfItsOwnAlone) {
  config_ = Shaped(
      "[[provider]]\nname = \"big\"\nmx = \".big.test\"\ncount_on = \"provider\"\n"
      "message_rate = \"20/s\"\n[[domain]]\nname = \"slow.big.test\"\nmessage_rate = \"1/10s\"\n");
  AddDomain("slow.big.test");
  AddDomain("fast.big.test");
  Start();
  SendMany(500, "r", "slow.big.test");
  SendMany(500, "r", "fast.big.test");
  world_.RunFor(100s);
  size_t slow = 0;
  for (const Taken& taken : mailroom_.all()) slow += taken.recipient.ends_with("@slow.big.test");
  EXPECT_NEAR(double(slow), 10, 1);
  EXPECT_EQ(mailroom_.all().size() - slow, 500u);
}

// Hosted domains share their hosts, and so are one site.
TEST_F(RateSim, LetsOthersPassADomainThatWaitsForARateOfItsOwn) {
  config_ = Shaped("[[domain]]\nname = \"slow.test\"\nmessage_rate = \"1/5s\"\n");
  AddDomain("slow.test");
  more_dns_ = [](dns::FakeDns& dns) { dns.AddMx("quick.test", {{10, "mx.slow.test"}}); };
  Start();
  SendMany(20, "r", "slow.test");
  world_.RunFor(1s);
  SendMany(60, "r", "quick.test");
  world_.RunFor(10s);
  size_t slow = 0;
  for (const Taken& taken : mailroom_.all()) slow += taken.recipient.ends_with("@slow.test");
  EXPECT_EQ(mailroom_.all().size() - slow, 60u);
  EXPECT_LE(slow, 3u);
  world_.RunFor(100s);
  EXPECT_EQ(mailroom_.all().size(), 80u);
}

// Connections that wait for a rate stand idle: other shards must not wait for them.
TEST_F(RateSim, LeavesConnectionsToOthersOfThePathWhileARateIsWaitedFor) {
  config_ = Shaped("[[domain]]\nname = \"slow.test\"\nmessage_rate = \"4/s\"\n");
  config_->delivery.connections_per_path = 2;
  AddDomain("slow.test");
  more_dns_ = [](dns::FakeDns& dns) {
    for (int i = 0; i < 8; ++i)
      dns.AddMx("p" + std::to_string(i) + ".test", {{10, "mx.slow.test"}});
  };
  Start();
  SendMany(200, "r", "slow.test");
  world_.RunFor(10s);
  for (int i = 0; i < 8; ++i) Send("r@p" + std::to_string(i) + ".test", "");
  world_.RunFor(5s);
  const size_t others = size_t(std::ranges::count_if(mailroom_.all(), [](const Taken& taken) {
    return !taken.recipient.ends_with("@slow.test");
  }));
  EXPECT_EQ(others, 8u);
  EXPECT_LE(mailroom_.all().size(), 8u + 4 * 15 + 2);
  world_.RunFor(60s);
  EXPECT_EQ(mailroom_.all().size(), 208u);
}

TEST_F(RateSim, SpacesConnections) {
  config_ = Shaped("[default]\nconnection_rate = \"1/10s\"\nmessages_per_connection = 1\n");
  AddDomain("a.test");
  Start();
  SendMany(200, "r", "a.test");
  world_.RunFor(1'000s);
  EXPECT_NEAR(double(connects()), 100, 1);
  EXPECT_LE(Most(Times(), 100s), 11u);
}

// Over all sites, on both shards; a campaign at a time.
TEST_F(RateSim, KeepsTheRatesOfTenantsAndCampaigns) {
  config_ = Shaped("[default]\ntenant_rate = \"15/s\"\ncampaign_rate = \"10/s\"\n");
  for (int i = 0; i < 5; ++i) AddDomain("d" + std::to_string(i) + ".test");
  Start();
  for (int i = 0; i < 600; ++i)
    Send("r" + std::to_string(i) + "@d" + std::to_string(i % 5) + ".test", i < 300 ? "a" : "b");
  world_.RunFor(20s);
  EXPECT_NEAR(double(Times().size()), 300, 15) << "two campaigns of ten, fifteen together";
  EXPECT_LE(Most(Times(), 10s), 151u);
  world_.RunFor(25s);
  EXPECT_EQ(Times().size(), 600u);
  Send("alone@d0.test", "c");
  world_.RunFor(1s);
  EXPECT_EQ(Times().size(), 601u);
}

// What one tenant may not send leaves the connections to others; here, to other campaigns.
TEST_F(RateSim, LetsOthersGoPastACampaignThatWaits) {
  config_ = Shaped("[default]\ncampaign_rate = \"1/10s burst 1\"\n");
  AddDomain("a.test");
  Start();
  for (int i = 0; i < 100; ++i) Send("slow" + std::to_string(i) + "@a.test", "slow");
  world_.RunFor(5s);
  for (int i = 0; i < 50; ++i) Send("other@a.test", "c" + std::to_string(i));
  world_.RunFor(30s);
  EXPECT_NEAR(double(Times().size()), 54, 1);
  world_.RunFor(970s);
  EXPECT_EQ(Times().size(), 150u);
}

// Recipients count, not transactions; and a transaction has no more than the burst.
TEST_F(RateSim, CountsRecipients) {
  config_ = Shaped("[default]\nmessage_rate = \"2/s burst 4\"\n");
  AddDomain("a.test");
  Start();
  std::vector<std::string> recipients;
  for (int i = 0; i < 100; ++i) recipients.push_back("r" + std::to_string(i) + "@a.test");
  ASSERT_TRUE(engine_->Submit("news@sender.test", recipients, "c", "hello\r\n", [](MessageId) {}));
  Nudge();
  world_.RunFor(100s);
  EXPECT_EQ(Times().size(), 100u);
  EXPECT_LE(Most(Times(), 10s), 24u);
  EXPECT_NEAR(double((Times().back() - Times().front()).count()) / 1e6, 48, 2);
}

// Design 12.1: what a limit of ours keeps back is not late, not even over a restart.
TEST_F(RateSim, ExpiresNothingThatARateKeptBackForLongerThanMaxAge) {
  config_ = Shaped("[default]\nmessage_rate = \"400/day\"\n");
  AddDomain("a.test");
  Start();
  SendMany(2'000, "r", "a.test");
  world_.RunFor(40h);
  Restart(false, 10s);
  world_.RunFor(4 * 24h);
  EXPECT_EQ(Times().size(), 2'000u);
  EXPECT_EQ(record_.CountFinal(queue::EventType::kExpired), 0u);
}

TEST_F(RateSim, GivesABurstOfTheDayOnceWhateverIsRestarted) {
  config_ = Shaped("[default]\nmessage_rate = \"1440/day burst 300\"\n");
  AddDomain("a.test");
  Start();
  SendMany(1'000, "r", "a.test");
  world_.RunFor(60s);
  for (int i = 0; i < 5; ++i) {
    Restart(i % 2 == 0, 10s);
    world_.RunFor(50s);
  }
  EXPECT_GE(Times().size(), 300u);
  EXPECT_LE(Times().size(), 307u);
  world_.RunFor(60min);
  EXPECT_GE(Times().size(), 350u);
  EXPECT_LE(Times().size(), 367u);
}

// Days of UTC; the run begins at eight in the morning.
TEST_F(RateSim, ReleasesAUsersMailByTheDayWhateverItsAge) {
  config::User& user = config_->users.emplace_back();
  user.name = "crm";
  user.daily_limit = 200;
  config_->retry.max_age = 24h;
  AddDomain("a.test");
  AddDomain("b.test");
  Start();
  SendMany(500, "r", "a.test");
  SendMany(500, "r", "b.test");
  world_.RunFor(30h);
  EXPECT_EQ(Times().size(), 400u);
  Restart(false, 10s);
  Send("late@a.test");
  world_.RunFor(5 * 24h);
  const std::vector<Instant> times = Times();
  ASSERT_EQ(times.size(), 1'001u);
  EXPECT_EQ(record_.CountFinal(queue::EventType::kExpired), 0u);
  for (int day = 0; day < 5; ++day) {
    const Instant midnight = times.front() + 16h + day * 24h - 1min;
    EXPECT_EQ(std::ranges::count_if(times, [&](Instant t) { return t < midnight; }),
              200 * (day + 1));
  }
}

}  // namespace
}  // namespace sluice::sim
