// Promises of the whole engine in small simulated worlds, one each: what no random campaign of
// scenario.h would show by itself.

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "config/shaping_parser.h"
#include "engine/base/message_id.h"
#include "tests/sim/connection_watch.h"
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

constexpr char kBlockedRule[] =
    "[[rule]]\nname = 'blocked'\ncode = 554\nphase = 'data'\nblame = 'source'\n"
    "treat = 'temporary'\nactions = [{ do = 'suspend', for = '30m', alert = true }]\n"
    "samples = ['554 5.7.1 blocked']\n";

// Design 12.2: where a rule says temporary, a 5xx keeps its recipients queued under the suspension.
TEST_F(EngineSim, KeepsA5xxQueuedWhileARuleSuspendsThePath) {
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

TEST_F(EngineSim, GoesOnOverTheOtherSourcesOfThePool) {
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

TEST_F(EngineSim, KeepsASuspendedPathOverARestart) {
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

// Design 12.3: in at the third reply, a probe every 15 minutes, ended by a 2xx.
TEST_F(EngineSim, HoldsASourceAtTheThirdReplyAndProbesIt) {
  Receiver& strict = AddDomain("strict.test", {.dot_5xx = 1});
  UseRules(
      "[[rule]]\nname = 'ptr'\ncode = 554\nblame = 'source'\ntreat = 'temporary'\n"
      "actions = [{ do = 'hold' }]\nsamples = ['554 5.7.25 no PTR']\n");
  config_->delivery.connections_per_path = 1;
  Start();
  SendMany(100, "r", "strict.test");
  world_.RunFor(14min);
  EXPECT_EQ(strict.transactions(), 3u);
  EXPECT_EQ(record_.alerts(), std::vector<std::string>{"reply_hold"});
  world_.RunFor(40min);
  EXPECT_LE(strict.transactions(), 3u + 3u) << "one probe every 15 minutes";
  EXPECT_GE(strict.transactions(), 3u + 2u);
  strict.SetManners({});
  world_.RunFor(30min);
  EXPECT_EQ(mailroom_.pairs(), 100u);
  EXPECT_EQ(record_.alerts().size(), 1u);
}

// What a receiver says of one sending domain stops that, at that receiver, and nobody else.
TEST_F(EngineSim, SuspendsASendingDomainAndLetsOthersGoOn) {
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

// Design 12.3, for mail of a domain.
TEST_F(EngineSim, HoldsASendingDomainAndProbesWithOneMessage) {
  Receiver& strict = AddDomain("strict.test", {.dot_5xx = 1});
  UseRules(
      "[[rule]]\nname = 'spf'\ncode = 554\nblame = 'sending_domain'\ntreat = 'temporary'\n"
      "actions = [{ do = 'hold', what = 'sending_domain' }]\nsamples = ['554 5.7.26 no SPF']\n");
  config_->delivery.connections_per_path = 1;
  Start();
  SendMany(60, "r", "strict.test");
  world_.RunFor(14min);
  EXPECT_EQ(strict.transactions(), 3u);
  EXPECT_EQ(record_.alerts(), std::vector<std::string>{"reply_hold"});
  world_.RunFor(40min);
  EXPECT_LE(strict.transactions(), 3u + 3u) << "one probe every 15 minutes";
  EXPECT_GE(strict.transactions(), 3u + 2u);
  strict.SetManners({});
  world_.RunFor(31min);
  EXPECT_EQ(mailroom_.pairs(), 60u);
  EXPECT_EQ(record_.alerts().size(), 1u);
  EXPECT_TRUE(record_.faults().empty());
}

TEST_F(EngineSim, SuspendsACampaignAndLetsOthersOfTheTenantGoOn) {
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

// Design 12.3, for mail of a campaign: it leaves the queue of the site between the probes.
TEST_F(EngineSim, HoldsATenantAndProbesWithOneMessage) {
  Receiver& strict = AddDomain("strict.test", {.dot_5xx = 1});
  UseRules(
      "[[rule]]\nname = 'dmarc'\ncode = 554\nblame = 'sending_domain'\ntreat = 'temporary'\n"
      "actions = [{ do = 'hold', what = 'tenant' }]\nsamples = ['554 5.7.26 no DMARC']\n");
  config_->delivery.connections_per_path = 1;
  Start();
  SendMany(60, "r", "strict.test");
  world_.RunFor(54min);
  EXPECT_GE(strict.transactions(), 3u + 2u);
  EXPECT_LE(strict.transactions(), 3u + 3u) << "one probe every 15 minutes";
  Restart(true, 10s);
  strict.SetManners({});
  world_.RunFor(31min);
  EXPECT_EQ(mailroom_.pairs(), 60u);
  EXPECT_TRUE(record_.faults().empty());
}

TEST_F(EngineSim, UsesOneConnectionWhereAReceiverAsksForIt) {
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

TEST_F(EngineSim, LearnsHowManyMessagesAConnectionMayCarry) {
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

TEST_F(EngineSim, SendsWithTlsOnlyWhereAReceiverAsksForIt) {
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

TEST_F(EngineSim, ConnectsAnewWhereARuleSaysSo) {
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

// Schedules (docs/fairness.md). Held is not late: max_age runs from the start.
TEST_F(EngineSim, HoldsScheduledMailUntilItsTimeOverARestart) {
  AddDomain("a.test");
  Start();
  const Instant sent = world_.now();
  for (int i = 0; i < 50; ++i)
    engine_->Submit({.sender = "news@sender.test",
                     .recipients = {"r" + std::to_string(i) + "@a.test"},
                     .campaign = "c",
                     .hold = 96h},
                    [](MessageId) {});
  Send("now@a.test");
  world_.RunFor(48h);
  EXPECT_EQ(mailroom_.all().size(), 1u) << "others of the campaign do not wait for it";
  Restart(true, 1h);
  world_.RunUntil(sent + 96h - 1min);
  EXPECT_EQ(mailroom_.all().size(), 1u);
  world_.RunFor(2min);
  EXPECT_EQ(mailroom_.all().size(), 51u);
  EXPECT_TRUE(record_.faults().empty());
}

TEST_F(EngineSim, SendsOnlyInTheHoursOfASchedule) {
  config_->delivery.connections_per_path = 1;
  Manners slow;
  slow.reply_min = slow.reply_max = 1s;
  AddDomain("a.test", slow);
  Start();
  // Two hours of each day, the first begins an hour from now.
  constexpr int64_t kDay = int64_t(24) * 60 * 60;
  const int64_t now = MicrosOf(world_.clock().Wall()) / 1'000'000 % kDay;
  queue::SendWindow window;
  window.from = uint16_t((now / 60 + 60) % queue::kMinutesOfDay);
  window.to = uint16_t((window.from + 120) % queue::kMinutesOfDay);
  for (int i = 0; i < 9'000; ++i) {
    engine_->Submit({.sender = "news@sender.test",
                     .recipients = {"r" + std::to_string(i) + "@a.test"},
                     .campaign = "c",
                     .hold = 1h,
                     .window = window},
                    [](MessageId) {});
    if (i % 100 == 99) world_.RunFor(10ms);
  }
  world_.RunFor(26h + 30min);
  const size_t taken = mailroom_.all().size();
  ASSERT_GT(taken, 1'000u);
  ASSERT_LT(taken, 9'000u);
  const WallTime start = world_.clock().Wall() - (world_.now() - Instant{});
  std::set<int64_t> days;
  for (const Taken& one : mailroom_.all()) {
    const WallTime at = start + (one.at - Instant{});
    days.insert(MicrosOf(at) / 1'000'000 / kDay);
    // What was begun in the hours may end a few seconds after them.
    const bool begun = queue::NextInHours(window, at - 30s) == at - 30s;
    EXPECT_TRUE(begun || queue::NextInHours(window, at) == at) << FormatRfc3339(at);
  }
  EXPECT_EQ(days.size(), 2u) << "the rest of the first day goes on the second";
  EXPECT_TRUE(record_.faults().empty());
}

TEST_F(EngineSim, ExpiresAtTheEndOfASchedule) {
  fabric_.SetReach(AddHostless("dead.test"), Reach::kRefused);
  Start();
  queue::SendWindow window;
  window.end = world_.clock().Wall() + 3h;
  engine_->Submit({.sender = "news@sender.test",
                   .recipients = {"r@dead.test"},
                   .campaign = "c",
                   .window = window},
                  [](MessageId) {});
  world_.RunFor(3h - 1min);
  EXPECT_EQ(record_.CountFinal(queue::EventType::kExpired), 0u);
  world_.RunFor(70min);
  EXPECT_EQ(record_.CountFinal(queue::EventType::kExpired), 1u);
  EXPECT_TRUE(record_.faults().empty());
}

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
