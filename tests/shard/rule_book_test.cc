// Goal: the reply rules reach the verdict: who is blamed, what stays queued, what bounces.
// Method: every shipped sample as octets through the parser of replies, from a host of its
// provider; rules of our own for what no shipped one does.

#include "engine/delivery/rule_book.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "config/reply_rules_parser.h"
#include "engine/shard/reactions.h"
#include "smtp/reply.h"

namespace sluice::engine {
namespace {

using std::chrono::hours;
using std::chrono::minutes;

constexpr Stage kStages[] = {Stage::kGreeting, Stage::kMail, Stage::kRcpt, Stage::kDot};

AttemptResult ResultOf(const std::string& written, Stage stage, const std::string& host) {
  smtp::ReplyParser parser;
  const auto step = parser.Feed(written + "\r\n");
  EXPECT_EQ(step.state, smtp::ReplyParser::State::kReply) << written;
  AttemptResult result;
  result.stage = stage;
  result.host = host + " [192.0.2.9]:25";
  if (step.state != smtp::ReplyParser::State::kReply) return result;
  result.code = parser.reply().code;
  result.enhanced = parser.reply().enhanced;
  result.text = smtp::CleanReplyText(parser.reply().text, 512);
  return result;
}

struct Bench {
  explicit Bench(const std::string& rules = "") {
    auto loaded = rules.empty() ? config::LoadReplyRules("") : config::ParseReplyRules(rules, "r");
    EXPECT_TRUE(loaded) << config::FormatProblems(loaded.error());
    if (loaded) set = std::make_shared<const config::ReplyRuleSet>(std::move(*loaded));
    book.Use(set);
    message.accepted = message.released = now - hours(1);
  }
  Verdict Judge(const AttemptResult& result) {
    return JudgeAttempt({retry, book, random, now}, result, message, recipient);
  }

  std::shared_ptr<const config::ReplyRuleSet> set;
  RuleBook book;
  config::Retry retry;
  Random random{7};
  queue::Message message;
  queue::Recipient recipient;
  WallTime now = WallTime(hours(1000));
};

// The host that a provider's rule is tried with.
std::string HostOf(const config::ReplyRuleSet& rules, const config::ReplyRule& rule) {
  for (const config::ReplyProvider& provider : rules.layers.front().providers)
    if (!rule.providers.empty() && provider.name == rule.providers.back())
      return "MX1." + provider.mx.front();
  return "mx.example.net";
}

TEST(RuleBook, BlamesAndKeepsAsEachShippedRuleSays) {
  Bench bench;
  for (const config::ReplyRule& rule : bench.set->layers.front().rules) {
    const std::string host = HostOf(*bench.set, rule);
    for (const config::ReplySample& sample : rule.samples) {
      for (size_t phase = 0; phase < config::kReplyPhases; ++phase) {
        if (!rule.InPhase(config::ReplyPhase(phase))) continue;
        const AttemptResult result = ResultOf(sample.written, kStages[phase], host);
        EXPECT_EQ(result.code, sample.code);
        EXPECT_EQ(result.enhanced, sample.enhanced) << sample.written;
        EXPECT_EQ(result.text, sample.text);
        const Verdict verdict = bench.Judge(result);
        ASSERT_EQ(verdict.rule, &rule) << sample.written;
        const bool bounces =
            sample.code >= 500 && phase > 0 && rule.treat != config::ReplyTreat::kTemporary;
        EXPECT_EQ(verdict.outcome == Outcome::kBounced, bounces) << sample.written;
        EXPECT_EQ(verdict.bounce, bounces ? rule.bounce : config::BounceKind::kUnknown);
        // Design 12.2: whatever is not the recipient's fault is never held against it.
        const bool own = rule.blame == config::ReplyBlame::kRecipient;
        EXPECT_EQ(verdict.blame == Blame::kRecipient, own) << rule.name;
        if (!own) {
          EXPECT_NE(verdict.bounce, config::BounceKind::kHard) << rule.name;
        }
      }
    }
  }
}

// Issue 4, line 5: a reply goes in as octets, and each action that its rule names comes out when its
// threshold is reached and not before. Which rule stands for which row of the list of known replies,
// and what it does, is the table of tests/config/reply_shipped_test.cc.
TEST(RuleBook, MakesEachActionOfEachShippedRuleDueAtItsThreshold) {
  Bench bench;
  const ReplyContext about{"s1", "@r", "default", "example.com", "crm", "spring", "example.net"};
  size_t actions = 0;
  for (const config::ReplyRule& rule : bench.set->layers.front().rules) {
    const std::string host = HostOf(*bench.set, rule);
    for (const config::ReplySample& sample : rule.samples) {
      Reactions reactions;
      std::vector<uint32_t> first(rule.actions.size(), 0);  // hit that made it due
      for (uint32_t hit = 1; hit <= 20; ++hit) {
        const auto phase = std::ranges::find_if(kStages, [&](const Stage& stage) {
          return rule.InPhase(config::ReplyPhase(&stage - kStages));
        });
        const Verdict verdict = bench.Judge(ResultOf(sample.written, *phase, host));
        ASSERT_NE(verdict.rule, nullptr) << sample.written;
        reactions.OnAttempt(about, false, Instant(hours(1)));
        for (const DueAction& due : reactions.OnReply(*verdict.rule, about, Instant(hours(1)))) {
          const size_t place = size_t(due.action - rule.actions.data());
          ASSERT_LT(place, first.size()) << rule.name;
          if (first[place] == 0) first[place] = hit;
        }
      }
      for (size_t place = 0; place < first.size(); ++place, ++actions) {
        const config::ReplyAction& action = rule.actions[place];
        const bool hold = action.kind == config::ReplyActionKind::kHold;
        EXPECT_EQ(first[place], hold ? 3 : action.threshold.count) << rule.name;
      }
    }
  }
  EXPECT_GT(actions, 100u);
}

TEST(RuleBook, AsksByTheHostThatAnswered) {
  Bench bench;
  const std::string tss04 = "421 4.7.0 [TSS04] Messages deferred";
  EXPECT_NE(bench.Judge(ResultOf(tss04, Stage::kMail, "mta5.am0.yahoodns.net")).rule, nullptr);
  EXPECT_EQ(bench.Judge(ResultOf(tss04, Stage::kMail, "mx.example.net")).rule, nullptr);
}

TEST(RuleBook, RetriesNotBeforeTheRuleSays) {
  Bench bench;
  const AttemptResult greylisted =
      ResultOf("451 4.7.1 Greylisted for now", Stage::kRcpt, "mx.example.net");
  bench.retry.gaps = {minutes(1)};
  const Verdict verdict = bench.Judge(greylisted);
  EXPECT_GE(verdict.next_due, bench.now + minutes(5));
  EXPECT_TRUE(EndsRound(bench.book, ResultOf("451 Greylisted", Stage::kGreeting, "mx.a.b")))
      << "another host of the same receiver says the same";
}

TEST(RuleBook, GivesUpAfterTheTimeOfTheRule) {
  Bench bench;
  const AttemptResult full =
      ResultOf("452 4.2.2 The account is out of storage space.", Stage::kRcpt, "mx.l.google.com");
  EXPECT_EQ(bench.Judge(full).outcome, Outcome::kDeferred);
  bench.message.released = bench.now - hours(25);
  const Verdict late = bench.Judge(full);
  EXPECT_EQ(late.outcome, Outcome::kBounced);
  EXPECT_EQ(late.bounce, config::BounceKind::kSoft);
  EXPECT_EQ(late.blame, Blame::kRecipient);
}

TEST(RuleBook, BouncesA4xxThatTheRuleCallsPermanent) {
  Bench bench(
      "[[rule]]\nname = 'r'\ncode = 450\ntext = 'never'\ntreat = 'permanent'\n"
      "samples = ['450 never']\n");
  EXPECT_EQ(bench.Judge(ResultOf("450 never", Stage::kRcpt, "h")).outcome, Outcome::kBounced);
  EXPECT_EQ(bench.Judge(ResultOf("450 never", Stage::kGreeting, "h")).outcome, Outcome::kDeferred);
}

TEST(RuleBook, KnowsNothingWithoutRules) {
  RuleBook book;
  EXPECT_FALSE(book.Match(ResultOf("421 Greylisted", Stage::kRcpt, "mx.l.google.com")));
  EXPECT_EQ(book.ProviderOf("mx.l.google.com"), "");
  book.Use(nullptr);
  EXPECT_EQ(book.ProviderOf(""), "");
}

}  // namespace
}  // namespace sluice::engine
