// Paths that find out what receivers take, in the whole engine (issue: the receiver's limits are
// told to nobody). The algorithm alone, against more kinds of receivers and beside an oracle:
// tests/shard/adaptive_rate_test.cc.

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "tests/sim/engine_sim_fixture.h"

namespace sluice::sim {
namespace {

class AdaptiveSim : public ShapedSim {
 protected:
  // A disk that makes everybody wait for two seconds costs slots of every rate.
  AdaptiveSim() { busy_disk_ = false; }
};

TEST_F(AdaptiveSim, FindsAHiddenRateAndIsSeldomRefused) {
  Receiver& capped = AddDomain("capped.test", {.rate = 10});
  Start();
  SendMany(6'000, "r", "capped.test");
  world_.RunFor(750s);  // an oracle needs 600
  EXPECT_GE(mailroom_.pairs(), 5'900u);
  EXPECT_LT(capped.throttled(), 120u) << "2%";
  world_.RunFor(20min);
  EXPECT_EQ(mailroom_.pairs(), 6'000u);
  EXPECT_TRUE(record_.faults().empty());
}

TEST_F(AdaptiveSim, FindsARateThatIsSharedByTheShardsAndSitesOfAProvider) {
  config_ = Shaped("[[provider]]\nname = \"big\"\nmx = \".big.test\"\ncount_on = \"provider\"\n");
  const IpAddress address = AddHostless("d0.big.test");
  for (int i = 1; i < 6; ++i) zone_.emplace_back("d" + std::to_string(i) + ".big.test", address);
  receivers_.push_back(std::make_unique<Receiver>(fabric_, mailroom_, "mx.d0.big.test", address,
                                                  Manners{.rate = 10}));
  Start();
  for (int i = 0; i < 6; ++i) SendMany(500, "r", "d" + std::to_string(i) + ".big.test");
  world_.RunFor(375s);  // an oracle needs 300
  EXPECT_GE(mailroom_.pairs(), 2'900u);
  EXPECT_LT(receivers_.back()->throttled(), 60u) << "2%";
}

TEST_F(AdaptiveSim, KeepsToTheConnectionsThatAReceiverStands) {
  Receiver& few = AddDomain("few.test", {.connections = 3, .reply_min = 50ms, .reply_max = 80ms});
  config_->delivery.messages_per_connection = 10'000;
  Start();
  SendMany(2'000, "r", "few.test");
  world_.RunFor(30min);
  EXPECT_EQ(mailroom_.pairs(), 2'000u);
  EXPECT_LT(few.connections(), 20u) << "it hardly ever knocks in vain";
}

TEST_F(AdaptiveSim, LeavesItToTheConfiguredLimitsWhereItIsSwitchedOff) {
  config_ = Shaped("[default]\nadaptive = \"off\"\n");
  Receiver& capped = AddDomain("capped.test", {.rate = 10});
  Start();
  SendMany(1'000, "r", "capped.test");
  world_.RunFor(60s);
  EXPECT_GT(capped.throttled(), 100u);
}

}  // namespace
}  // namespace sluice::sim
