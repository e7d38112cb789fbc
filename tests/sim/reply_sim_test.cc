// What reply rules do, as receivers see it: who is stopped or held, who goes on.

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/sim/engine_sim_fixture.h"

namespace sluice::sim {
namespace {

constexpr char kBlockedRule[] =
    "[[rule]]\nname = 'blocked'\ncode = 554\nphase = 'data'\nblame = 'source'\n"
    "treat = 'temporary'\nactions = [{ do = 'suspend', for = '30m', alert = true }]\n"
    "samples = ['554 5.7.1 blocked']\n";

class ReplySim : public EngineSim {
 protected:
  // Design 12.3: a rule that holds is in at the third reply, probes every 15 minutes, and ends by a
  // 2xx. `rule`: its lines but name, code and treat.
  void ExpectHeldAndProbed(const std::string& rule) {
    Receiver& strict = AddDomain("strict.test", {.dot_5xx = 1});
    UseRules("[[rule]]\nname = 'held'\ncode = 554\ntreat = 'temporary'\n" + rule);
    config_->delivery.connections_per_path = 1;
    Start();
    SendMany(60, "r", "strict.test");
    world_.RunFor(14min);
    EXPECT_EQ(strict.transactions(), 3u);
    EXPECT_EQ(record_.alerts(), std::vector<std::string>{"reply_hold"});
    world_.RunFor(40min);
    EXPECT_LE(strict.transactions(), 3u + 3u) << "one probe every 15 minutes";
    EXPECT_GE(strict.transactions(), 3u + 2u);
    Restart(true, 10s);
    strict.SetManners({});
    world_.RunFor(31min);
    EXPECT_EQ(mailroom_.pairs(), 60u);
    EXPECT_EQ(record_.alerts().size(), 1u);
    EXPECT_TRUE(record_.faults().empty());
  }
};

// Design 12.2: where a rule says temporary, a 5xx keeps its recipients queued under the suspension.
TEST_F(ReplySim, KeepsA5xxQueuedWhileARuleSuspendsThePath) {
  Receiver& strict = AddDomain("strict.test", {.dot_5xx = 1});
  UseRules(kBlockedRule);
  Start();
  Send("first@strict.test");
  world_.RunFor(1min);
  SendMany(200, "r", "strict.test");
  world_.RunFor(28min);
  EXPECT_EQ(connects(), 1u) << "suspended";
  EXPECT_EQ(record_.alerts(), std::vector<std::string>{"reply_rule"});
  EXPECT_NE(engine_->Describe().find("strict.test"), std::string::npos);
  strict.SetManners({});
  world_.RunFor(30min);
  EXPECT_EQ(mailroom_.pairs(), 201u);
  EXPECT_EQ(record_.CountFinal(queue::EventType::kBounced), 0u);
  EXPECT_TRUE(record_.faults().empty());
}

TEST_F(ReplySim, GoesOnOverTheOtherSourcesOfThePool) {
  config_->sources.push_back({.name = "second", .address = {}, .public_address = {}, .ehlo = ""});
  config_->pools.front().members.push_back({"second", 1});
  Receiver& strict = AddDomain("strict.test", {.dot_5xx = 1});
  UseRules(kBlockedRule);
  Start();
  Send("first@strict.test");
  world_.RunFor(1min);
  strict.SetManners({});
  SendMany(100, "r", "strict.test");
  world_.RunFor(2min);
  EXPECT_EQ(mailroom_.pairs(), 100u) << "all but the first, which waits for its next attempt";
  world_.RunFor(1h);
  EXPECT_EQ(mailroom_.pairs(), 101u);
}

TEST_F(ReplySim, KeepsASuspendedPathOverARestart) {
  Receiver& strict = AddDomain("strict.test", {.dot_5xx = 1});
  UseRules(kBlockedRule);
  Start();
  Send("first@strict.test");
  world_.RunFor(1min);
  const uint64_t before = connects();
  strict.SetManners({});
  Restart(true, 10s);
  SendMany(10, "new", "strict.test");
  world_.RunFor(28min);
  EXPECT_EQ(connects(), before);
  world_.RunFor(10min);
  EXPECT_EQ(mailroom_.pairs(), 11u);
}

TEST_F(ReplySim, HoldsASourceAtTheThirdReplyAndProbesIt) {
  ExpectHeldAndProbed(
      "blame = 'source'\nactions = [{ do = 'hold' }]\nsamples = ['554 5.7.25 no PTR']\n");
}

// What a receiver says of one sending domain stops that, at that receiver, and nobody else.
TEST_F(ReplySim, SuspendsASendingDomainAndLetsOthersGoOn) {
  Receiver& strict = AddDomain("strict.test", {.dot_5xx = 1});
  AddDomain("other.test");
  UseRules(
      "[[rule]]\nname = 'rate'\ncode = 554\nblame = 'sending_domain'\ntreat = 'temporary'\n"
      "actions = [{ do = 'suspend', what = 'sending_domain', for = '15m' }]\n"
      "samples = ['554 5.7.1 too much of your domain']\n");
  Start();
  Send("first@strict.test");
  world_.RunFor(1min);
  strict.SetManners({});
  SendMany(50, "held", "strict.test");
  SendMany(5, "r", "other.test");
  ASSERT_TRUE(engine_->Submit("shop@second.test", {"free@strict.test"}, "c", "hello\r\n",
                              [](MessageId) {}));
  Nudge();
  world_.RunFor(5min);
  EXPECT_EQ(mailroom_.pairs(), 6u) << "all but those of the domain";
  EXPECT_EQ(strict.transactions(), 2u);
  Restart(true, 10s);
  world_.RunFor(5min);
  EXPECT_EQ(mailroom_.pairs(), 6u) << "a restart forgets nothing";
  world_.RunFor(10min);
  EXPECT_EQ(mailroom_.pairs(), 57u);
  EXPECT_TRUE(record_.faults().empty());
}

TEST_F(ReplySim, HoldsASendingDomainAndProbesWithOneMessage) {
  ExpectHeldAndProbed(
      "blame = 'sending_domain'\nactions = [{ do = 'hold', what = 'sending_domain' }]\n"
      "samples = ['554 5.7.26 no SPF']\n");
}

TEST_F(ReplySim, SuspendsACampaignAndLetsOthersOfTheTenantGoOn) {
  Receiver& strict = AddDomain("strict.test", {.dot_5xx = 1});
  UseRules(
      "[[rule]]\nname = 'c'\ncode = 554\nblame = 'message'\ntreat = 'temporary'\n"
      "actions = [{ do = 'suspend', what = 'campaign', for = '30m' }]\n"
      "samples = ['554 not this']\n");
  Start();
  Send("first@strict.test", "spring");
  world_.RunFor(1min);
  strict.SetManners({});
  Send("second@strict.test", "spring");
  Send("third@strict.test", "autumn");
  world_.RunFor(10min);
  EXPECT_EQ(mailroom_.pairs(), 1u);
  int deferrals = 0;
  for (const auto& [id, fate] : record_.fates()) deferrals += fate.deferrals;
  EXPECT_EQ(deferrals, 1) << "what waits in the queue has no events";
  world_.RunFor(30min);
  EXPECT_EQ(mailroom_.pairs(), 3u);
}

TEST_F(ReplySim, HoldsATenantAndProbesWithOneMessage) {
  ExpectHeldAndProbed(
      "blame = 'sending_domain'\nactions = [{ do = 'hold', what = 'tenant' }]\n"
      "samples = ['554 5.7.26 no DMARC']\n");
}

TEST_F(ReplySim, UsesOneConnectionWhereAReceiverAsksForIt) {
  Receiver& strict = AddDomain("strict.test", {.rcpt_4xx = 1});
  UseRules(
      "[[rule]]\nname = 'one'\ncode = 451\nblame = 'nobody'\n"
      "actions = [{ do = 'one_connection', for = '20m', limit = 2 }]\nsamples = ['451 busy']\n");
  Start();
  SendMany(10, "first", "strict.test");
  world_.RunFor(1min);
  strict.SetManners({});
  strict.CountIn(watch_);
  SendMany(200, "r", "strict.test");
  world_.RunFor(15min);
  EXPECT_EQ(watch_.most(), 1u);
  EXPECT_GE(mailroom_.pairs(), 200u);
  world_.RunFor(10min);
  watch_.ForgetMost();
  SendMany(400, "late", "strict.test");
  world_.RunFor(5min);
  EXPECT_EQ(watch_.most(), 2u) << "what was learnt";
  EXPECT_EQ(mailroom_.pairs(), 610u);
}

TEST_F(ReplySim, LearnsHowManyMessagesAConnectionMayCarry) {
  Receiver& strict = AddDomain("strict.test", {.messages = 5});
  UseRules(
      "[[rule]]\nname = 'few'\ncode = 421\nblame = 'nobody'\n"
      "actions = [{ do = 'recycle', limit = 4 }]\nsamples = ['421 that is enough']\n");
  config_->delivery.connections_per_path = 1;
  Start();
  SendMany(6, "first", "strict.test");
  world_.RunFor(10min);
  EXPECT_EQ(mailroom_.pairs(), 6u);
  strict.SetManners({});
  const uint64_t before = strict.connections();
  SendMany(40, "r", "strict.test");
  world_.RunFor(5min);
  EXPECT_EQ(strict.connections() - before, 10u);
}

TEST_F(ReplySim, SendsWithTlsOnlyWhereAReceiverAsksForIt) {
  Receiver& strict = AddDomain("strict.test", {.starttls = false, .rcpt_4xx = 1});
  UseRules(
      "[[rule]]\nname = 'tls'\ncode = 451\nblame = 'source'\n"
      "actions = [{ do = 'force_tls', for = '1h' }]\nsamples = ['451 busy']\n");
  Start();
  Send("first@strict.test");
  world_.RunFor(1min);
  strict.SetManners({.starttls = false});
  world_.RunFor(20min);
  EXPECT_EQ(mailroom_.pairs(), 0u) << "it offers no TLS";
  strict.SetManners({});
  world_.RunFor(30min);
  EXPECT_EQ(mailroom_.pairs(), 1u);
}

TEST_F(ReplySim, ConnectsAnewWhereARuleSaysSo) {
  Receiver& receiver = AddDomain("example.test", {.rcpt_4xx = 1});
  UseRules(
      "[[rule]]\nname = 'new'\ncode = 451\nblame = 'nobody'\n"
      "actions = [{ do = 'recycle' }]\nsamples = ['451 busy']\n");
  config_->delivery.connections_per_path = 1;
  Start();
  SendMany(5, "r", "example.test");
  world_.RunFor(1min);
  EXPECT_EQ(receiver.connections(), 5u) << "one for each";
}

}  // namespace
}  // namespace sluice::sim
