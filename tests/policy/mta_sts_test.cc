// Goal: a domain's MTA-STS policy is found, kept, renewed and outlives what an attacker or an
// accident takes away, as RFC 8461 says; strangers' hosts are asked rarely.
// Method: a scripted DNS, a scripted web, a manual clock.

#include "engine/policy/mta_sts.h"

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tests/dns/fake_dns.h"
#include "tests/dns/manual_clock.h"
#include "tests/policy/fake_fetch.h"

namespace sluice::engine {
namespace {

using namespace std::chrono_literals;

std::string PolicyText(const std::string& mode, int max_age = 604800) {
  return "version: STSv1\r\nmode: " + mode +
         "\r\nmx: mx.example.net\r\nmax_age: " + std::to_string(max_age) + "\r\n";
}

class MtaStsTest : public ::testing::Test {
 protected:
  MtaStsTest() { Begin(); }
  // As after a restart.
  void Begin() {
    sts_ = std::make_unique<MtaSts>(
        resolver_, web_, clock_, timers_, uint16_t(443),
        [this](StsRecord record) { saved_.push_back(std::move(record)); },
        [this](const std::string& domain, TlsResult result, const std::string& what) {
          told_.push_back(domain + ": " + what);
          results_.push_back(result);
        });
  }
  void Publish(const std::string& id, const std::string& text) {
    dns_.Remove("_mta-sts.example.net");
    dns_.AddTxt("_mta-sts.example.net", "v=STSv1; id=" + id + ";");
    web_.Serve(text);
  }
  // "enforce", "testing", "none" (null), or "waits".
  std::string Find(const std::string& domain = "example.net") {
    std::optional<std::string> mode;
    sts_->Find(domain, [&mode](const MtaSts::Policy& policy) {
      mode = policy == nullptr ? "none" : std::string(dns::NameOf(policy->mode));
    });
    inside_ = mode.has_value();
    if (!mode) clock_.Advance(timers_, 20s);
    return mode.value_or("waits");
  }
  void Pass(Duration time) { clock_.Advance(timers_, time); }

  dns::ManualClock clock_;
  TimerQueue timers_;
  dns::FakeDns dns_{timers_, clock_};
  dns::Resolver resolver_{dns_, clock_, 1000};
  FakeFetch web_{timers_, clock_};
  std::vector<StsRecord> saved_;
  std::vector<std::string> told_;
  std::vector<TlsResult> results_;
  std::unique_ptr<MtaSts> sts_;
  bool inside_ = false;
};

TEST_F(MtaStsTest, FetchesThePolicyOfADomainThatPublishesOne) {
  Publish("1", PolicyText("enforce"));
  EXPECT_EQ(Find(), "enforce");
  EXPECT_FALSE(inside_);
  EXPECT_EQ(web_.asked,
            std::vector<std::string>{"mta-sts.example.net:443/.well-known/mta-sts.txt"});
  EXPECT_EQ(Find(), "enforce");
  EXPECT_TRUE(inside_);
  ASSERT_EQ(saved_.size(), 1u);
  EXPECT_EQ(saved_[0].domain, "example.net");
  EXPECT_EQ(saved_[0].text, PolicyText("enforce"));
}

TEST_F(MtaStsTest, ADomainWithoutARecordCostsOneQuestion) {
  EXPECT_EQ(Find(), "none");
  EXPECT_EQ(Find(), "none");
  EXPECT_TRUE(inside_);
  EXPECT_EQ(dns_.CountAsked("TXT _mta-sts.example.net"), 1u);
  EXPECT_TRUE(web_.asked.empty());
  EXPECT_EQ(sts_->size(), 0u);
  EXPECT_EQ(Find("[192.0.2.1]"), "none");
}

TEST_F(MtaStsTest, TestingIsGivenAndNoneIsNone) {
  Publish("1", PolicyText("testing"));
  EXPECT_EQ(Find(), "testing");
  Pass(31min);
  Publish("2", PolicyText("none"));
  EXPECT_EQ(Find(), "testing");  // what is in force, while we look
  Pass(20s);
  EXPECT_EQ(Find(), "none");
  EXPECT_TRUE(inside_);
}

TEST_F(MtaStsTest, AllWhoAskMeanwhileWaitForOneFetch) {
  Publish("1", PolicyText("enforce"));
  web_.held = true;
  int answered = 0;
  for (int i = 0; i < 3; ++i)
    sts_->Find("example.net", [&](const MtaSts::Policy& policy) { answered += policy != nullptr; });
  Pass(1s);
  EXPECT_EQ(web_.asked.size(), 1u);
  web_.Answer();
  EXPECT_EQ(answered, 3);
}

TEST_F(MtaStsTest, AnUnreachableHostWithoutAPolicyInForceIsAsNoPolicyAndIsAskedRarely) {
  Publish("1", "");
  web_.Break("connection refused");
  EXPECT_EQ(Find(), "none");
  EXPECT_EQ(Find(), "none");
  Pass(4min);
  EXPECT_EQ(Find(), "none");
  EXPECT_EQ(web_.asked.size(), 1u);  // RFC 8461 3.3: five minutes at least
  Pass(2min);
  EXPECT_EQ(Find(), "none");
  EXPECT_EQ(web_.asked.size(), 2u);
  Pass(6min);
  EXPECT_EQ(Find(), "none");  // then ten
  EXPECT_EQ(web_.asked.size(), 2u);
  Pass(6min);
  web_.Serve(PolicyText("enforce"));
  EXPECT_EQ(Find(), "enforce");
}

TEST_F(MtaStsTest, TellsOfPoliciesThatCannotBeHadOnceAFetch) {
  Publish("1", "");
  web_.Break("connection refused");
  Find();
  Find();
  EXPECT_EQ(told_, std::vector<std::string>{"example.net: connection refused"});
  Pass(6min);
  web_.response = {.status = 404, .error = {}, .content_type = {}, .body = {}};
  Find();
  Pass(11min);
  web_.response.status = 0;
  web_.response.error = "SSL certificate problem";
  web_.response.certificate = true;
  Find();
  Pass(21min);
  web_.Serve("no policy");
  Find();
  Pass(41min);
  web_.Serve(PolicyText("enforce"));
  EXPECT_EQ(Find(), "enforce");
  EXPECT_EQ(results_, (std::vector<TlsResult>{
                          TlsResult::kStsPolicyFetchError, TlsResult::kStsPolicyFetchError,
                          TlsResult::kStsWebpkiInvalid, TlsResult::kStsPolicyInvalid}));
}

TEST_F(MtaStsTest, APolicyInForceOutlivesItsHostAndItsRecord) {
  Publish("1", PolicyText("enforce"));
  EXPECT_EQ(Find(), "enforce");
  web_.Break("certificate has expired");
  dns_.Remove("_mta-sts.example.net");
  dns_.AddTxt("_mta-sts.example.net", "v=STSv1; id=2;");
  Pass(31min);
  EXPECT_EQ(Find(), "enforce");
  dns_.Remove("_mta-sts.example.net");
  for (int day = 0; day < 6; ++day) {
    Pass(24h);
    EXPECT_EQ(Find(), "enforce") << day;
  }
  dns_.SetFailure("_mta-sts.example.net", dns::FakeFailure::kServFail);
  Pass(23h);
  EXPECT_EQ(Find(), "enforce");
  Pass(2h);  // max_age is over
  EXPECT_EQ(Find(), "none");
}

TEST_F(MtaStsTest, AnExpiredPolicyIsFetchedAnewBeforeItIsBelieved) {
  Publish("1", PolicyText("enforce", 3600));
  EXPECT_EQ(Find(), "enforce");
  Pass(2h);
  web_.Serve(PolicyText("testing", 3600));  // the same id
  EXPECT_EQ(Find(), "testing");
  EXPECT_FALSE(inside_);
}

TEST_F(MtaStsTest, ARecordThatDoesNotChangeIsNotFetchedAgainForADay) {
  Publish("1", PolicyText("enforce"));
  Find();
  for (int hour = 0; hour < 23; ++hour) {
    Pass(1h);
    EXPECT_EQ(Find(), "enforce");
  }
  EXPECT_EQ(web_.asked.size(), 1u);
  Pass(2h);
  Find();
  Pass(20s);
  EXPECT_EQ(web_.asked.size(), 2u);
}

TEST_F(MtaStsTest, AMismatchLooksForANewerPolicyAtOnceButNotAllTheTime) {
  Publish("1", PolicyText("enforce"));
  Find();
  Pass(6min);
  Publish("2", PolicyText("testing"));
  EXPECT_EQ(Find(), "enforce");
  Pass(20s);
  EXPECT_EQ(web_.asked.size(), 1u);
  sts_->OnMismatch("example.net");
  sts_->OnMismatch("unknown.example");
  EXPECT_EQ(Find(), "enforce");
  Pass(20s);
  EXPECT_EQ(Find(), "testing");
  for (int i = 0; i < 10; ++i) {
    sts_->OnMismatch("example.net");
    Find();
    Pass(10s);
  }
  EXPECT_EQ(web_.asked.size(), 2u);
}

TEST_F(MtaStsTest, WhatIsNoPolicyIsNone) {
  const auto served = [&](HttpResponse response) {
    web_.response = std::move(response);
    Pass(5h);
    return Find();
  };
  Publish("1", "");
  const std::string good = PolicyText("enforce");
  EXPECT_EQ(served({404, "", "text/plain", good}), "none");
  EXPECT_EQ(served({301, "", "text/plain", good}), "none");  // 3.3: no redirects
  EXPECT_EQ(served({200, "", "text/html", good}), "none");
  EXPECT_EQ(served({200, "", "text/plain", "<html>"}), "none");
  EXPECT_EQ(served({0, "the answer is longer than 65536 octets", "", ""}), "none");
  EXPECT_EQ(served({200, "", "", good}), "enforce");
}

TEST_F(MtaStsTest, TwoRecordsAreNone) {
  Publish("1", PolicyText("enforce"));
  dns_.AddTxt("_mta-sts.example.net", "v=STSv1; id=2;");
  EXPECT_EQ(Find(), "none");
}

TEST_F(MtaStsTest, PoliciesSurviveARestartUntilTheyExpire) {
  Publish("1", PolicyText("enforce", 86400));
  Find();
  ASSERT_EQ(saved_.size(), 1u);
  dns_.SetFailureOfAll(dns::FakeFailure::kTimeout);
  web_.Break("gone");
  Pass(20h);
  Begin();
  EXPECT_EQ(Find(), "none");
  Pass(1min);
  Begin();
  StsRecord future = saved_[0];
  future.domain = "future.example";
  future.fetched += 48h;
  StsRecord broken = saved_[0];
  broken.domain = "broken.example";
  broken.text = "mode: enforce";
  sts_->Restore({saved_[0], future, broken});
  EXPECT_EQ(sts_->size(), 1u);
  EXPECT_EQ(Find(), "enforce");
  Pass(5h);
  Begin();
  sts_->Restore(saved_);
  EXPECT_EQ(sts_->size(), 0u);
}

// First mail to a thousand domains whose policy hosts drop packets, and to one whose host is well.
TEST_F(MtaStsTest, DeadPolicyHostsHoldUpNobodyForLong) {
  Publish("1", PolicyText("enforce"));
  const Instant begun = clock_.Now();
  size_t without = 0;
  Instant last{};
  for (int i = 0; i < 1'000; ++i) {
    const std::string domain = "dead" + std::to_string(i) + ".example";
    dns_.AddTxt("_mta-sts." + domain, "v=STSv1; id=1;");
    sts_->Find(domain, [&](const MtaSts::Policy& policy) {
      without += policy == nullptr;
      last = clock_.Now();
    });
  }
  Pass(5s);
  EXPECT_TRUE(sts_->Awaited("dead999.example"));
  EXPECT_FALSE(sts_->Awaited("example.net"));
  Instant answered{};
  sts_->Find("example.net", [&](const MtaSts::Policy& policy) {
    EXPECT_NE(policy, nullptr);
    answered = clock_.Now();
  });
  Pass(1min);
  EXPECT_EQ(without, 1'000u);
  EXPECT_LE(last - begun, MtaSts::kPatience);
  EXPECT_NE(answered, Instant{});
  EXPECT_LE(answered - begun, 5s + MtaSts::kPatience);
  // The fetches go on, and nobody waits for them any more.
  EXPECT_FALSE(sts_->Awaited("dead999.example"));
  EXPECT_EQ(Find("dead999.example"), "none");
  EXPECT_TRUE(inside_);
  EXPECT_LE(web_.asked.size(), 1 + 3 * MtaSts::kFetchesMax);
  Pass(40min);
  EXPECT_GE(web_.asked.size(), 1'001u);
}

TEST_F(MtaStsTest, AFetchGoesOnWhenNobodyWaitsForItAnyMore) {
  Publish("1", PolicyText("enforce"));
  web_.held = true;
  std::optional<bool> found;
  sts_->Find("example.net", [&](const MtaSts::Policy& policy) { found = policy != nullptr; });
  Pass(29s);
  EXPECT_FALSE(found.has_value());
  Pass(2s);
  EXPECT_EQ(found, false);
  EXPECT_EQ(Find(), "none");
  web_.Answer();
  EXPECT_EQ(Find(), "enforce");
  EXPECT_EQ(web_.asked.size(), 1u);
}

TEST_F(MtaStsTest, TheOldestIsPutOffWhenTooManyWaitForTheirFetch) {
  const size_t count = MtaSts::kFetchesMax + MtaSts::kToFetchMax + 1;
  size_t answered = 0;
  for (size_t i = 0; i < count; ++i) {
    const std::string domain = "dead" + std::to_string(i) + ".example";
    dns_.AddTxt("_mta-sts." + domain, "v=STSv1; id=1;");
    sts_->Find(domain, [&](const MtaSts::Policy&) { ++answered; });
  }
  Pass(1s);
  EXPECT_EQ(answered, 1u);
  const std::string oldest = "dead" + std::to_string(MtaSts::kFetchesMax) + ".example";
  EXPECT_FALSE(sts_->Awaited(oldest));
  EXPECT_EQ(Find(oldest), "none");
  EXPECT_TRUE(inside_);
  Pass(MtaSts::kRetry);
  EXPECT_EQ(Find(oldest), "waits");  // asked for again
}

TEST_F(MtaStsTest, AnswersThatComeAfterItsEndFindNobody) {
  Publish("1", PolicyText("enforce"));
  web_.held = true;
  bool answered = false;
  sts_->Find("example.net", [&](const MtaSts::Policy&) { answered = true; });
  Pass(1s);
  sts_.reset();
  web_.Answer();
  EXPECT_FALSE(answered);
}

}  // namespace
}  // namespace sluice::engine
