// MTA-STS as text: RFC 8461's own examples and what strangers make of them.

#include "dns/sts_policy.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace sluice::dns {
namespace {

constexpr const char* kExample =
    "version: STSv1\r\n"
    "mode: enforce\r\n"
    "mx: mail.example.com\r\n"
    "mx: *.example.net\r\n"
    "mx: backupmx.example.com\r\n"
    "max_age: 604800\r\n";

std::string ErrorOf(std::string_view text) {
  const auto policy = ParseStsPolicy(text);
  return policy ? "" : policy.error().what;
}

TEST(StsPolicy, ReadsTheExampleOfTheRfc) {
  const auto policy = ParseStsPolicy(kExample);
  ASSERT_TRUE(policy) << policy.error().what;
  EXPECT_EQ(policy->mode, StsMode::kEnforce);
  EXPECT_EQ(policy->max_age, 604800u);
  EXPECT_EQ(policy->mx, (std::vector<std::string>{"mail.example.com", "*.example.net",
                                                  "backupmx.example.com"}));
}

TEST(StsPolicy, TakesWhatIsSloppyButClear) {
  // LF, any order, blanks, no final line end, upper case hosts, unknown fields, an empty line.
  const auto policy = ParseStsPolicy(
      "mx:MX.Example.COM.\nmax_age:  86400\n\nfoo: bar\n mode :testing\t\nversion: STSv1");
  ASSERT_TRUE(policy) << policy.error().what;
  EXPECT_EQ(policy->mode, StsMode::kTesting);
  EXPECT_EQ(policy->mx, std::vector<std::string>{"mx.example.com"});
  // Of fields that come twice the first counts.
  EXPECT_EQ(
      ParseStsPolicy(std::string(kExample) + "mode: none\nversion: STSv2\nmax_age: x\n")->mode,
      StsMode::kEnforce);
  EXPECT_EQ(ParseStsPolicy("version: STSv1\nmode: none\nmax_age: 9999999999\n")->max_age,
            kStsMaxAgeSeconds);
}

TEST(StsPolicy, SaysWhatIsWrongAndWhere) {
  EXPECT_EQ(ErrorOf(""), "policy: \"version\" is missing");
  EXPECT_EQ(ErrorOf("<html>"), "policy line 1: no \"name: value\"");
  EXPECT_EQ(ErrorOf("version: STSv2\n"), "policy line 1: version is not STSv1");
  EXPECT_EQ(ErrorOf("version: STSv1\nmode: Enforce\n"),
            "policy line 2: mode is none of enforce, testing, none");
  EXPECT_EQ(ErrorOf("version: STSv1\nmode: enforce\nmx: a.example\n"),
            "policy: \"max_age\" is missing");
  EXPECT_EQ(ErrorOf("version: STSv1\nmax_age: 1\n"), "policy: \"mode\" is missing");
  EXPECT_EQ(ErrorOf("version: STSv1\nmode: enforce\nmax_age: 1\n"), "policy: no \"mx\"");
  for (const char* age : {"", "-1", "1d", "1 2", "99999999999"})
    EXPECT_EQ(ErrorOf(std::string("max_age: ") + age),
              "policy line 1: max_age is no number of seconds")
        << age;
  for (const char* mx :
       {"", "*", "*.", "a.*.example", "**.example", "[192.0.2.1]", "192.0.2.1", "a b"})
    EXPECT_EQ(ErrorOf(std::string("mx: ") + mx),
              "policy line 1: mx is neither a host name nor *.domain")
        << mx;
}

TEST(StsPolicy, HasBounds) {
  std::string many = kExample;
  while (many.size() < 40'000) many += "mx: a.example\n";
  EXPECT_TRUE(ErrorOf(many).ends_with("too many mx"));
  std::string longer = kExample;
  longer.resize(kStsPolicyBytesMax + 1, '\n');
  EXPECT_EQ(ErrorOf(longer), "policy: longer than 64 KiB");
  longer.pop_back();
  EXPECT_EQ(ErrorOf(longer), "");
}

TEST(StsPolicy, MatchesHostsAndOneLabelOfAWildcard) {
  const StsPolicy policy = *ParseStsPolicy(kExample);
  EXPECT_TRUE(MatchesMx(policy, "mail.example.com"));
  EXPECT_TRUE(MatchesMx(policy, "mx.example.net"));
  EXPECT_FALSE(MatchesMx(policy, "example.net"));
  EXPECT_FALSE(MatchesMx(policy, "a.mx.example.net"));
  EXPECT_FALSE(MatchesMx(policy, ".example.net"));
  EXPECT_FALSE(MatchesMx(policy, "other.example.com"));
  EXPECT_FALSE(MatchesMx(policy, "mail.example.com.evil.example"));
  EXPECT_FALSE(MatchesMx(policy, ""));
}

TEST(StsPolicy, FindsTheIdOfTheOneRecord) {
  const auto id = [](std::vector<std::string> txt) { return StsId(txt).value_or("none"); };
  EXPECT_EQ(id({"v=STSv1; id=20160831085700Z;"}), "20160831085700Z");
  EXPECT_EQ(id({"v=STSv1;id=1"}), "1");
  EXPECT_EQ(id({"v=spf1 -all", "v=STSv1; a=b; id=7 ;"}), "7");
  EXPECT_EQ(id({}), "none");
  EXPECT_EQ(id({"v=spf1 -all"}), "none");
  EXPECT_EQ(id({"v=STSv1; id=1", "v=STSv1; id=1"}), "none");  // 3.1: not exactly one
  EXPECT_EQ(id({"v=STSv1 ; id=1"}), "none");
  EXPECT_EQ(id({"v=STSv1;"}), "none");
  EXPECT_EQ(id({"v=STSv1; id="}), "none");
  EXPECT_EQ(id({"v=STSv1; id=a-b"}), "none");
  EXPECT_EQ(id({"v=STSv1; id=" + std::string(33, '1')}), "none");
}

}  // namespace
}  // namespace sluice::dns
