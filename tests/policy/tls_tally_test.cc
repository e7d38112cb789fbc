// Goal: sessions are counted by domain, policy and failure, days apart, and never beyond the
// bounds.

#include <gtest/gtest.h>

#include <string>

#include "engine/tls_report/tally.h"

namespace sluice::engine {
namespace {

TlsSession Good(const std::string& domain) {
  return {.domain = domain, .policy = {TlsPolicyType::kNone, domain}, .failure = {}};
}

TlsSession Bad(const std::string& domain, TlsResult result, const std::string& host = "mx.example",
               const std::string& reason = "why") {
  TlsSession session = Good(domain);
  session.failure = {result, "192.0.2.1", host, "192.0.2.2", reason};
  return session;
}

TEST(TlsTally, CountsByDomainPolicyAndFailure) {
  DayTally day;
  EXPECT_TRUE(day.empty());
  day.Add(Good("a.example"));
  day.Add(Good("a.example"), 2);
  day.Add(Bad("a.example", TlsResult::kCertificateExpired));
  day.Add(Bad("a.example", TlsResult::kCertificateExpired));
  day.Add(Bad("a.example", TlsResult::kCertificateExpired, "other.example"));
  TlsSession sts = Good("a.example");
  sts.policy = {TlsPolicyType::kSts, "a.example", {"version: STSv1"}, {"mx.a.example"}};
  day.Add(sts);
  ASSERT_EQ(day.domains.at("a.example").size(), 2u);
  const PolicyTally& none = day.domains.at("a.example").at(Good("a.example").policy);
  EXPECT_EQ(none.good, 3u);
  EXPECT_EQ(none.bad(), 3u);
  EXPECT_EQ(none.failures.size(), 2u);
  EXPECT_EQ(day.domains.at("a.example").at(sts.policy).good, 1u);
  EXPECT_EQ(day.left_out, 0u);
}

TEST(TlsTally, BoundsTheDomainsOfADayAndSaysHowMuchIsMissing) {
  DayTally day;
  for (size_t i = 0; i < DayTally::kDomainsMax; ++i) day.Add(Good(std::to_string(i) + ".example"));
  day.Add(Good("one-too-many.example"), 3);
  day.Add(Bad("another.example", TlsResult::kTlsaInvalid));
  day.Add(Good("7.example"));  // is known
  EXPECT_EQ(day.domains.size(), DayTally::kDomainsMax);
  EXPECT_EQ(day.left_out, 4u);
  EXPECT_EQ(day.domains.at("7.example").begin()->second.good, 2u);
}

TEST(TlsTally, BoundsThePoliciesOfADomain) {
  DayTally day;
  for (size_t i = 0; i <= DayTally::kPoliciesMax; ++i) {
    TlsSession session = Good("a.example");
    session.policy = {TlsPolicyType::kTlsa, "mx" + std::to_string(i) + ".example"};
    day.Add(session);
  }
  EXPECT_EQ(day.domains.at("a.example").size(), DayTally::kPoliciesMax);
  EXPECT_EQ(day.left_out, 1u);
}

TEST(TlsTally, CountsFailuresBeyondTheBoundByTheirTypeAlone) {
  DayTally day;
  const size_t all = DayTally::kFailuresMax + 10;
  for (size_t i = 0; i < all; ++i)
    day.Add(Bad("a.example", TlsResult::kCertificateExpired, "mx" + std::to_string(i)));
  const PolicyTally& tally = day.domains.at("a.example").begin()->second;
  EXPECT_EQ(tally.failures.size(), DayTally::kFailuresMax + 1);
  EXPECT_EQ(tally.failures.at({.result = TlsResult::kCertificateExpired}), 10u);
  EXPECT_EQ(tally.bad(), all);
  EXPECT_EQ(day.left_out, 0u);
}

TEST(TlsTally, BoundsWhatOthersWrote) {
  DayTally day;
  TlsSession session =
      Bad("a.example", TlsResult::kValidationFailure, "mx", std::string(10'000, 'x'));
  session.policy.text.assign(1'000, "mx: a.example");
  session.policy.mx.assign(1'000, "a.example");
  day.Add(session);
  const auto& [policy, tally] = *day.domains.at("a.example").begin();
  EXPECT_EQ(policy.text.size(), DayTally::kLinesMax);
  EXPECT_EQ(policy.mx.size(), DayTally::kLinesMax);
  EXPECT_EQ(tally.failures.begin()->first.reason.size(), DayTally::kReasonMax);
}

TEST(TlsTally, MergesWhatShardsCounted) {
  DayTally one, other, both;
  for (DayTally* day : {&one, &both}) {
    day->Add(Good("a.example"), 2);
    day->Add(Bad("a.example", TlsResult::kCertificateExpired));
  }
  for (DayTally* day : {&other, &both}) {
    day->Add(Good("a.example"));
    day->Add(Bad("a.example", TlsResult::kCertificateExpired), 4);
    day->Add(Good("b.example"));
    day->left_out += 1;
  }
  one.Merge(other);
  EXPECT_EQ(one, both);
}

TEST(TlsTally, KnowsTheDaysOfUtc) {
  const WallTime begin = BeginOfDay(20'782);
  EXPECT_EQ(FormatRfc3339(begin), "2026-11-25T00:00:00.000000Z");
  EXPECT_EQ(DayOf(begin), 20'782);
  EXPECT_EQ(DayOf(begin + kDay - Duration(1)), 20'782);
  EXPECT_EQ(DayOf(begin + kDay), 20'783);
}

}  // namespace
}  // namespace sluice::engine
