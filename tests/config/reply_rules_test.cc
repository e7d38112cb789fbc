// Goal: a file of reply rules is taken as it is meant, or refused with file, line, key and advice.
// Method: small files, with one fault each.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <string>

#include "config/keys_replies.h"
#include "config/reply_matcher.h"
#include "config/reply_rules_parser.h"

namespace sluice::config {
namespace {

using testing::HasSubstr;

// One rule, with what is written about it.
std::string Rule(const std::string& more) { return "[[rule]]\nname = \"r\"\n" + more + "\n"; }

std::string Fault(const std::string& text) {
  const auto rules = ParseReplyRules(text, "replies.toml");
  return rules ? "" : FormatProblems(rules.error());
}

TEST(ReplyRules, TellWhatIsWrongAndWhere) {
  const std::string good = "code = 421\nsamples = ['421 x']\n";
  const struct {
    std::string text;
    const char* fault;
  } kCases[] = {
      {"rul = 1", "replies.toml:1:1: rul: unknown key; did you mean \"rule\"?"},
      {"shipped = 1", "replies.toml:1:11: shipped: must be true or false"},
      {"x = ", "this is not TOML"},
      {"[rule]", "rule: there may be several: write [[rule]]"},
      {"[providers]\na = []", "replies.toml:2:5: providers.a: must be a list of host names"},
      {"[providers]\na = [\"mx.\"]", "providers.a: \"mx.\" is no host name"},
      {"[[rule]]\n" + good, "rule[0].name: is missing"},
      {Rule("code = 421"), "rule[0].samples: is missing"},
      {Rule("code = 421\nsamples = []"), "samples: must not be empty"},
      {Rule("code = 421\nsamples = ['hello']"), "replies.toml:4:12: rule[0].samples[0]: is not a"},
      {Rule("cod = 421\nsamples = ['421 x']"), "rule[0].cod: unknown key; did you mean \"code\"?"},
      {Rule("code = 99\nsamples = ['421 x']"), "rule[0].code: is not a reply code"},
      {Rule("code = \"4x1\"\nsamples = ['421 x']"), "rule[0].code: is not a reply code"},
      {Rule("enhanced = \"7.1\"\nsamples = ['421 x']"), "is not an enhanced code"},
      {Rule("samples = ['421 x']"), "rule[0].text: would answer every reply"},
      {Rule(good + "phase = \"quit\""), "rule[0].phase: must be of"},
      {Rule(good + "blame = \"sender\""), "\"sender\" is not one of"},
      {Rule(good + "provider = \"gogle\""),
       "rule[0].provider: \"gogle\" is not in [providers]; did you mean \"google\"?"},
      {Rule(good + "text = '['"), "replies.toml:5:8: rule[0].text: is no regular expression"},
      {Rule(good + "text = '(a'"), "is no regular expression of RE2"},
      {Rule(good + "text = 'x)|(y'"), "is no regular expression of RE2"},
      {Rule(good + "text = '((a{1,100}){1,10}b{1,900}){1,9}'"), "rule[0].text: is "},
      {Rule(good + "text = '" + std::string(kReplyTextMax + 1, 'a') + "'"), "is over 1000 octets"},
      {Rule(good + "bounce = \"hard\""), "it needs blame = \"recipient\""},
      {Rule(good + "treat = \"temporary\"\nbounce = \"soft\""), "bounce: has no effect"},
      {Rule(good + "treat = \"permanent\"\nphase = \"connect\""), "no reply before MAIL speaks of"},
      {Rule(good + "treat = \"permanent\"\nretry_after = \"1h\""), "retry_after: has no effect"},
      {Rule("code = 550\nsamples = ['550 x']\nretry_after = \"1h\""), "add treat = \"temporary\""},
      {Rule(good + "actions = [{ do = \"stop\" }]"), "rule[0].actions[0].do: \"stop\" is not one"},
      {Rule(good + "actions = [{ do = \"suspend\" }]"), "actions[0].for: is missing"},
      {Rule(good + "actions = [{ do = \"suspend\", for = \"1h\", at = \"3\" }]"),
       "not a threshold"},
      {Rule(good + "actions = [{ do = \"suspend\", for = \"1h\", at = \"1 in 1h\" }]"),
       "not a threshold"},
      {Rule(good + "actions = [{ do = \"suspend\", for = \"1h\", until = 1 }]"), "unknown key"},
      {Rule(good + "actions = [{ do = \"suspend\", for = \"1h\", percent = 5 }]"),
       "a rate goes with \"slow\" alone"},
      {Rule(good + "actions = [{ do = \"hold\", for = \"1h\" }]"), "does not go with \"hold\""},
      {Rule(good + "actions = [{ do = \"slow\" }]"), "one of percent and to is needed"},
      {Rule(good + "actions = [{ do = \"slow\", to = \"fast\" }]"), "is not a rate"},
      {Rule(good + "actions = [{ do = \"recycle\", what = \"tenant\" }]"), "is about connections"},
      {Rule(good + "actions = [{ do = \"doubt\" }]"), "\"recipient_domain\" go together"},
      {Rule(good + "actions = \"suspend\""), "must be a list"},
      {Rule(good) + Rule(good), "\"r\" is there already, in line 1"},
  };
  for (const auto& c : kCases) EXPECT_THAT(Fault(c.text), HasSubstr(c.fault)) << c.text;
}

TEST(ReplyRules, MustAnswerTheirOwnSamples) {
  EXPECT_THAT(Fault(Rule("code = 421\nsamples = ['450 x']")),
              HasSubstr("rule[0].samples[0]: \"450 x\" is not answered by this rule: its code"));
  EXPECT_THAT(Fault(Rule("enhanced = '4.7.0'\nsamples = ['450 4.7.1 x']")),
              HasSubstr("its enhanced code does not fit"));
  EXPECT_THAT(Fault(Rule("text = 'HCM1'\ncase_sensitive = true\nsamples = ['450 hcm1']")),
              HasSubstr("its text does not fit"));
  EXPECT_EQ(Fault(Rule("text = 'HCM1'\nsamples = ['450 hcm1']")), "");
}

TEST(ReplyRules, MayNotBeSwallowedByAnEarlierOne) {
  const std::string wide = Rule("code = '4xx'\nsamples = ['450 x']");
  const std::string narrow =
      "[[rule]]\nname = \"narrow\"\ncode = 421\nphase = \"rcpt\"\nsamples = ['421 busy']\n";
  EXPECT_THAT(Fault(wide + narrow),
              HasSubstr("replies.toml:9:12: rule[1].samples[0]: \"421 busy\" is answered by the "
                        "rule \"r\" in line 1, at rcpt: put this one before it"));
  EXPECT_EQ(Fault(narrow + wide), "");
  // A provider's own are asked first, wherever they stand.
  EXPECT_EQ(Fault(wide + narrow + "provider = \"google\"\n"), "");
  // One phase that is taken away is enough.
  EXPECT_THAT(Fault(Rule("code = 421\nphase = \"mail\"\nsamples = ['421 x']") +
                    "[[rule]]\nname = \"all\"\ncode = 421\nsamples = ['421 y']\n"),
              HasSubstr("rule[1].samples[0]: \"421 y\" is answered by the rule \"r\""));
}

TEST(ReplyRules, OfTheOperatorComeFirst) {
  const auto rules = ParseReplyRules(Rule("code = 421\nsamples = ['421 x']"), "replies.toml");
  ASSERT_TRUE(rules) << FormatProblems(rules.error());
  ASSERT_EQ(rules->layers.size(), 2u);
  const auto matcher = ReplyMatcher::Make(*rules);
  ASSERT_TRUE(matcher);
  const ReplyFacts tss04{ReplyPhase::kMail, 421, "4.7.0", "[TSS04] Messages deferred"};
  EXPECT_EQ((*matcher)->Find("yahoo", tss04)->name, "r");
  const ReplyFacts policy{ReplyPhase::kData, 554, "", "[PH01] policy"};
  EXPECT_EQ((*matcher)->Find("yahoo", policy)->name, "yahoo-policy");
}

TEST(ReplyRules, OfTheOperatorMayStandAlone) {
  const auto rules =
      ParseReplyRules("shipped = false\n" + Rule("code = 421\nsamples = ['421 x']"), "r.toml");
  ASSERT_TRUE(rules) << FormatProblems(rules.error());
  EXPECT_EQ(rules->layers.size(), 1u);
  EXPECT_THAT(
      Fault("shipped = false\n" + Rule("provider = \"google\"\ncode = 421\nsamples = ['421 x']")),
      HasSubstr("add it there"));
}

TEST(ReplyRules, ReadSamplesInEveryFormThatReceiversUse) {
  const struct {
    const char* written;
    uint16_t code;
    const char* enhanced;
    const char* text;
  } kCases[] = {
      {"250", 250, "", ""},
      {"421 4.7.0 Try again", 421, "4.7.0", "Try again"},
      {"421,4.7.0 Try again", 421, "4.7.0", "Try again"},
      {"550-5.1.1 No such\r\n550 user\r\n", 550, "5.1.1", "No such user"},
      {"450-4.7.1 one\n451 4.7.2 two", 451, "4.7.2", "one two"},
      {"554-No SMTP service\n554-IP\n554", 554, "", "No SMTP service IP"},
  };
  for (const auto& c : kCases) {
    const auto sample = ParseReplySample(c.written);
    ASSERT_TRUE(sample) << c.written;
    EXPECT_EQ(sample->code, c.code);
    EXPECT_EQ(sample->enhanced, c.enhanced);
    EXPECT_EQ(sample->text, c.text);
  }
  for (const char* written : {"", "hello", "42", "999 x", "4210 x", "421 x\nhello"})
    EXPECT_FALSE(ParseReplySample(written)) << written;
}

TEST(ReplyRules, AreHeldToTheirPage) {
  std::ifstream in("docs/replies.md");
  const std::string page{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  const auto documented = [&page](std::string_view word) {
    return page.find("`" + std::string(word) + "`") != std::string::npos;
  };
  for (const Section* section : {&kReplyRuleSection, &kReplyActionSection}) {
    for (const Key& key : section->keys) {
      EXPECT_TRUE(documented(key.name)) << key.name;
      if (key.choices.empty()) continue;
      for (const std::string_view choice : SplitChoices(key.choices))
        EXPECT_TRUE(documented(choice)) << key.name << " = " << choice;
    }
  }
}

}  // namespace
}  // namespace sluice::config
