// The values of the shaping file, as receivers see them.

#include <gtest/gtest.h>

#include <string>

#include "tests/sim/connection_watch.h"
#include "tests/sim/engine_sim_fixture.h"

namespace sluice::sim {
namespace {

// Promise 3 with values of the shaping file: the same for all sites of the provider together.
TEST_F(ShapedSim, KeepsTheConnectionsOfAProviderOverAllItsSitesAndOfOthersBySite) {
  config_ = Shaped(
      "[[provider]]\nname = \"big\"\nmx = \".big.test\"\ncount_on = \"provider\"\n"
      "connections = 3\nmessages_per_connection = 7\n"
      "[[provider]]\nname = \"filter\"\nmx = \".filter.test\"\nconnections = 4\n");
  ConnectionWatch big;
  ConnectionWatch filter;
  for (const char* domain : {"a.big.test", "b.big.test", "c.big.test"})
    AddDomain(domain, Manners::Tarpit()).CountIn(big);
  Receiver& first = AddDomain("a.filter.test", Manners::Tarpit());
  first.CountIn(filter);
  AddDomain("b.filter.test", Manners::Tarpit()).CountIn(filter);
  const Receiver& other = AddDomain("other.test", Manners::Tarpit());
  Start();
  for (const auto& [domain, address] : zone_) SendMany(150, "r", domain);
  ASSERT_TRUE(world_.RunUntil([this] { return mailroom_.all().size() == 6 * 150; }, 2 * 24h));
  EXPECT_EQ(big.most(), 3u) << "all sites together";
  EXPECT_EQ(filter.most(), 8u) << "each site by itself";
  EXPECT_EQ(first.most_open(), 4u);
  EXPECT_EQ(other.most_open(), config_->delivery.connections_per_path);
  for (const auto& receiver : receivers_) {
    if (!receiver->host().ends_with(".big.test")) continue;
    EXPECT_EQ(receiver->most_messages(), 7u);
  }
  EXPECT_GT(other.most_messages(), 7u);
}

TEST_F(ShapedSim, KeepsNewValuesFromTheReloadOn) {
  const auto with = [this](const char* connections) {
    return Shaped("[[domain]]\nname = \"a.test\"\nmessages_per_connection = 5\nconnections = " +
                  std::string(connections) + "\n");
  };
  config_ = with("2");
  ConnectionWatch watch;
  Receiver& receiver = AddDomain("a.test", Manners::Tarpit());
  receiver.CountIn(watch);
  Start();
  SendMany(1'500, "r", "a.test");
  world_.RunFor(10min);
  EXPECT_EQ(watch.most(), 2u);
  engine_->Reload(with("6"));
  Nudge();
  world_.RunFor(10min);
  EXPECT_EQ(watch.most(), 6u) << "more at once";
  engine_->Reload(with("1"));
  Nudge();
  // Those that are open end as they began, each after five messages at the latest.
  world_.RunFor(10min);
  watch.ForgetMost();
  ASSERT_TRUE(world_.RunUntil([this] { return mailroom_.all().size() == 1'500; }, 4 * 24h));
  EXPECT_EQ(watch.most(), 1u) << "and then one";
  EXPECT_EQ(receiver.most_messages(), 5u);
}

// A domain's own schedule, while others of the same site have the general one.
TEST_F(ShapedSim, RetriesAndExpiresByTheValuesOfTheDomain) {
  config_->retry.gaps = {1h};
  config_ = Shaped("[[domain]]\nname = \"quick.test\"\nretry_gaps = [\"1m\"]\nmax_age = \"30m\"\n");
  Manners refuses;
  refuses.rcpt_4xx = 1.0;
  AddDomain("quick.test", refuses);
  AddDomain("usual.test", refuses);
  Start();
  Send("a@quick.test");
  Send("a@usual.test");
  world_.RunFor(2h);
  int looked_at = 0;
  for (const auto& [id, fate] : record_.fates()) {
    if (fate.recipient == "a@quick.test") {
      EXPECT_EQ(fate.final, queue::EventType::kExpired);
      EXPECT_GE(fate.deferrals, 20);
    } else if (fate.recipient == "a@usual.test") {
      EXPECT_EQ(fate.finals, 0);
      EXPECT_EQ(fate.deferrals, 2) << "at once and after an hour";
    } else {
      continue;  // the report
    }
    ++looked_at;
  }
  EXPECT_EQ(looked_at, 2);
  EXPECT_TRUE(record_.faults().empty());
}

}  // namespace
}  // namespace sluice::sim
