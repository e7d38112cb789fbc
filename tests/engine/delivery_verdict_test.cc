// Goal: facts become meaning as protocol.md 10-16 and design 12.1-12.2 say.
// Method: tables of {fact, expected verdict}; gaps over many throws of the dice.

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <optional>
#include <string>

#include "engine/delivery/reply_topics.h"
#include "engine/delivery/verdict.h"

namespace sluice::engine {
namespace {

using std::chrono::hours;
using std::chrono::minutes;

AttemptResult Reply(Stage stage, uint16_t code, std::string enhanced, std::string text = "") {
  AttemptResult result;
  result.stage = stage;
  result.code = code;
  result.enhanced = std::move(enhanced);
  result.text = std::move(text);
  return result;
}

AttemptResult Failed(Stage stage, Fault fault, bool after_dot = false) {
  AttemptResult result;
  result.stage = stage;
  result.fault = fault;
  result.after_dot = after_dot;
  return result;
}

struct Bench {
  config::Retry retry;
  ReplyRules no_rules;
  Random random{7};
  queue::Message message;
  queue::Recipient recipient;
  WallTime now = WallTime(hours(1000));

  Bench() {
    message.accepted = now - hours(1);
    message.released = now - hours(1);
  }
  Judge MakeJudge(const ReplyRules* rules = nullptr) {
    return {retry, rules != nullptr ? *rules : no_rules, random, now};
  }
  Verdict Attempt(const AttemptResult& result) {
    return JudgeAttempt(MakeJudge(), result, message, recipient);
  }
};

std::string Text(const Verdict& verdict) {
  static constexpr std::string_view kOutcomes[] = {"delivered", "deferred", "bounced", "expired"};
  static constexpr std::string_view kBlames[] = {"none",   "recipient", "message",
                                                 "domain", "source",    "network"};
  std::string out(kOutcomes[size_t(verdict.outcome)]);
  if (!verdict.reason.empty()) out += " " + std::string(verdict.reason);
  out += " " + std::string(kBlames[size_t(verdict.blame)]);
  if (verdict.throttled) out += " throttled";
  return out;
}

TEST(Verdict, FollowsTheReply) {
  struct Case {
    AttemptResult result;
    const char* expected;
  };
  for (const Case& c : {
           Case{Reply(Stage::kDot, 250, "2.0.0", "ok"), "delivered none"},
           Case{Reply(Stage::kDot, 299, ""), "delivered none"},
           // Recipient stage.
           Case{Reply(Stage::kRcpt, 550, "5.1.1", "no such user"),
                "bounced recipient_refused recipient"},
           Case{Reply(Stage::kRcpt, 550, "", "mailbox unavailable"),
                "bounced recipient_refused recipient"},
           Case{Reply(Stage::kRcpt, 550, "5.4.1", "Access denied"),
                "bounced recipient_refused recipient"},
           Case{Reply(Stage::kRcpt, 552, "5.2.2", "mailbox full"),
                "bounced recipient_refused recipient"},
           Case{Reply(Stage::kRcpt, 552, "5.5.3", "too many recipients"),
                "bounced recipient_refused none"},
           Case{Reply(Stage::kRcpt, 552, "5.2.3", "message too large for the mailbox"),
                "bounced recipient_refused recipient"},
           Case{Reply(Stage::kRcpt, 452, "4.2.2", "mailbox full"),
                "deferred recipient_refused recipient"},
           Case{Reply(Stage::kRcpt, 452, "", "insufficient storage"),
                "deferred recipient_refused recipient"},
           Case{Reply(Stage::kRcpt, 450, "4.2.1", "busy"), "deferred recipient_refused recipient"},
           Case{Reply(Stage::kRcpt, 451, "", "local error"), "deferred recipient_refused network"},
           Case{Reply(Stage::kRcpt, 452, "4.5.3", "too many"), "deferred recipient_refused none"},
           Case{Reply(Stage::kRcpt, 550, "5.7.1", "denied"), "bounced recipient_refused none"},
           Case{Reply(Stage::kRcpt, 450, "4.7.1", "Greylisted, come back"),
                "deferred greylisted none"},
           Case{Reply(Stage::kRcpt, 550, "5.7.1", "listed by Spamhaus"),
                "bounced reputation source"},
           // Sender stage names us.
           Case{Reply(Stage::kMail, 550, "5.1.8", "sender domain unknown"),
                "bounced sender_refused domain"},
           Case{Reply(Stage::kMail, 550, "5.7.1", "not accepted"), "bounced sender_refused domain"},
           Case{Reply(Stage::kMail, 421, "4.7.28", "unusual rate of mail from your IP"),
                "deferred throttled source throttled"},
           // Data stage.
           Case{Reply(Stage::kDot, 554, "5.7.1", "looks like spam"),
                "bounced message_refused message"},
           Case{Reply(Stage::kDot, 550, "5.7.26", "DMARC policy of the domain"),
                "bounced message_refused domain"},
           Case{Reply(Stage::kDot, 552, "5.3.4", "too large"), "bounced message_refused message"},
           Case{Reply(Stage::kDot, 451, "4.3.0", "later"), "deferred message_refused network"},
           Case{Reply(Stage::kData, 554, "", "no"), "bounced message_refused message"},
           // 421 anywhere.
           Case{Reply(Stage::kRcpt, 421, "4.3.2", "closing"), "deferred host_refused network"},
           // The basic code decides, whatever the enhanced one says.
           Case{Reply(Stage::kRcpt, 450, "5.1.1", "odd"), "deferred recipient_refused recipient"},
           Case{Reply(Stage::kRcpt, 550, "4.1.1", "odd"), "bounced recipient_refused recipient"},
           // Never a bounce from the connection stage.
           Case{Reply(Stage::kGreeting, 554, "5.7.1", "no"), "deferred host_refused message"},
           Case{Reply(Stage::kEhlo, 550, "", "no"), "deferred host_refused network"},
       })
    EXPECT_EQ(Text(Bench().Attempt(c.result)), c.expected) << c.result.code << c.result.text;
}

TEST(Verdict, FollowsTheFault) {
  struct Case {
    AttemptResult result;
    const char* expected;
    const char* enhanced;
  };
  for (const Case& c : {
           Case{Failed(Stage::kConnect, Fault::kRefused), "deferred connect_refused network", ""},
           Case{Failed(Stage::kConnect, Fault::kTimeout), "deferred connect_timeout network", ""},
           Case{Failed(Stage::kRcpt, Fault::kTimeout), "deferred reply_timeout network", ""},
           Case{Failed(Stage::kData, Fault::kLost), "deferred connection_lost network", ""},
           Case{Failed(Stage::kDot, Fault::kLost, true), "deferred lost_after_dot network", ""},
           Case{Failed(Stage::kDot, Fault::kTimeout, true), "deferred lost_after_dot network", ""},
           Case{Failed(Stage::kMail, Fault::kProtocol), "deferred protocol_fault network", ""},
           Case{Failed(Stage::kStartTls, Fault::kTls), "deferred tls_failed network", ""},
           Case{Failed(Stage::kConnect, Fault::kNoAddress), "deferred no_address network", ""},
           Case{Failed(Stage::kLocal, Fault::kTooLarge), "bounced too_large message", "5.3.4"},
           Case{Failed(Stage::kLocal, Fault::kNoUtf8), "bounced no_smtputf8 message", "5.6.7"},
           Case{Failed(Stage::kLocal, Fault::kNo8Bit), "bounced no_8bitmime message", "5.6.3"},
           Case{Failed(Stage::kLocal, Fault::kContentUnreadable),
                "deferred content_unreadable none", ""},
       }) {
    const Verdict verdict = Bench().Attempt(c.result);
    EXPECT_EQ(Text(verdict), c.expected);
    EXPECT_EQ(verdict.enhanced, c.enhanced);
  }
}

TEST(Verdict, UsesUpNoAttemptWhenWeStop) {
  Bench bench;
  const Verdict verdict = bench.Attempt(Failed(Stage::kDot, Fault::kShutdown, true));
  EXPECT_EQ(Text(verdict), "deferred shutdown none");
  EXPECT_FALSE(verdict.counts);
  EXPECT_EQ(verdict.next_due, bench.now);
}

TEST(Verdict, NotesThatAMessageMayArriveTwice) {
  const Verdict verdict = Bench().Attempt(Failed(Stage::kDot, Fault::kLost, true));
  EXPECT_NE(verdict.text.find("more than once"), std::string::npos);
}

TEST(Verdict, LengthensGapsAndJittersOnlyUpwards) {
  Bench bench;
  const Duration gaps[] = {minutes(5),  minutes(10),  minutes(20),  minutes(40),
                           minutes(60), minutes(120), minutes(240), minutes(240)};
  for (uint32_t attempts = 1; attempts <= 8; ++attempts) {
    Duration least = hours(100);
    Duration most{0};
    for (int i = 0; i < 500; ++i) {
      const Duration gap =
          NextDue(bench.MakeJudge(), attempts, bench.message.released + bench.retry.max_age) -
          bench.now;
      least = std::min(least, gap);
      most = std::max(most, gap);
    }
    const Duration base = gaps[attempts - 1];
    EXPECT_GE(least, base);
    EXPECT_LE(most, base + base / 5);
    EXPECT_GT(most, base + base / 6) << "the dice are thrown";
  }
}

TEST(Verdict, TriesForThreeDaysFromReleaseUnlessToldOtherwise) {  // design 12.1
  const Bench bench;
  EXPECT_EQ(bench.retry.max_age, hours(72));
  EXPECT_FALSE(IsExpired(bench.retry, bench.message, bench.recipient,
                         bench.message.released + hours(72) - Duration(1)));
  EXPECT_TRUE(
      IsExpired(bench.retry, bench.message, bench.recipient, bench.message.released + hours(72)));
}

TEST(Verdict, MakesOneLastAttemptAtTheEndOfItsTime) {
  Bench bench;
  bench.recipient.attempts = 20;
  const AttemptResult busy = Reply(Stage::kRcpt, 450, "4.2.1", "busy");
  bench.message.released = bench.now - hours(70);
  Verdict verdict = bench.Attempt(busy);
  EXPECT_EQ(verdict.next_due, bench.message.released + hours(72));
  // Not in a hurry, though: never below the first gap.
  bench.message.released = bench.now - hours(72) + minutes(1);
  verdict = bench.Attempt(busy);
  EXPECT_EQ(verdict.outcome, Outcome::kDeferred);
  EXPECT_GE(verdict.next_due, bench.now + minutes(5));
  bench.message.released = bench.now - hours(72);
  verdict = bench.Attempt(busy);
  EXPECT_EQ(Text(verdict), "expired max_age recipient");
  EXPECT_EQ(verdict.enhanced, "4.4.7");
  EXPECT_EQ(verdict.text, "not delivered in time; the last answer was: 450 4.2.1 busy");
}

TEST(Verdict, CountsMaxAgeFromReleaseNotFromAcceptance) {
  Bench bench;
  bench.message.accepted = bench.now - hours(300);
  bench.message.released = bench.now - hours(1);
  EXPECT_EQ(bench.Attempt(Reply(Stage::kRcpt, 450, "")).outcome, Outcome::kDeferred);
  EXPECT_FALSE(IsExpired(bench.retry, bench.message, bench.recipient, bench.now));
  EXPECT_TRUE(IsExpired(bench.retry, bench.message, bench.recipient, bench.now + hours(71)));
}

TEST(Verdict, TellsTheLastAnswerOfAnExpiredRecipient) {
  Bench bench;
  const auto judge = [&] {
    return JudgeExpired(bench.retry, bench.message, bench.recipient, bench.now);
  };
  EXPECT_EQ(Text(judge()), "expired max_age network");
  bench.recipient.last_reply = "421 busy";
  EXPECT_EQ(judge().text, "not delivered in time; the last answer was: 421 busy");
  bench.message.window.end = bench.now;
  EXPECT_EQ(Text(judge()), "expired schedule_end network");
}

// Design 12.1: what we hold ourselves is not late, but not for ever.
TEST(Verdict, CountsMaxAgeFromWhenARecipientWasLetGoAndBoundsHowLongItIsHeld) {
  Bench bench;
  bench.message.accepted = bench.message.released = bench.now - hours(100);
  bench.recipient.released = bench.now - hours(1);
  EXPECT_FALSE(IsExpired(bench.retry, bench.message, bench.recipient, bench.now));
  EXPECT_EQ(bench.Attempt(Reply(Stage::kRcpt, 450, "")).outcome, Outcome::kDeferred);
  EXPECT_TRUE(IsExpired(bench.retry, bench.message, bench.recipient, bench.now + hours(71)));
  const WallTime end = bench.message.released + bench.retry.max_hold;
  bench.recipient.released = end;
  EXPECT_FALSE(IsExpired(bench.retry, bench.message, bench.recipient, end - hours(1)));
  EXPECT_TRUE(IsExpired(bench.retry, bench.message, bench.recipient, end));
  EXPECT_EQ(Text(JudgeExpired(bench.retry, bench.message, bench.recipient, end)),
            "expired held none");
  bench.recipient.attempts = 1;
  EXPECT_FALSE(IsExpired(bench.retry, bench.message, bench.recipient, end));
}

TEST(Verdict, NeverBouncesForARoundThatFailed) {
  Bench bench;
  for (const AttemptResult& last :
       {Reply(Stage::kGreeting, 554, "5.7.1", "no"), Failed(Stage::kConnect, Fault::kRefused),
        Failed(Stage::kConnect, Fault::kNoAddress), Failed(Stage::kMail, Fault::kLost)}) {
    const RoundFailure failure{last, 2, true};
    EXPECT_EQ(JudgeRound(bench.MakeJudge(), failure, bench.message, bench.recipient).outcome,
              Outcome::kDeferred);
  }
}

TEST(Verdict, ClassesTheFaultsOfDns) {
  Bench bench;
  const struct {
    dns::RouteFault fault;
    const char* expected;
    const char* enhanced;
  } kCases[] = {
      {dns::RouteFault::kNoSuchDomain, "bounced no_such_domain recipient", "5.1.2"},
      {dns::RouteFault::kNullMx, "bounced null_mx recipient", "5.1.10"},
      {dns::RouteFault::kMalformed, "bounced malformed_domain recipient", "5.1.2"},
      {dns::RouteFault::kNoAddress, "bounced no_address network", "5.4.4"},
      {dns::RouteFault::kForbidden, "bounced forbidden_address network", "5.4.4"},
      {dns::RouteFault::kLoop, "bounced mail_loop network", "5.4.6"},
      {dns::RouteFault::kTemporary, "deferred dns_temporary network", "4.4.3"},
  };
  for (const auto& c : kCases) {
    const Verdict verdict =
        JudgeRoute(bench.MakeJudge(), c.fault, "detail", bench.message, bench.recipient);
    EXPECT_EQ(Text(verdict), c.expected);
    EXPECT_EQ(verdict.enhanced, c.enhanced);
  }
}

class OneRule final : public ReplyRules {
 public:
  std::optional<RuleMatch> Match(const AttemptResult& r) const override {
    if (r.text.find("S3150") == std::string::npos) return std::nullopt;
    return RuleMatch{
        .temporary = true, .throttled = true, .blame = Blame::kSource, .retry_after = hours(24)};
  }
};

TEST(Verdict, AsksTheReplyRulesFirst) {
  Bench bench;
  const OneRule rules;
  const AttemptResult listed = Reply(Stage::kRcpt, 550, "5.7.1", "part of your network (S3150)");
  const Verdict verdict =
      JudgeAttempt(bench.MakeJudge(&rules), listed, bench.message, bench.recipient);
  EXPECT_EQ(Text(verdict), "deferred recipient_refused source throttled");
  EXPECT_GE(verdict.next_due, bench.now + hours(24));
  EXPECT_TRUE(EndsRound(rules, listed));
}

TEST(Verdict, KnowsTooManyRecipients) {
  const struct {
    AttemptResult result;
    bool earlier;
    bool expected;
  } kCases[] = {
      {Reply(Stage::kRcpt, 452, "4.5.3", "x"), true, true},
      {Reply(Stage::kRcpt, 452, "4.5.3", "x"), false, false},
      {Reply(Stage::kRcpt, 552, "5.5.3", "x"), true, true},
      {Reply(Stage::kRcpt, 452, "", "Too many recipients"), true, true},
      {Reply(Stage::kRcpt, 552, "", "Too many recipients"), true, true},
      {Reply(Stage::kRcpt, 452, "4.2.2", "too many recipients"), true, false},
      {Reply(Stage::kRcpt, 452, "", "insufficient storage"), true, false},
      {Reply(Stage::kRcpt, 451, "4.5.3", "too many recipients"), true, false},
      {Reply(Stage::kDot, 452, "4.5.3", "too many recipients"), true, false},
  };
  for (const auto& c : kCases)
    EXPECT_EQ(IsTooManyRecipients(c.result, c.earlier), c.expected) << c.result.text;
}

TEST(Verdict, EndsARoundForRateConnectionsReputationAndGreylisting) {
  const ReplyRules none;
  for (const char* text : {"Too many connections", "too many concurrent SMTP connections",
                           "poor reputation", "blocked by RBL", "Greylisting in action"}) {
    EXPECT_TRUE(EndsRound(none, Reply(Stage::kGreeting, 421, "", text))) << text;
    EXPECT_TRUE(EndsRound(none, Reply(Stage::kGreeting, 554, "", text))) << text;
  }
  for (const char* text : {"no SMTP service here", "try again later", "", "marbles"})
    EXPECT_FALSE(EndsRound(none, Reply(Stage::kGreeting, 554, "", text))) << text;
  EXPECT_FALSE(EndsRound(none, Failed(Stage::kConnect, Fault::kRefused)));
}

std::string ReadFile(const char* path) {
  std::ifstream in(path);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

TEST(Verdict, HasEveryReasonInTheManual) {
  const std::string source = ReadFile("engine/delivery/verdict.h");
  const std::string manual = ReadFile("docs/events.md");
  const std::string mark = "inline constexpr std::string_view k";
  size_t found = 0;
  for (size_t at = source.find(mark); at != std::string::npos; at = source.find(mark, at + 1)) {
    const size_t begin = source.find('"', at) + 1;
    const std::string word = source.substr(begin, source.find('"', begin) - begin);
    EXPECT_NE(manual.find("`" + word + "`"), std::string::npos) << word;
    ++found;
  }
  EXPECT_EQ(found, 34u);
}

TEST(Verdict, BoundsWhatItKeeps) {
  const Verdict verdict = Bench().Attempt(Reply(Stage::kRcpt, 550, "", std::string(5000, 'x')));
  EXPECT_EQ(verdict.text.size(), queue::kMaxReplyText);
}

}  // namespace
}  // namespace sluice::engine
