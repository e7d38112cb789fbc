// tests/tools/showcase_tally_test.cc — counting recipients from an event log, in every cut.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "tools/showcase/tally.h"

namespace sluice::tools {
namespace {

using ::testing::HasSubstr;

std::string Event(const std::string& event, const std::string& recipient,
                  const std::string& more = "") {
  return R"({"id":"e","time":"2026-11-21T07:51:00.000123Z","event":")" + event +
         R"(","message":"m","recipient":")" + recipient + "\"" + more + "}\n";
}

TEST(Tally, CountsEachRecipientOnceInEveryCut) {
  const auto domains = MakeDemoDomains();
  const std::string a = "u0@" + domains[0].name;
  const std::string b = "u1@" + domains[0].name;
  const std::string c = "u2@" + domains[1].name;
  const std::string log =
      Event("accepted", a) + Event("accepted", b) + Event("accepted", c) + Event("deferred", b) +
      Event("deferred", b) + Event("delivered", a, R"(,"queue_ms":7)") +
      Event("delivered", b, R"(,"text":"x,\"queue_ms\":9","queue_ms":2000)") + Event("bounced", c) +
      Event("accepted", "demo@sender.demo.test") + Event("delivered", "demo@sender.demo.test") +
      Event("returned", a) + Event("delivered", "u99@" + domains[0].name) + "garbage\n\n";
  for (size_t cut = 1; cut <= log.size(); ++cut) {
    Tally tally(domains, 3);
    for (size_t i = 0; i < log.size(); i += cut) tally.Feed(std::string_view(log).substr(i, cut));
    EXPECT_EQ(tally.accepted(), 3);
    EXPECT_EQ(tally.delivered(), 2);
    EXPECT_EQ(tally.delivered_later(), 1);
    EXPECT_EQ(tally.bounced(), 1);
    EXPECT_EQ(tally.waiting(), 0);
    EXPECT_EQ(tally.reports(), 1);
    EXPECT_EQ(tally.Unaccounted(), 0);
    EXPECT_EQ(tally.Repeated(), 0);
    EXPECT_EQ(tally.domains()[0].at_once, 1);
    EXPECT_EQ(tally.domains()[0].latency.max_ms(), 2000);
    EXPECT_EQ(tally.domains()[1].bounced, 1);
  }
}

TEST(Tally, SeesWhatIsMissingAndWhatIsTwice) {
  const auto domains = MakeDemoDomains();
  const std::string a = "u0@" + domains[0].name;
  Tally tally(domains, 2);
  tally.Feed(Event("accepted", a) + Event("delivered", a) + Event("bounced", a));
  EXPECT_EQ(tally.Unaccounted(), 1);
  EXPECT_EQ(tally.Repeated(), 1);
  EXPECT_EQ(tally.finals(), 1);
}

TEST(Tally, ReadsTimes) {
  EXPECT_EQ(ParseRfc3339("1970-01-02T00:00:01.000002Z"), 86'401'000'002);
  EXPECT_FALSE(ParseRfc3339("1970-13-02T00:00:01.000002Z").has_value());
  EXPECT_FALSE(ParseRfc3339("yesterday").has_value());
  EXPECT_FALSE(ParseRfc3339("").has_value());
}

TEST(DemoWorld, HasSixtyDomainsOfAllTempers) {
  const auto domains = MakeDemoDomains();
  EXPECT_EQ(domains.size(), 60U);
  for (int i = 0; i < kSinkKinds; ++i)
    EXPECT_THAT(SinkArguments(SinkKind(i), domains), ::testing::Contains("--listen"));
  EXPECT_THAT(DomainWeights(domains), HasSubstr("d00.demo.test=12,"));
  const std::string config = EngineConfig("f", 2525, {{"d00.demo.test", "127.0.0.1:26"}});
  EXPECT_THAT(config, HasSubstr("match = \"d00.demo.test\"\nhosts = [\"127.0.0.1:26\"]"));
}

}  // namespace
}  // namespace sluice::tools
