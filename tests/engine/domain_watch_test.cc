// States of domains over days of virtual time: when they change, what is told, what is remembered,
// and what submission makes of them.

#include "engine/domains/domain_watch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/submission/domain_gate.h"
#include "tests/engine/domain_fixture.h"
#include "tests/engine/fake_net.h"

namespace sluice::engine {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;
using Act = Ruling::Act;
using Policy = config::DomainRules::Unverified;

class DomainWatchTest : public DomainTest {
 protected:
  void Start(const DomainStates& known = {}) {
    watch.emplace(WatchParts{world.clock, world.timers, world.dns, random, surroundings,
                             [this](auto states) { published = std::move(states); },
                             [this](const std::string& reason, const std::string& text) {
                               alerts.push_back(reason + ": " + text);
                             },
                             connects ? &net : nullptr},
                  std::make_shared<const config::Config>(config), known);
    watch->Start();
  }
  void Reload() { watch->Reload(std::make_shared<const config::Config>(config)); }
  // Time in steps, so that hosts can answer before they are given up.
  void PassWithHosts(Duration time) {
    for (Duration step{}; step < time; step += 500ms) {
      Pass(500ms);
      loop.Run();
    }
  }
  void Pass(Duration time) { world.clock.Advance(world.timers, time); }
  Standing Now(const char* domain = "example.com") const { return published->at(domain).standing; }
  Ruling Rule(Policy policy, const char* from = "example.com") {
    return RuleOn(*published, policy, from, world.clock.Wall());
  }

  Random random{7};
  testing::FakeLoop loop;
  testing::FakeNet net{loop};
  bool connects = false;
  config::FakeSurroundings surroundings;
  std::shared_ptr<const DomainStates> published;
  std::vector<std::string> alerts;
  std::optional<DomainWatch> watch;
};

TEST_F(DomainWatchTest, VerifiesADomainWhoseRecordsAreRight) {
  PublishAll();
  Start();
  EXPECT_EQ(Now(), Standing::kUnchecked);
  Pass(10s);
  EXPECT_EQ(Now(), Standing::kVerified);
  EXPECT_THAT(alerts, IsEmpty());
  EXPECT_EQ(*ParseStates(FormatStates(*published)), *published);
  EXPECT_EQ(Rule(Policy::kRefuse).act, Act::kAccept);
}

TEST_F(DomainWatchTest, LooksAtOnceWhenItIsToldTo) {
  Start();
  Pass(10s);
  EXPECT_EQ(Now(), Standing::kUnverified);
  PublishAll();
  Pass(10s);
  EXPECT_EQ(Now(), Standing::kUnverified) << "its next look is minutes away";
  EXPECT_TRUE(watch->CheckNow("example.com"));
  Pass(2s);
  EXPECT_EQ(Now(), Standing::kVerified);
  EXPECT_FALSE(watch->CheckNow("other.com"));
  EXPECT_FALSE(watch->CheckNow(""));
  config.domain_rules.check_every = {};
  Reload();
  EXPECT_FALSE(watch->CheckNow("example.com")) << "nobody looks";
}

TEST_F(DomainWatchTest, TellsOnceWhenAVerifiedDomainFailsAndMendsByItself) {
  PublishAll();
  Start();
  Pass(10s);
  world.dns.Remove("s1._domainkey.example.com");
  Pass(7h);
  EXPECT_EQ(Now(), Standing::kFailing);
  ASSERT_EQ(alerts.size(), 1u);
  EXPECT_THAT(alerts[0], StartsWith("domain_failing: example.com was verified"));
  EXPECT_THAT(alerts[0], HasSubstr("s1._domainkey.example.com"));
  EXPECT_EQ(Rule(Policy::kRefuse).act, Act::kAccept);  // a bad hour stops nobody
  Pass(25h);
  EXPECT_EQ(alerts.size(), 1u);
  EXPECT_EQ(Rule(Policy::kRefuse).act, Act::kRefuse);
  EXPECT_EQ(Rule(Policy::kWarn).act, Act::kWarn);
  world.dns.AddTxt("s1._domainkey.example.com", Plan().keys[0].record);
  Pass(6min);
  EXPECT_EQ(Now(), Standing::kVerified);
}

TEST_F(DomainWatchTest, TellsOnceThatTheReturnPathLeadsElsewhereAndSendsOn) {
  PublishAll();
  connects = true;
  config.domain_rules.check_every = 10s;
  testing::FakeHost& host = net.At("9.9.9.1:25");
  host.greeting = "220 mx.other.com ESMTP\r\n";
  Start();
  PassWithHosts(60s);
  EXPECT_GT(host.connections, 3);
  EXPECT_EQ(Now(), Standing::kVerified);
  ASSERT_EQ(alerts.size(), 1u);
  EXPECT_THAT(alerts[0], StartsWith("return_path_unreached: mail to bounces.example.com, the "
                                    "return path of example.com, does not reach this engine: "));
  EXPECT_THAT(alerts[0], HasSubstr("mx.other.com"));
  host.connect = testing::FakeHost::Connect::kRefuse;  // told as a warning by `check` alone
  PassWithHosts(60s);
  EXPECT_EQ(alerts.size(), 1u);
  host.connect = testing::FakeHost::Connect::kAccept;
  host.greeting = "220 mta.host.com ESMTP ready\r\n";
  PassWithHosts(60s);
  host.greeting = "220 mx.other.com ESMTP\r\n";
  PassWithHosts(60s);
  EXPECT_EQ(alerts.size(), 2u);
}

TEST_F(DomainWatchTest, AsksHostsOnceForAllDomainsThatLeadThere) {
  connects = true;
  net.At("9.9.9.1:25").connect = testing::FakeHost::Connect::kSilent;
  for (int i = 0; i < 20; ++i) {
    config::Domain& more = config.domains.emplace_back(config.domains[0]);
    more.name = "d" + std::to_string(i) + ".com";
  }
  PublishAll();
  Start();
  PassWithHosts(30s);
  EXPECT_EQ(net.attempts.size(), 1u);
  EXPECT_EQ(Now(), Standing::kVerified);
  EXPECT_EQ(Now("d19.com"), Standing::kUnverified);  // looked up, though nobody answered there
}

TEST_F(DomainWatchTest, ConnectsToNobodyWithoutAnInboundListener) {
  connects = true;
  config.listeners.clear();
  PublishAll();
  Start();
  PassWithHosts(60s);
  EXPECT_EQ(Now(), Standing::kVerified);
  EXPECT_THAT(net.attempts, IsEmpty());
}

TEST_F(DomainWatchTest, LeavesAStateAloneWhileDnsDoesNotAnswer) {
  PublishAll();
  Start();
  Pass(10s);
  world.dns.SetFailureOfAll(dns::FakeFailure::kServFail);
  Pass(48h);
  EXPECT_EQ(Now(), Standing::kVerified);
  EXPECT_THAT(alerts, IsEmpty());
}

TEST_F(DomainWatchTest, LooksAgainSoonAtWhatIsNotRight) {
  Start();
  Pass(10s);
  EXPECT_EQ(Now(), Standing::kUnverified);
  EXPECT_THAT(published->at("example.com").problem, HasSubstr("DKIM key of s1._domainkey"));
  EXPECT_EQ(Rule(Policy::kWarn).act, Act::kWarn);
  EXPECT_EQ(Rule(Policy::kRefuse).act, Act::kRefuse);
  EXPECT_EQ(Rule(Policy::kRefuse, "news.example.com").act, Act::kRefuse);
  EXPECT_EQ(Rule(Policy::kRefuse, "other.com").act, Act::kAccept);
  EXPECT_EQ(Rule(Policy::kRefuse, "badexample.com").act, Act::kAccept);
  PublishAll();
  Pass(6min);
  EXPECT_EQ(Now(), Standing::kVerified);
}

TEST_F(DomainWatchTest, AsksAtABoundedRate) {
  PublishAll();
  Start();
  Pass(1min);
  const size_t first = world.dns.asked().size();
  EXPECT_LT(first, 60u);
  Pass(5h);
  EXPECT_EQ(world.dns.asked().size(), first);
  Pass(48h);
  EXPECT_LT(world.dns.asked().size(), 10 * first);
}

TEST_F(DomainWatchTest, TellsListingsOnceAndJudgesNoDomainByThem) {
  PublishAll();
  world.dns.AddA("1.9.9.9.bl.com", "127.0.0.3");
  Start();
  Pass(10s);
  EXPECT_EQ(Now(), Standing::kVerified);
  Pass(20h);
  EXPECT_THAT(alerts, ElementsAre(StartsWith("source_listed: block list of bl.com: 9.9.9.1")));
}

TEST_F(DomainWatchTest, RemembersAcrossARestartWithoutAskingAtOnce) {
  PublishAll();
  Start();
  Pass(10s);
  const DomainStates before = *published;
  watch.reset();
  const size_t asked = world.dns.CountAsked("TXT _sluice.example.com");
  Start(before);
  EXPECT_EQ(Now(), Standing::kVerified);
  Pass(1h);
  EXPECT_EQ(world.dns.CountAsked("TXT _sluice.example.com"), asked);
  Pass(7h);
  EXPECT_EQ(world.dns.CountAsked("TXT _sluice.example.com"), asked + 1);
}

TEST_F(DomainWatchTest, TakesUpNewDomainsRetiresOldOnesAndForgetsNone) {
  PublishAll();
  Start();
  Pass(10s);
  config::Domain fresh{.name = "fresh.com", .tenant = "crm", .dkim = {}, .return_path = {}};
  config.domains[0].retired = true;
  config.domains.push_back(fresh);
  Reload();
  EXPECT_EQ(Now(), Standing::kRetired);
  EXPECT_EQ(watch->NextCheck("example.com"), kNever);
  Pass(10s);
  EXPECT_EQ(Now("fresh.com"), Standing::kUnverified);
  EXPECT_EQ(Rule(Policy::kWarn).act, Act::kRefuse);
  config.domains[0].retired = false;
  config.domains[0].tenant = "shop";
  Reload();
  EXPECT_EQ(Now(), Standing::kUnchecked);
  Pass(10s);
  EXPECT_EQ(Now(), Standing::kUnverified);  // the token names the old tenant
}

TEST_F(DomainWatchTest, SurvivesReloadsAndItsEndWhileQuestionsAreOut) {
  PublishAll();
  world.dns.SetLatency(1s, 1s);
  Start();
  for (int i = 0; i < 20; ++i) {
    Pass(700ms);
    config.domains[0].dkim.resize(i % 2 == 0 ? 1 : 0);
    Reload();
  }
  Pass(1min);
  EXPECT_NE(Now(), Standing::kUnchecked);
  Pass(6h);
  config.domains.clear();
  Reload();
  Pass(10s);
  EXPECT_THAT(*published, IsEmpty());
  watch.reset();
  Pass(10s);
}

TEST_F(DomainWatchTest, DoesNotLookWhenToldNeverTo) {
  config.domain_rules.check_every = Duration(0);
  Start();
  Pass(48h);
  EXPECT_THAT(world.dns.asked(), IsEmpty());
  EXPECT_EQ(Now(), Standing::kUnchecked);
  EXPECT_EQ(Rule(Policy::kWarn).act, Act::kAccept);
}

TEST_F(DomainWatchTest, ReadsNoStatesThatAreNotItsOwn) {
  PublishAll();
  Start();
  Pass(10s);
  const std::string whole = FormatStates(*published);
  for (size_t cut = 0; cut + 2 < whole.size(); cut += 7)
    EXPECT_FALSE(ParseStates(whole.substr(0, cut)).has_value()) << cut;
  for (const char* bad :
       {"[]", "{}", R"({"version":2,"domains":{}})", R"({"version":1,"domains":[]})",
        R"({"version":1,"domains":{"a.b":{"tenant":1}}})"})
    EXPECT_FALSE(ParseStates(bad).has_value()) << bad;
}

class DomainGateTest : public DomainWatchTest {
 protected:
  DomainGate::Admission Admit(const char* from = "example.com") {
    context.config = std::make_shared<const config::Config>(config);
    context.domains = published;
    return gate.Admit(context, from);
  }
  class NoNet final : public io::Net {
   public:
    io::Stream* Connect(const io::ConnectParams&, io::StreamEvents*) override { return nullptr; }
    Result<std::unique_ptr<io::Listener>> Listen(const Endpoint&, AcceptFn) override {
      return Fail(ErrorCode::kIo, "no net");
    }
    Result<std::shared_ptr<io::TlsServerContext>> MakeTlsServer(const std::string&,
                                                                const std::string&) override {
      return Fail(ErrorCode::kIo, "no net");
    }
    std::shared_ptr<io::TlsClientContext> MakeTlsClient() override { return nullptr; }
  };
  NoNet net;
  BodyBudget bodies{1024};
  ShardContext context{0, world.clock, world.timers, net, random, bodies, nullptr};
  DomainGate gate;
};

TEST_F(DomainGateTest, WarnsOfAnUnverifiedDomainOnceAnHour) {
  Start();
  Pass(10s);
  EXPECT_TRUE(Admit().refusal.empty());
  EXPECT_THAT(Admit().warning, IsEmpty());  // told by the one before
  Pass(61min);
  EXPECT_THAT(Admit().warning, HasSubstr("From domain example.com is not verified"));
  EXPECT_THAT(Admit("").warning, IsEmpty());
}

TEST_F(DomainGateTest, RefusesForNowWhenThePolicySaysSo) {
  config.domain_rules.unverified = Policy::kRefuse;
  Start();
  EXPECT_EQ(Admit().refusal.code, 451);
  Pass(10s);
  const smtp::Answer refusal = Admit("news.example.com").refusal;
  EXPECT_EQ(refusal.code, 451);
  EXPECT_STREQ(refusal.enhanced, "4.7.0");
  EXPECT_THAT(refusal.text, HasSubstr("example.com is not verified: DKIM key"));
  PublishAll();
  Pass(6min);
  EXPECT_TRUE(Admit().refusal.empty());
}

}  // namespace
}  // namespace sluice::engine
