// Paths and mailboxes: a table of what is read as what (protocol.md 7).

#include "smtp/address.h"

#include <gtest/gtest.h>

#include <string>

namespace sluice::smtp {
namespace {

constexpr PathRules kPlain{};
constexpr PathRules kUtf8{.utf8 = true, .literals = false};
constexpr PathRules kLiterals{.utf8 = false, .literals = true};

std::string Read(std::string_view text, const PathRules& rules = kPlain) {
  const auto path = ParsePath(text, rules);
  return path ? path->address : std::string("fault: ") + Describe(path.error());
}

PathFault FaultOf(std::string_view text, const PathRules& rules = kPlain) {
  const auto path = ParsePath(text, rules);
  EXPECT_FALSE(path) << text;
  return path ? PathFault::kSyntax : path.error();
}

TEST(Address, KeepsTheCaseOfTheLocalPartAndLowersTheDomain) {
  EXPECT_EQ(Read("<Bob.Smith@Example.COM>"), "Bob.Smith@example.com");
}

TEST(Address, KeepsQuotedLocalPartsExactlyWithBracketsAndAtsInside) {
  EXPECT_EQ(Read(R"(<"a b"@x.test>)"), R"("a b"@x.test)");
  EXPECT_EQ(Read(R"(<"a>b@c"@x.test>)"), R"("a>b@c"@x.test)");
  EXPECT_EQ(Read(R"(<"a\"b\\"@x.test>)"), R"("a\"b\\"@x.test)");
}

TEST(Address, GivesPercentAndBangNoMeaning) {
  EXPECT_EQ(Read("<a%b.test@x.test>"), "a%b.test@x.test");
  EXPECT_EQ(Read("<host!user@x.test>"), "host!user@x.test");
}

TEST(Address, DropsSourceRoutes) {
  EXPECT_EQ(Read("<@a.test,@b.test:user@c.test>"), "user@c.test");
  EXPECT_EQ(Read("<@a.test:user@c.test>"), "user@c.test");
  EXPECT_EQ(FaultOf("<@a.test user@c.test>"), PathFault::kSyntax);
  EXPECT_EQ(FaultOf("<@:user@c.test>"), PathFault::kSyntax);
}

TEST(Address, DropsOneTrailingDotOfTheDomain) {
  EXPECT_EQ(Read("<a@x.test.>"), "a@x.test");
  EXPECT_EQ(FaultOf("<a@x.test..>"), PathFault::kSyntax);
}

TEST(Address, TakesLiteralsOnlyWhenConfigured) {
  EXPECT_EQ(FaultOf("<a@[192.0.2.1]>"), PathFault::kLiteral);
  EXPECT_EQ(Read("<a@[192.0.2.1]>", kLiterals), "a@[192.0.2.1]");
  EXPECT_EQ(Read("<a@[ipv6:2001:DB8::1]>", kLiterals), "a@[IPv6:2001:db8::1]");
  EXPECT_EQ(FaultOf("<a@[2001:db8::1]>", kLiterals), PathFault::kSyntax);
  EXPECT_EQ(FaultOf("<a@[IPv6:192.0.2.1]>", kLiterals), PathFault::kSyntax);
  EXPECT_EQ(FaultOf("<a@[300.0.2.1]>", kLiterals), PathFault::kSyntax);
}

TEST(Address, AcceptsBarePostmasterAndTheNullPath) {
  EXPECT_EQ(Read("<Postmaster>"), "Postmaster");
  EXPECT_EQ(Read("<>"), "");
  EXPECT_EQ(FaultOf("<bob>"), PathFault::kSyntax);
}

TEST(Address, WantsUtf8ToBeAskedForAndValid) {
  EXPECT_EQ(FaultOf("<j\xc3\xb6rg@x.test>"), PathFault::kNeedsUtf8);
  EXPECT_EQ(Read("<j\xc3\xb6rg@b\xc3\xbc.test>", kUtf8), "j\xc3\xb6rg@b\xc3\xbc.test");
  EXPECT_EQ(FaultOf("<j\xf6rg@x.test>", kUtf8), PathFault::kBadUtf8);
  EXPECT_EQ(FaultOf("<\xed\xa0\x80@x.test>", kUtf8), PathFault::kBadUtf8);  // a surrogate
}

TEST(Address, RefusesControlCharactersEverywhere) {
  for (const std::string_view bad :
       {"<a\tb@x.test>", "<a@x\x01.test>", "<\"a\rb\"@x.test>", "<a\x7f@x.test>"})
    EXPECT_EQ(FaultOf(bad), PathFault::kControl) << bad;
  EXPECT_EQ(FaultOf(std::string_view("<a\0b@x.test>", 12)), PathFault::kControl);
}

TEST(Address, WantsAngleBrackets) {
  EXPECT_EQ(FaultOf("a@x.test"), PathFault::kNoBrackets);
  EXPECT_EQ(FaultOf("<a@x.test"), PathFault::kNoBrackets);
  EXPECT_EQ(FaultOf(""), PathFault::kNoBrackets);
  EXPECT_EQ(FaultOf("<\"a@x.test>"), PathFault::kSyntax);  // the quote is never closed
}

TEST(Address, SaysHowMuchItTook) {
  const auto path = ParsePath("<a@x.test> SIZE=1", kPlain);
  ASSERT_TRUE(path);
  EXPECT_EQ(path->consumed, 10u);
}

TEST(Address, BoundsLocalPartDomainAndLabels) {
  const std::string local64(64, 'a');
  EXPECT_EQ(Read("<" + local64 + "@x.test>"), local64 + "@x.test");
  EXPECT_EQ(FaultOf("<a" + local64 + "@x.test>"), PathFault::kTooLong);
  std::string domain;
  for (int i = 0; i < 4; ++i) domain += std::string(63, 'd') + ".";
  EXPECT_TRUE(ParsePath("<a@" + domain.substr(0, 255) + ">", kPlain));
  EXPECT_EQ(FaultOf("<a@" + domain + "d>"), PathFault::kTooLong);
  EXPECT_EQ(FaultOf("<a@" + std::string(64, 'd') + ".test>"), PathFault::kSyntax);
}

TEST(Address, RefusesBrokenDomains) {
  for (const std::string_view bad : {"<a@>", "<a@.x>", "<a@x..y>", "<a@-x.test>", "<@x.test>",
                                     "<a@x y>", "<a@x/y>", "<a b@x.test>", "<a@b@x.test>"})
    EXPECT_FALSE(ParsePath(bad, kPlain)) << bad;
}

}  // namespace
}  // namespace sluice::smtp
