// What operators order, as receivers and the event log see it: mail in every state is cancelled
// once, and paused mail does not leave.

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "tests/sim/engine_sim_fixture.h"

namespace sluice::sim {
namespace {

using queue::OrderKind;
using queue::OrderScope;

class OrderSim : public EngineSim {
 protected:
  void Give(OrderKind kind, OrderScope scope, const std::string& name,
            Duration length = Duration::max()) {
    queue::Order order;
    order.kind = kind;
    order.scope = scope;
    order.name = name;
    if (scope == OrderScope::kCampaign) order.tenant = "default";
    if (length != Duration::max()) order.until = world_.clock().Wall() + length;
    ASSERT_TRUE(engine_->Order(order, [](const queue::Order&) {}));
    Nudge();
  }
  size_t cancelled() const { return record_.CountFinal(queue::EventType::kCancelled); }
  size_t delivered() const { return record_.CountFinal(queue::EventType::kDelivered); }
  size_t by_source(const std::string& source) const {
    return size_t(std::ranges::count_if(
        record_.fates(), [&source](const auto& one) { return one.second.source == source; }));
  }
  void ExpectSound() const {
    for (const std::string& fault : record_.faults()) ADD_FAILURE() << fault;
    for (const auto& [id, fate] : record_.fates()) EXPECT_LE(fate.finals, 1) << fate.recipient;
  }
};

TEST_F(OrderSim, CancelsWhatWaitsInMemoryAndOnDiskAndSparesOtherCampaigns) {
  fabric_.SetReach(AddHostless("dead.test"), Reach::kRefused);
  Start();
  SendMany(3'000, "r", "dead.test");
  for (int i = 0; i < 10; ++i) Send("o" + std::to_string(i) + "@dead.test", "other");
  world_.RunFor(1min);
  Give(OrderKind::kCancel, OrderScope::kCampaign, "c");
  world_.RunFor(30s);
  EXPECT_EQ(cancelled(), 3'000u);
  EXPECT_EQ(engine_->totals().recipients, 10u);
  ExpectSound();
}

TEST_F(OrderSim, GoesOnWithACancelAfterACrash) {
  fabric_.SetReach(AddHostless("dead.test"), Reach::kRefused);
  Start();
  SendMany(5'000, "r", "dead.test");
  world_.RunFor(1min);
  Give(OrderKind::kCancel, OrderScope::kTenant, "default");
  ASSERT_TRUE(world_.RunUntil([this] { return engine_->totals().recipients < 4'000; }, 1min));
  EXPECT_GT(engine_->totals().recipients, 0u);
  Restart(true, 1s);
  world_.RunFor(1min);
  EXPECT_EQ(cancelled(), 5'000u);
  EXPECT_EQ(engine_->totals().recipients, 0u);
  ExpectSound();
}

TEST_F(OrderSim, LetsAnAttemptUnderWayEndAndTriesNoSecondTime) {
  Manners slow;
  slow.reply_min = slow.reply_max = 5s;
  AddDomain("slow.test", slow);
  Start();
  Send("user@slow.test");
  Send("full@slow.test");  // 452
  world_.RunFor(12s);
  Give(OrderKind::kCancel, OrderScope::kDomain, "slow.test");
  world_.RunFor(2min);
  EXPECT_EQ(engine_->totals().recipients, 0u);
  EXPECT_EQ(delivered() + cancelled(), 2u);
  EXPECT_GE(cancelled(), 1u);
  EXPECT_LE(receivers_[0]->transactions(), 2u);
  ExpectSound();
}

TEST_F(OrderSim, SparesWhatIsAcceptedLater) {
  AddDomain("a.test");
  Start();
  Send("before@a.test");
  world_.RunFor(10s);
  Give(OrderKind::kCancel, OrderScope::kCampaign, "c");
  world_.RunFor(1s);
  Send("after@a.test");
  world_.RunFor(10s);
  EXPECT_EQ(delivered(), 2u);
  EXPECT_EQ(cancelled(), 0u);
}

TEST_F(OrderSim, TriesWhatIsDeferredAtOnce) {
  Receiver& receiver = AddDomain("a.test");
  Start();
  Send("full@a.test");
  Send("full2@a.test");
  world_.RunFor(30s);
  const uint64_t before = receiver.transactions();
  Give(OrderKind::kRetry, OrderScope::kDomain, "a.test");
  world_.RunFor(10s);
  EXPECT_EQ(receiver.transactions(), before + 2);
  ExpectSound();
}

TEST_F(OrderSim, ProbesASuspendedSiteAtOnceWhenItsMailIsRetried) {
  const IpAddress host = AddHostless("dead.test");
  fabric_.SetReach(host, Reach::kRefused);
  Start();
  Send("user@dead.test");
  world_.RunFor(10s);
  const uint64_t before = connects();
  Give(OrderKind::kRetry, OrderScope::kDomain, "dead.test");
  world_.RunFor(10s);
  EXPECT_EQ(connects(), before + 1);
}

TEST_F(OrderSim, SendsNothingFromAPausedSourceUntilItsTime) {
  Receiver& receiver = AddDomain("a.test");
  Start();
  Send("first@a.test");
  world_.RunFor(10s);
  EXPECT_EQ(delivered(), 1u);
  Give(OrderKind::kPause, OrderScope::kSource, "default", 2h);
  world_.RunFor(1s);
  SendMany(100, "r", "a.test");
  world_.RunFor(30min);
  Restart(false, 1s);
  world_.RunFor(80min);
  EXPECT_EQ(receiver.transactions(), 1u);
  world_.RunFor(15min);
  EXPECT_EQ(delivered(), 101u);
  ExpectSound();
}

TEST_F(OrderSim, EmptiesAPausedSourceWithinItsOpenTransactionsWhileThePoolGoesOn) {
  config_->sources.push_back({.name = "second", .address = {}, .public_address = {}, .ehlo = ""});
  config_->pools.front().members.push_back({"second", 1});
  AddDomain("a.test", Manners::Tarpit());
  Start();
  SendMany(200, "r", "a.test");
  ASSERT_TRUE(world_.RunUntil([this] { return by_source("default") >= 20; }, 24h));
  const size_t open = engine_->open_deliveries();
  const size_t before = by_source("default");
  Give(OrderKind::kPause, OrderScope::kSource, "default");
  EXPECT_TRUE(world_.RunUntil([this] { return delivered() == 200; }, 24h));
  EXPECT_LE(by_source("default"), before + open) << "at most what was under way";
  ExpectSound();
}

TEST_F(OrderSim, SendsAReroutedCampaignByTheOtherPoolAfterARestartToo) {
  config_->sources.push_back({.name = "second", .address = {}, .public_address = {}, .ehlo = ""});
  AddDomain("a.test", Manners::Tarpit());
  Start();
  SendMany(200, "r", "a.test");
  ASSERT_TRUE(world_.RunUntil([this] { return delivered() >= 20; }, 24h));
  const size_t open = engine_->open_deliveries();
  const size_t before = by_source("default");
  queue::Order order;
  order.kind = OrderKind::kReroute;
  order.name = "default";
  order.value = "second";
  ASSERT_TRUE(engine_->Order(order, [](const queue::Order&) {}));
  Nudge();
  ASSERT_TRUE(world_.RunUntil([this] { return by_source("second") >= 20; }, 24h));
  Restart(false, 1s);
  EXPECT_TRUE(world_.RunUntil([this] { return delivered() == 200; }, 24h));
  EXPECT_LE(by_source("default"), before + open) << "at most what was under way";
  ExpectSound();
}

// The case for which one reroutes.
TEST_F(OrderSim, ReroutesWhatWaitsForASourceThatMayNotBeUsed) {
  config_->sources.push_back({.name = "second", .address = {}, .public_address = {}, .ehlo = ""});
  AddDomain("a.test");
  Start();
  Give(OrderKind::kPause, OrderScope::kSource, "default", 10h);
  world_.RunFor(1s);
  SendMany(100, "r", "a.test");
  world_.RunFor(1min);
  EXPECT_EQ(delivered(), 0u);
  queue::Order order;
  order.kind = OrderKind::kReroute;
  order.name = "default";
  order.value = "second";
  ASSERT_TRUE(engine_->Order(order, [](const queue::Order&) {}));
  Nudge();
  world_.RunFor(1min);
  EXPECT_EQ(by_source("second"), 100u);
  ExpectSound();
}

TEST_F(OrderSim, RetriesNothingThatItsSenderHoldsBack) {
  AddDomain("a.test");
  Start();
  engine_->Submit(
      {.sender = "news@sender.test", .recipients = {"r@a.test"}, .campaign = "c", .hold = 10h},
      [](MessageId) {});
  world_.RunFor(1min);
  Give(OrderKind::kRetry, OrderScope::kDomain, "a.test", 0h);
  world_.RunFor(1min);
  EXPECT_EQ(delivered(), 0u);
  world_.RunFor(10h);
  EXPECT_EQ(delivered(), 1u);
}

TEST_F(OrderSim, HoldsTheMailOfAPausedCampaignAndLetsTheRestGo) {
  AddDomain("a.test");
  Start();
  Give(OrderKind::kPause, OrderScope::kCampaign, "c", 1h);
  world_.RunFor(1s);
  SendMany(1'500, "r", "a.test");
  Send("user@a.test", "other");
  world_.RunFor(30min);
  EXPECT_EQ(delivered(), 1u);
  Restart(true, 1s);
  world_.RunFor(20min);
  EXPECT_EQ(delivered(), 1u);
  world_.RunFor(30min);
  EXPECT_EQ(delivered(), 1'501u);
  ExpectSound();
}

TEST_F(OrderSim, CancelsWhatIsPaused) {
  AddDomain("a.test");
  Start();
  Give(OrderKind::kPause, OrderScope::kTenant, "default");
  world_.RunFor(1s);
  SendMany(1'500, "r", "a.test");
  world_.RunFor(1min);
  Give(OrderKind::kCancel, OrderScope::kTenant, "default");
  world_.RunFor(1min);
  EXPECT_EQ(cancelled(), 1'500u);
  EXPECT_EQ(engine_->totals().recipients, 0u);
  ExpectSound();
}

TEST_F(OrderSim, PausesOneSiteAndNoOther) {
  AddDomain("a.test");
  AddDomain("b.test");
  Start();
  Give(OrderKind::kPause, OrderScope::kSite, "mx.a.test", 1h);
  world_.RunFor(1s);
  Send("user@a.test");
  Send("user@b.test");
  world_.RunFor(30min);
  EXPECT_EQ(delivered(), 1u);
  world_.RunFor(1h);
  EXPECT_EQ(delivered(), 2u);
}

TEST_F(OrderSim, KeepsToAnOrderedRateUntilItsTime) {
  Receiver& receiver = AddDomain("a.test");
  Start();
  queue::Order order;
  order.kind = OrderKind::kRate;
  order.scope = OrderScope::kSite;
  order.name = "mx.a.test";
  order.value = "60/h";
  order.until = world_.clock().Wall() + 1h;
  ASSERT_TRUE(engine_->Order(order, [](const queue::Order&) {}));
  Nudge();
  world_.RunFor(1s);
  SendMany(200, "r", "a.test");
  world_.RunFor(50min);
  EXPECT_GE(receiver.transactions(), 48u);
  EXPECT_LE(receiver.transactions(), 52u);
  world_.RunFor(15min);
  EXPECT_EQ(delivered(), 200u);
  ExpectSound();
}

}  // namespace
}  // namespace sluice::sim
