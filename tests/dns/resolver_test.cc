// The cache: TTLs by a manual clock, merged questions, old answers for failing servers, eviction.

#include "dns/resolver.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/dns/fake_dns.h"
#include "tests/dns/manual_clock.h"

namespace sluice::dns {
namespace {

using namespace std::chrono_literals;

class ResolverTest : public testing::Test {
 protected:
  // The kind and first record of each answer, as it comes.
  void Ask(const std::string& name, RecordType type = RecordType::kA) {
    resolver_.Ask(name, type, [this](const Answer& answer) { Note(answer); });
  }
  void Note(const Answer& answer) {
    std::string text;
    switch (answer.kind) {
      case AnswerKind::kRecords:
        text = answer.records[0].type == RecordType::kA ? answer.records[0].address.ToString()
                                                        : answer.records[0].data;
        break;
      case AnswerKind::kNoData:
        text = "nodata";
        break;
      case AnswerKind::kNxDomain:
        text = "nxdomain";
        break;
      case AnswerKind::kFailure:
        text = "failure";
        break;
    }
    answers_.push_back(answer.stale ? text + " stale" : text);
    last_ = answer.detail;
    expires_ = answer.expires;
  }
  std::string AskNow(const std::string& name, RecordType type = RecordType::kA) {
    Ask(name, type);
    clock_.Advance(timers_, 11s);
    return answers_.empty() ? "" : answers_.back();
  }

  ManualClock clock_;
  TimerQueue timers_;
  FakeDns dns_{timers_, clock_};
  Resolver resolver_{dns_, clock_, 1000};
  std::vector<std::string> answers_;
  std::string last_;
  Instant expires_{};
};

TEST_F(ResolverTest, AnswersLaterFirstAndFromTheCacheInsideTheCall) {
  dns_.AddA("a.example", "192.0.2.1");
  Ask("a.example");
  EXPECT_TRUE(answers_.empty());
  clock_.Advance(timers_, 1s);
  EXPECT_THAT(answers_, testing::ElementsAre("192.0.2.1"));
  Ask("a.example");
  EXPECT_EQ(answers_.size(), 2u);
  EXPECT_EQ(dns_.asked().size(), 1u);
}

TEST_F(ResolverTest, AsksOnceForManyWhoAskAtOnce) {
  dns_.AddA("a.example", "192.0.2.1");
  for (int i = 0; i < 50; ++i) Ask("a.example");
  clock_.Advance(timers_, 1s);
  EXPECT_EQ(answers_.size(), 50u);
  EXPECT_EQ(dns_.asked().size(), 1u);
  EXPECT_EQ(resolver_.stats().merged, 49u);
}

TEST_F(ResolverTest, AsksAgainWhenTheTtlIsOver) {
  dns_.AddA("a.example", "192.0.2.1", 100);
  AskNow("a.example");
  dns_.Remove("a.example");
  dns_.AddA("a.example", "192.0.2.2", 100);
  clock_.Advance(timers_, 80s);
  EXPECT_EQ(AskNow("a.example"), "192.0.2.1");
  clock_.Advance(timers_, 20s);
  EXPECT_EQ(AskNow("a.example"), "192.0.2.2");
}

TEST_F(ResolverTest, ClampsTtls) {
  dns_.AddA("zero.example", "192.0.2.1", 0);
  dns_.AddA("ages.example", "192.0.2.1", 4'000'000);
  Ask("zero.example");
  const Instant asked = clock_.Now();
  clock_.Advance(timers_, 1s);
  EXPECT_EQ(expires_, asked + 1ms + std::chrono::seconds(kTtlMinSeconds));
  Ask("ages.example");
  clock_.Advance(timers_, 1s);
  EXPECT_EQ(expires_, asked + 1s + 1ms + std::chrono::seconds(kTtlMaxSeconds));
}

TEST_F(ResolverTest, KeepsWhatDoesNotExistForTheSoaMinimum) {
  dns_.SetNegativeTtl(200);
  EXPECT_EQ(AskNow("no.example"), "nxdomain");
  EXPECT_EQ(last_, "A no.example: NXDOMAIN");
  dns_.AddA("no.example", "192.0.2.1");
  clock_.Advance(timers_, 150s);
  EXPECT_EQ(AskNow("no.example"), "nxdomain");
  clock_.Advance(timers_, 60s);
  EXPECT_EQ(AskNow("no.example"), "192.0.2.1");
}

TEST_F(ResolverTest, TellsMissingRecordsFromMissingNames) {
  dns_.AddA("a.example", "192.0.2.1");
  EXPECT_EQ(AskNow("a.example", RecordType::kMx), "nodata");
}

TEST_F(ResolverTest, DoesNotAskFailingServersAgainAtOnce) {
  dns_.AddA("a.example", "192.0.2.1");
  for (const FakeFailure failure :
       {FakeFailure::kServFail, FakeFailure::kRefused, FakeFailure::kTimeout, FakeFailure::kGarbage,
        FakeFailure::kTruncated, FakeFailure::kWrongName}) {
    dns_.SetFailure("a.example", failure);
    EXPECT_EQ(AskNow("a.example"), "failure");
    const size_t asked = dns_.asked().size();
    EXPECT_EQ(AskNow("a.example"), "failure");
    EXPECT_EQ(dns_.asked().size(), asked) << int(failure);
    clock_.Advance(timers_, 40s);
  }
  dns_.SetFailure("a.example", FakeFailure::kNone);
  EXPECT_EQ(AskNow("a.example"), "192.0.2.1");
}

TEST_F(ResolverTest, DoesNotRememberThatWeWereTooBusyToAsk) {
  dns_.AddA("a.example", "192.0.2.1");
  dns_.SetFailure("a.example", FakeFailure::kTooBusy);
  EXPECT_EQ(AskNow("a.example"), "failure");
  dns_.SetFailure("a.example", FakeFailure::kNone);
  EXPECT_EQ(AskNow("a.example"), "192.0.2.1");
}

TEST_F(ResolverTest, NamesTheFailure) {
  dns_.SetFailure("a.example", FakeFailure::kServFail);
  AskNow("a.example", RecordType::kMx);
  EXPECT_EQ(last_, "MX a.example: SERVFAIL");
  dns_.SetFailure("b.example", FakeFailure::kTimeout);
  AskNow("b.example", RecordType::kMx);
  EXPECT_EQ(last_, "MX b.example: timeout");
}

TEST_F(ResolverTest, GivesAnOldAnswerWhenServersFailAndADayAtMost) {
  dns_.AddA("a.example", "192.0.2.1", 60);
  AskNow("a.example");
  dns_.SetFailureOfAll(FakeFailure::kServFail);
  clock_.Advance(timers_, 1h);
  EXPECT_EQ(AskNow("a.example"), "192.0.2.1 stale");
  EXPECT_EQ(last_, "A a.example: SERVFAIL; an older answer is used");
  clock_.Advance(timers_, 20h);
  EXPECT_EQ(AskNow("a.example"), "192.0.2.1 stale");
  clock_.Advance(timers_, 4h);
  EXPECT_EQ(AskNow("a.example"), "failure");
  dns_.SetFailureOfAll(FakeFailure::kNone);
  clock_.Advance(timers_, 1min);
  EXPECT_EQ(AskNow("a.example"), "192.0.2.1");
}

TEST_F(ResolverTest, NeverGivesAnOldNxdomainForFailingServers) {
  EXPECT_EQ(AskNow("no.example"), "nxdomain");
  dns_.SetFailureOfAll(FakeFailure::kTimeout);
  clock_.Advance(timers_, 1h);
  EXPECT_EQ(AskNow("no.example"), "failure");
}

TEST_F(ResolverTest, FollowsAliasesInTheAnswer) {
  dns_.AddCname("a.example", "b.example", 7);
  dns_.AddCname("b.example", "c.example");
  dns_.AddA("c.example", "192.0.2.3");
  EXPECT_EQ(AskNow("a.example"), "192.0.2.3");
  EXPECT_EQ(dns_.asked().size(), 1u);
}

TEST_F(ResolverTest, AsksForTheTargetWhenTheAnswerHoldsTheAliasOnly) {
  dns_.SetFollowsCnames(false);
  dns_.AddCname("a.example", "b.example");
  dns_.AddA("b.example", "192.0.2.3");
  EXPECT_EQ(AskNow("a.example"), "192.0.2.3");
  EXPECT_THAT(dns_.asked(), testing::ElementsAre("A a.example", "A b.example"));
}

TEST_F(ResolverTest, EndsALoopOfAliases) {
  dns_.AddCname("a.example", "b.example");
  dns_.AddCname("b.example", "a.example");
  EXPECT_EQ(AskNow("a.example"), "failure");
  dns_.SetFollowsCnames(false);
  EXPECT_EQ(AskNow("b.example"), "failure");
  EXPECT_LE(dns_.asked().size(), size_t(kChainMax + 3));
}

TEST_F(ResolverTest, EvictsTheLeastRecentlyUsed) {
  resolver_.SetEntries(3);
  for (const char* name : {"a.example", "b.example", "c.example"}) {
    dns_.AddA(name, "192.0.2.1");
    AskNow(name);
  }
  AskNow("a.example");
  dns_.AddA("d.example", "192.0.2.1");
  AskNow("d.example");
  EXPECT_EQ(resolver_.cached(), 3u);
  AskNow("a.example");
  EXPECT_EQ(dns_.CountAsked("A a.example"), 1u);
  AskNow("b.example");
  EXPECT_EQ(dns_.CountAsked("A b.example"), 2u);
  EXPECT_GE(resolver_.stats().evicted, 2u);
}

TEST_F(ResolverTest, LetsACallbackAskAgain) {
  resolver_.SetEntries(1);
  dns_.AddA("a.example", "192.0.2.1");
  dns_.AddA("b.example", "192.0.2.2");
  resolver_.Ask("a.example", RecordType::kA, [this](const Answer& answer) {
    Note(answer);
    for (int i = 0; i < 3; ++i) Ask("b.example");
    Ask("a.example");
    Note(answer);
  });
  clock_.Advance(timers_, 1s);
  EXPECT_EQ(answers_.size(), 6u);
}

TEST(Resolver, MayDieWhileQuestionsAreOnTheirWay) {
  ManualClock clock;
  TimerQueue timers;
  FakeDns dns(timers, clock);
  bool answered = false;
  {
    Resolver resolver(dns, clock, 10);
    resolver.Ask("a.example", RecordType::kA, [&](const Answer&) { answered = true; });
  }
  clock.Advance(timers, 11s);
  EXPECT_FALSE(answered);
}

}  // namespace
}  // namespace sluice::dns
