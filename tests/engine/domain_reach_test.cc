// Who answers where returned mail goes: hosts of a scripted network greet as this engine, as
// somebody else, refuse, stall, hang up and talk nonsense; each gives a clear finding in bounded
// time, and no connection stays.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/domains/reach.h"
#include "tests/engine/domain_fixture.h"
#include "tests/engine/fake_net.h"

namespace sluice::engine {
namespace {

using testing::FakeHost;
using ::testing::HasSubstr;

class DomainReachTest : public DomainTest {
 protected:
  DomainReachTest() {
    PublishAll();
    world.dns.AddA("mta.host.com", "9.9.9.2");
    world.dns.AddAaaa("mta.host.com", "2606:4700::2");
  }

  std::vector<ReachTarget> Targets() {
    return world.Study<std::vector<ReachTarget>>(
        [this](dns::Facts& facts) { return ReachTargets(facts, Plan(), Host()); });
  }
  // What is found when the one target is as `at` says.
  Finding Probe(const std::string& at) {
    const std::vector<ReachTarget> targets = {{"mta.host.com", *Endpoint::Parse(at)}};
    return Probe(targets);
  }
  Finding Probe(const std::vector<ReachTarget>& targets) {
    ReachProbe probe(net, loop.timers, loop);
    std::optional<std::vector<ReachAnswer>> answers;
    probe.Start(targets, [&](std::vector<ReachAnswer> all) { answers = std::move(all); });
    loop.Advance(ReachProbe::kAnswerWithin);
    loop.Run();
    EXPECT_TRUE(answers.has_value());
    EXPECT_TRUE(net.all_gone());
    return answers ? JudgeReach(Plan(), Host(), config::FakeSurroundings(), targets, *answers)
                   : Finding{};
  }

  testing::FakeLoop loop;
  testing::FakeNet net{loop};
};

constexpr char kPublic[] = "9.9.9.2:25";
constexpr char kLocal[] = "8.8.4.4:25";  // of the machine, as FakeSurroundings has it

TEST_F(DomainReachTest, AsksEachAddressOfTheHostsThatAreOurs) {
  world.dns.AddMx("bounces.example.com", {{10, "MTA.host.com"}, {20, "backup.net"}});
  world.dns.AddA("backup.net", "8.8.8.8");
  EXPECT_EQ(Targets(),
            (std::vector<ReachTarget>{{"mta.host.com", *Endpoint::Parse("9.9.9.1:25")},
                                      {"mta.host.com", *Endpoint::Parse(kPublic)},
                                      {"mta.host.com", *Endpoint::Parse("[2606:4700::2]:25")}}));
}

TEST_F(DomainReachTest, AsksNobodyWithoutAReturnPathOrAnInboundListener) {
  config.listeners.clear();
  EXPECT_TRUE(Targets().empty());
  config.listeners.emplace_back().role = config::Role::kInbound;
  EXPECT_FALSE(Targets().empty());
  config.domains[0].return_path.clear();
  EXPECT_TRUE(Targets().empty());
}

TEST_F(DomainReachTest, FindsThisEngineByItsGreeting) {
  net.At(kPublic).greeting = "220-MTA.host.com ESMTP\r\n220 ready\r\n";
  const Finding finding = Probe(kPublic);
  EXPECT_EQ(finding.judgement, Judgement::kRight);
  EXPECT_EQ(finding.role, Role::kReturnReach);
  EXPECT_THAT(finding.what, HasSubstr("this engine answers at 9.9.9.2:25 (mta.host.com)"));
  EXPECT_EQ(net.At(kPublic).writes, 1);  // QUIT
}

TEST_F(DomainReachTest, TellsWhoAnswersInstead) {
  net.At(kPublic).greeting = "220 mx.other.com ESMTP Postfix\r\n";
  const Finding finding = Probe(kPublic);
  EXPECT_EQ(finding.judgement, Judgement::kWrong);
  EXPECT_THAT(finding.what, HasSubstr("somebody else"));
  EXPECT_THAT(finding.what, HasSubstr("(mta.host.com): mx.other.com"));
  EXPECT_FALSE(finding.advice.empty());
}

TEST_F(DomainReachTest, BlamesNobodyBeingThereOnlyOnAnAddressOfThisMachine) {
  for (const auto how : {FakeHost::Connect::kRefuse, FakeHost::Connect::kSilent}) {
    net.At(kPublic).connect = net.At(kLocal).connect = how;
    EXPECT_THAT(Probe(kPublic).what, HasSubstr("nothing listens at 9.9.9.2:25"));
    EXPECT_EQ(Probe(kPublic).judgement, Judgement::kWarning);
    EXPECT_THAT(Probe(kPublic).advice, HasSubstr("from elsewhere"));
    EXPECT_EQ(Probe(kLocal).judgement, Judgement::kWrong);
    EXPECT_THAT(Probe(kLocal).advice, HasSubstr("inbound"));
  }
}

TEST_F(DomainReachTest, BoundsSilenceHangUpsAndNonsense) {
  const std::string endless = "220-" + std::string(900, 'x') + "\r\n";
  std::string long_greeting;
  for (int i = 0; i < 100; ++i) long_greeting += endless;
  for (const std::string& greeting :
       {std::string("silence"), std::string("drop"), std::string("HTTP/1.1 400 Bad Request\r\n"),
        std::string(100'000, 'x'), long_greeting}) {
    net.At(kPublic).greeting = greeting;
    EXPECT_EQ(Probe(kPublic).judgement, Judgement::kWrong) << greeting.substr(0, 40);
    EXPECT_THAT(Probe(kPublic).what, HasSubstr("no mail server answers"));
  }
  net.At(kPublic).greeting = "421 4.3.2 mta.host.com too busy\r\n";
  EXPECT_EQ(Probe(kPublic).judgement, Judgement::kWarning);
  EXPECT_THAT(Probe(kPublic).what, HasSubstr("421"));
}

TEST_F(DomainReachTest, TellsTheWorstOfSeveralAddressesAndAsksOnlySoMany) {
  std::vector<ReachTarget> targets;
  for (int i = 1; i <= 20; ++i) {
    const std::string at = "9.9.9." + std::to_string(i) + ":25";
    net.At(at).greeting = "220 mta.host.com ESMTP ready\r\n";
    targets.push_back({"mta.host.com", *Endpoint::Parse(at)});
  }
  EXPECT_EQ(Probe(targets).judgement, Judgement::kRight);
  EXPECT_EQ(net.attempts.size(), ReachProbe::kTargetsMax);
  net.At("9.9.9.2:25").connect = FakeHost::Connect::kRefuse;
  net.At("9.9.9.3:25").greeting = "220 mx.other.com\r\n";
  EXPECT_THAT(Probe(targets).what, HasSubstr("mx.other.com"));
}

}  // namespace
}  // namespace sluice::engine
