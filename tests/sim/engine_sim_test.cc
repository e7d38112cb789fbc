// Promises of the whole engine in small simulated worlds, one each: what no random campaign of
// scenario.h would show by itself.

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "tests/sim/engine_sim_fixture.h"

namespace sluice::sim {
namespace {

// Design 12.3: a site that cannot be reached is suspended as one and probed with one message.
TEST_F(EngineSim, CostsOneProbeForTenThousandRecipientsOfADeadDomain) {
  fabric_.SetReach(AddHostless("dead.test"), Reach::kRefused);
  Start();
  Send("first@dead.test");
  world_.RunFor(1s);
  const uint64_t first = connects();
  EXPECT_EQ(first, 1u);
  SendMany(10'000, "r", "dead.test");
  world_.RunFor(4min);
  EXPECT_EQ(connects(), first) << "suspended for five minutes";
  world_.RunFor(5min);
  EXPECT_EQ(connects(), first + 1) << "then one probe";
  world_.RunFor(1h);
  EXPECT_LE(connects(), first + 4) << "and the gaps grow";
  EXPECT_TRUE(record_.faults().empty());
}

// The same when all of them are there before anything is known of the site.
TEST_F(EngineSim, OpensOneConnectionToASiteThatHasNotAnsweredYet) {
  for (const Reach reach : {Reach::kRefused, Reach::kBlackholed})
    fabric_.SetReach(AddHostless("dead" + std::to_string(int(reach)) + ".test"), reach);
  const Receiver& alive = AddDomain("alive.test", Manners::Tarpit());
  Start();
  for (const Reach reach : {Reach::kRefused, Reach::kBlackholed})
    SendMany(1'000, "r", "dead" + std::to_string(int(reach)) + ".test");
  world_.RunFor(4min);
  EXPECT_EQ(connects(), 2u);
  SendMany(200, "r", "alive.test");
  world_.RunFor(10min);
  EXPECT_EQ(alive.most_open(), config_->delivery.connections_per_path) << "and then all";
}

// Design part 7: suspensions survive a restart; no retry storm.
TEST_F(EngineSim, KeepsASuspensionOverARestart) {
  fabric_.SetReach(AddHostless("dead.test"), Reach::kRefused);
  Start();
  Send("first@dead.test");
  world_.RunFor(1s);
  SendMany(1'000, "r", "dead.test");
  world_.RunFor(1min);
  const uint64_t before = connects();
  Restart(false, 10s);
  SendMany(10, "new", "dead.test");
  world_.RunFor(3min);
  EXPECT_EQ(connects(), before) << "still suspended";
  world_.RunFor(3min);
  EXPECT_EQ(connects(), before + 1) << "one probe";
  // Down for longer than the suspension lasts: still only a probe.
  Restart(true, 2h);
  world_.RunFor(1min);
  EXPECT_EQ(connects(), before + 2);
}

// Design 12.1: max_age runs in every state, that of a suspended site included.
TEST_F(EngineSim, ExpiresInTimeWhatWaitsForASuspendedSite) {
  fabric_.SetReach(AddHostless("dead.test"), Reach::kBlackholed);
  Start();
  SendMany(300, "r", "dead.test");
  world_.RunFor(72h - 1min);
  EXPECT_EQ(record_.CountFinal(queue::EventType::kExpired), 0u);
  world_.RunFor(65min);  // a suspended site is looked at once an hour
  EXPECT_EQ(record_.CountFinal(queue::EventType::kExpired), 300u);
  EXPECT_TRUE(record_.faults().empty());
}

// Design 12.13.
TEST_F(EngineSim, DeliversByIpv4OnlyWithoutAnIpv6Source) {
  AddDomain("both.test");
  more_dns_ = [](dns::FakeDns& dns) {
    dns.AddAaaa("mx.both.test", "2a00:1450:4001:81b::200e");
    dns.AddMx("six.test", {{10, "mx.six.test"}});
    dns.AddAaaa("mx.six.test", "2a00:1450:4001:81b::200f");
  };
  Start();
  Send("a@both.test");
  Send("a@six.test");
  world_.RunFor(1min);
  EXPECT_EQ(mailroom_.pairs(), 1u);
  EXPECT_EQ(connects(), 1u);
}

TEST_F(EngineSim, ForgetsASuspensionWhenTheSiteWorksAgain) {
  const IpAddress address = AddHostless("back.test");
  fabric_.SetReach(address, Reach::kRefused);
  Start();
  SendMany(100, "r", "back.test");
  world_.RunFor(1min);
  Receiver back(fabric_, mailroom_, "mx.back.test", address, {});
  fabric_.SetReach(address, Reach::kUp);
  world_.RunFor(10min);
  EXPECT_EQ(mailroom_.pairs(), 100u);
  Restart(false, 0s);
  Send("late@back.test");
  world_.RunFor(10s);
  EXPECT_EQ(mailroom_.pairs(), 101u);
  engine_.reset();
}

// Domains of one site that belong to different shards: it is suspended as one and probed as one.
TEST_F(EngineSim, TellsAllShardsThatASiteIsDeadAndThatItLivesAgain) {
  const IpAddress address = AddHostless("first.test");
  std::vector<std::string> domains = {"first.test"};
  for (int i = 0; i < 12; ++i) domains.push_back("d" + std::to_string(i) + ".test");
  more_dns_ = [&domains](dns::FakeDns& dns) {
    for (const std::string& domain : domains) dns.AddMx(domain, {{10, "mx.first.test"}});
  };
  Start();
  Send("a@first.test");
  world_.RunFor(1s);
  const uint64_t first = connects();
  EXPECT_EQ(first, 1u);
  for (const std::string& domain : domains) Send("b@" + domain);
  world_.RunFor(4min);
  EXPECT_EQ(connects(), first) << "the second shard tries on its own";
  world_.RunFor(2min);
  EXPECT_EQ(connects(), first + 1) << "one probe for the site";
  receivers_.push_back(
      std::make_unique<Receiver>(fabric_, mailroom_, "mx.first.test", address, Manners{}));
  ASSERT_TRUE(world_.RunUntil([this] { return !mailroom_.all().empty(); }, 30min));
  world_.RunFor(10s);
  // Those that were tried before wait for their own next time, the others leave at once.
  EXPECT_GE(mailroom_.all().size(), domains.size());
  world_.RunFor(2h);
  EXPECT_EQ(mailroom_.all().size(), domains.size() + 1);
  EXPECT_EQ(engine_->totals().recipients, 0u);
  EXPECT_EQ(engine_->lanes(), 0u);
}

// Design 12.8: reports have a lane and a rate of their own for each mailbox.
TEST_F(EngineSim, SpreadsReportsToOneMailboxAndHoldsUpNothingElse) {
  AddDomain("full.test");
  const std::string host = AddDomain("sender.test").host();
  config_->reports.per_minute = 120;
  Start();
  SendMany(300, "unknown", "full.test");
  world_.RunFor(5s);
  const Instant sent = world_.now();
  Send("colleague@sender.test", "");  // the campaign that reports had once
  world_.RunFor(2s);
  const std::vector<Instant> other = TakenFrom("news@sender.test", host);
  ASSERT_EQ(other.size(), 1u);
  EXPECT_LT(other[0] - sent, Duration(1s));
  world_.RunFor(1min);
  EXPECT_LT(TakenFrom("", host).size(), 150u);
  world_.RunFor(3min);
  const std::vector<Instant> reports = TakenFrom("", host);
  ASSERT_EQ(reports.size(), 300u);
  // Not one by one, for the way there varies and the disk may keep one up to two seconds; any
  // twenty take their time, which is ten.
  for (size_t i = 20; i < reports.size(); ++i)
    EXPECT_GT(reports[i] - reports[i - 20], Duration(7s)) << i;
  EXPECT_EQ(engine_->totals().recipients, 0u);
  EXPECT_EQ(engine_->lanes(), 0u);
}

TEST_F(EngineSim, KeepsThePaceOfReportsOverARestart) {
  AddDomain("full.test");
  const std::string host = AddDomain("sender.test").host();
  Start();
  SendMany(200, "unknown", "full.test");
  world_.RunFor(10s);
  Restart(false, 0s);
  const size_t before = TakenFrom("", host).size();
  world_.RunFor(20s);
  const size_t after = TakenFrom("", host).size();
  EXPECT_GE(after, before + 15);
  EXPECT_LE(after, before + 22);
}

}  // namespace
}  // namespace sluice::sim
