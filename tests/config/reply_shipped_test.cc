// Goal: each known reply of a receiver has the right rule, and the rule the right reaction.
// Method: a row for each shipped rule: the numbers it stands for in the list of known replies, and
// what it does in words. Every sample must find its rule; every number must have one. Rows 86
// (forms of replies) and 71 (La Poste answers as Orange) are samples of other rules.

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>
#include <sstream>
#include <string>

#include "config/keys_replies.h"
#include "config/reply_matcher.h"
#include "config/reply_rules_parser.h"

namespace sluice::config {
namespace {

struct Row {
  const char* numbers;
  const char* name;
  const char* reaction;
};
constexpr Row kRows[] = {
    {"4", "google-same-message-id", "message temporary retry 1h, hold campaign"},
    {"2", "google-rate-netblock", "network temporary, slow pool 50% floor 1/m"},
    {"3", "google-rate-domain",
     "sending_domain temporary retry 15m, suspend sending_domain for 15m"},
    {"1", "google-rate-address",
     "source temporary, slow path 50% floor 1/m, suspend path for 30m at 3 in 10m"},
    {"5", "google-very-low-reputation-address", "source, suspend path for 1h"},
    {"5", "google-very-low-reputation-domain",
     "sending_domain retry 1h, suspend sending_domain for 1h"},
    {"7", "google-connection-expired", "nobody, recycle path"},
    {"8", "google-no-reverse-name", "source temporary, hold path"},
    {"6", "google-try-again-later", "source, slow path 75% floor 1/m"},
    {"19", "google-dmarc-policy", "sending_domain temporary, hold sending_domain"},
    {"9", "google-unauthenticated", "sending_domain temporary, hold sending_domain"},
    {"10", "google-spf-or-dkim", "sending_domain temporary, hold sending_domain"},
    {"11", "google-from-not-aligned", "sending_domain temporary, hold sending_domain"},
    {"12", "google-tls-required", "source temporary, force_tls path for 7d alert"},
    {"13", "google-user-too-quickly", "recipient retry 30m"},
    {"13", "google-user-too-quickly-permanent", "recipient soft"},
    {"14", "google-out-of-storage", "recipient soft retry 1h give-up 1d"},
    {"14", "google-out-of-storage-permanent", "recipient soft"},
    {"15", "google-no-such-user", "recipient hard"},
    {"16", "google-account-disabled", "recipient hard"},
    {"17", "google-low-reputation-domain", "sending_domain soft, suspend sending_domain for 1h"},
    {"17", "google-low-reputation-address", "source soft, suspend path for 1h"},
    {"17", "google-likely-unsolicited",
     "sending_domain soft, suspend sending_domain for 1h at 5 in 10m over 5%"},
    {"18", "google-format", "message soft, hold campaign"},
    {"20", "google-too-large", "message soft"},
    {"20", "google-attachment", "message soft"},
    {"21", "yahoo-tss04", "source, suspend path for 2h"},
    {"22", "yahoo-tss05", "source, suspend path for 4h"},
    {"23", "yahoo-ipts04", "source, suspend path for 2h"},
    {"23", "yahoo-ipts05", "source, suspend path for 4h"},
    {"24", "yahoo-ts02", "source, slow path to 1/m for 30m"},
    {"25", "yahoo-ts03", "source, suspend path for 1d alert, next_source path"},
    {"26", "yahoo-tss09", "source temporary, suspend path for 1d alert"},
    {"27", "yahoo-block-list", "source soft, suspend path for 1d alert"},
    {"28", "yahoo-messages-per-connection", "nobody, recycle path limit 20"},
    {"29", "yahoo-user-too-quickly", "recipient retry 30m"},
    {"30", "yahoo-temporarily-deferred", "network"},
    {"31", "yahoo-from-domain-unresolvable", "sending_domain, hold sending_domain"},
    {"32", "yahoo-unauthenticated", "sending_domain temporary, hold sending_domain"},
    {"33", "yahoo-headers", "message soft, hold campaign"},
    {"32 33", "yahoo-policy", "message soft"},
    {"34", "yahoo-no-such-user", "recipient hard"},
    {"35 37", "microsoft-block-list", "source temporary, suspend path for 1d alert"},
    {"36", "microsoft-hourly-limits", "source, slow path 50% floor 1/m, suspend path for 1h"},
    {"41", "microsoft-messages-per-connection", "nobody, recycle path limit 20"},
    {"40", "microsoft-connections", "source, one_connection path for 1h"},
    {"38", "microsoft-server-busy", "source, slow path to 1/m for 30m"},
    {"39", "microsoft-reputation", "source, suspend path for 30m, one_connection path for 2h"},
    {"42", "microsoft-access-denied-later", "source, suspend path for 1h"},
    {"43", "microsoft-temporary-error", "network"},
    {"44", "microsoft-authentication-level", "sending_domain temporary, hold sending_domain"},
    {"45", "microsoft-dmarc-or-spf", "sending_domain temporary, hold sending_domain"},
    {"46", "microsoft-banned-source", "source soft, suspend path for 1d alert"},
    {"47", "microsoft-reverse-name-or-helo", "source temporary, hold path"},
    {"47", "microsoft-no-ipv6", "source temporary, ipv4_only path for 7d alert"},
    {"48", "microsoft-permitted-limits", "source soft, suspend path for 1h"},
    {"49", "microsoft-no-such-user", "recipient hard"},
    {"50", "microsoft-mailbox-full", "recipient temporary soft retry 1h give-up 1d"},
    {"87", "office365-directory", "recipient hard, doubt recipient_domain at 20 in 1d alert"},
    {"51", "apple-recipient-volume", "recipient retry 30m, slow path 50% floor 1/m at 3 in 10m"},
    {"52", "apple-deferred", "source, suspend path for 15m"},
    {"53", "apple-local-policy", "message soft, suspend path for 15m at 5 in 10m"},
    {"54", "apple-authentication", "sending_domain temporary, hold sending_domain"},
    {"55", "apple-domain-block-list", "sending_domain soft, suspend sending_domain for 4h alert"},
    {"55", "apple-block-list", "source soft, suspend path for 1d alert"},
    {"56", "apple-no-such-user", "recipient hard"},
    {"57", "comcast-sessions", "source, one_connection path for 1h limit 25"},
    {"58", "comcast-throttled-domain", "sending_domain retry 5m, suspend sending_domain for 5m"},
    {"58", "comcast-throttled", "source, slow path to 10000/h for 2h at 2 in 1h connections"},
    {"59", "comcast-block-list", "source soft, suspend path for 1d alert"},
    {"60", "comcast-reverse-name", "source, hold path"},
    {"61", "gmx-connections", "source temporary, one_connection path for 30m"},
    {"63", "gmx-block-listed", "source temporary, suspend path for 1d alert"},
    {"62", "gmx-policy-later", "source, slow path to 1/m for 1h"},
    {"62", "gmx-policy", "source soft, suspend path for 1h"},
    {"64", "gmx-no-such-user", "recipient hard"},
    {"65", "orange-connections", "source, one_connection path for 1h limit 2"},
    {"66", "orange-refused-later", "source, suspend path for 1h at 3 in 10m"},
    {"67", "orange-reputation", "source soft, suspend path for 2h"},
    {"68", "orange-sender", "sending_domain temporary, hold sending_domain"},
    {"69", "orange-no-such-user", "recipient hard"},
    {"69", "orange-mailbox-full", "recipient soft"},
    {"70", "orange-message", "message soft"},
    {"70", "orange-host-rejected", "source, suspend path for 2h alert"},
    {"72", "free-spam-source", "source, suspend path for 1d alert"},
    {"72", "free-errors", "source, slow path 50% floor 1/m alert"},
    {"72", "free-spam", "message soft"},
    {"73", "sfr-abuse", "source, suspend path for 1d alert"},
    {"74", "cox-connections", "source temporary, one_connection path for 1h limit 10"},
    {"74", "cox-rate", "source temporary, slow path 50% floor 1/m"},
    {"74", "cox-block-list", "source soft, suspend path for 1d alert"},
    {"74", "cox-reverse-name", "source temporary, hold path"},
    {"74", "cox-sender", "sending_domain temporary, hold sending_domain"},
    {"75", "spectrum-no-ipv6", "source temporary, ipv4_only path for 7d alert"},
    {"75", "spectrum-connections", "source temporary, one_connection path for 1h"},
    {"75", "spectrum-rate", "source temporary, slow path 50% floor 1/m"},
    {"75", "spectrum-blocked", "source soft, suspend path for 1d alert"},
    {"76", "mimecast-blacklisted", "source, suspend path for 1h"},
    {"76", "mimecast-busy", "source, suspend path for 30m"},
    {"77", "qq-frequency-source", "source temporary, suspend path for 1h"},
    {"77", "qq-frequency-sender", "sending_domain temporary, suspend path for 1h"},
    {"78", "netease-connections", "source, one_connection path for 1h"},
    {"78", "netease-spam-later", "source, suspend path for 15m"},
    {"78", "netease-spam", "message soft"},
    {"78", "netease-limits", "source soft, suspend path for 1h"},
    {"79", "yahoo-japan-deferred", "source temporary, suspend path for 1h"},
    {"80", "t-online-reputation", "source temporary, suspend path for 1d alert"},
    {"81", "greylisted", "nobody retry 5m"},
    {"82", "too-many-recipients", "nobody"},
    {"83", "too-many-recipients-old", "nobody temporary"},
    {"84", "null-mx", "recipient hard"},
    {"84", "domain-takes-no-mail", "recipient hard"},
    {"85", "refused-at-the-door", "network temporary"},
};

std::string Rate(const ReplyRate& rate) {
  const std::string per = FormatDuration(rate.per);
  return std::to_string(rate.count) + "/" + (per[0] == '1' ? per.substr(1) : per);
}

std::string Choice(const Section& section, std::string_view key, size_t place) {
  return std::string(SplitChoices(FindKey(section, key)->choices)[place]);
}

std::string Words(const ReplyAction& action) {
  std::string out = Choice(kReplyActionSection, "do", size_t(action.kind)) + " " +
                    Choice(kReplyActionSection, "what", size_t(action.target));
  if (action.percent != 0) out += " " + std::to_string(action.percent) + "%";
  if (action.to.count != 0) out += " to " + Rate(action.to);
  if (action.floor.count != 0) out += " floor " + Rate(action.floor);
  if (action.length) out += " for " + FormatDuration(*action.length);
  if (action.limit != 0) out += " limit " + std::to_string(action.limit);
  if (action.threshold.count > 1)
    out += " at " + std::to_string(action.threshold.count) + " in " +
           FormatDuration(action.threshold.within);
  if (action.share != 0) out += " over " + std::to_string(action.share) + "%";
  if (action.connections) out += " connections";
  if (action.alert) out += " alert";
  return out;
}

std::string Words(const ReplyRule& rule) {
  std::string out = Choice(kReplyRuleSection, "blame", size_t(rule.blame));
  if (rule.treat != ReplyTreat::kByCode)
    out += " " + Choice(kReplyRuleSection, "treat", size_t(rule.treat));
  if (rule.bounce != BounceKind::kUnknown)
    out += " " + Choice(kReplyRuleSection, "bounce", size_t(rule.bounce));
  if (rule.retry_after) out += " retry " + FormatDuration(*rule.retry_after);
  if (rule.give_up) out += " give-up " + FormatDuration(*rule.give_up);
  for (const ReplyAction& action : rule.actions) out += ", " + Words(action);
  return out;
}

class ShippedReplyRules : public testing::Test {
 protected:
  void SetUp() override {
    auto loaded = LoadReplyRules("");
    ASSERT_TRUE(loaded) << FormatProblems(loaded.error());
    rules_ = std::move(*loaded);
    ASSERT_EQ(rules_.layers.size(), 1u);
  }
  const std::vector<ReplyRule>& rules() const { return rules_.layers.front().rules; }

  ReplyRuleSet rules_;
};

TEST_F(ShippedReplyRules, ReactAsTheTableSays) {
  ASSERT_EQ(rules().size(), std::size(kRows));
  for (size_t i = 0; i < rules().size(); ++i) {
    EXPECT_EQ(rules()[i].name, kRows[i].name);
    EXPECT_EQ(Words(rules()[i]), kRows[i].reaction) << rules()[i].name;
  }
}

TEST_F(ShippedReplyRules, StandForEveryKnownReply) {
  std::set<int> seen = {71, 86};
  for (const Row& row : kRows) {
    std::istringstream numbers(row.numbers);
    for (int number = 0; numbers >> number;) seen.insert(number);
  }
  for (int number = 1; number <= 87; ++number) EXPECT_TRUE(seen.contains(number)) << number;
  EXPECT_EQ(seen.size(), 87u);
}

TEST_F(ShippedReplyRules, AnswerEachOfTheirSamples) {
  const auto matcher = ReplyMatcher::Make(rules_);
  ASSERT_TRUE(matcher) << matcher.error();
  for (const ReplyRule& rule : rules()) {
    ASSERT_FALSE(rule.samples.empty()) << rule.name;
    for (const ReplySample& sample : rule.samples) {
      for (size_t phase = 0; phase < kReplyPhases; ++phase) {
        if (!rule.InPhase(ReplyPhase(phase))) continue;
        const std::string provider = rule.providers.empty() ? "" : rule.providers.front();
        const ReplyRule* found = (*matcher)->Find(
            provider, {ReplyPhase(phase), sample.code, sample.enhanced, sample.text});
        EXPECT_EQ(found, &rule) << sample.written;
      }
    }
  }
}

TEST_F(ShippedReplyRules, NeverCallAnAddressInvalidForAFaultThatIsNotItsOwn) {
  for (const ReplyRule& rule : rules()) {
    if (rule.blame != ReplyBlame::kRecipient) {
      EXPECT_NE(rule.bounce, BounceKind::kHard) << rule.name;
    }
    EXPECT_NE(rule.blame, ReplyBlame::kByReply) << rule.name << ": say whom it names";
  }
}

TEST_F(ShippedReplyRules, LeaveOrdinaryRepliesToTheGeneralRules) {
  const auto matcher = ReplyMatcher::Make(rules_);
  ASSERT_TRUE(matcher);
  for (const char* written :
       {"550 5.1.1 <jane@example.net>: Recipient address rejected: User unknown",
        "450 4.2.0 try again", "550 5.7.1 Message rejected", "451 4.3.0 local error",
        "452 4.2.2 mailbox full", "421 4.3.2 shutting down"}) {
    const auto sample = ParseReplySample(written);
    ASSERT_TRUE(sample);
    EXPECT_EQ(
        (*matcher)->Find("", {ReplyPhase::kRcpt, sample->code, sample->enhanced, sample->text}),
        nullptr)
        << written;
  }
}

TEST_F(ShippedReplyRules, KnowProvidersByTheirHosts) {
  const struct {
    const char* host;
    const char* provider;
  } kCases[] = {
      {"gmail-smtp-in.l.google.com", "google"},
      {"alt1.aspmx.l.google.com", "google"},
      {"mta7.am0.yahoodns.net", "yahoo"},
      {"outlook-com.olc.protection.outlook.com", "outlook-consumer"},
      {"example-net.mail.protection.outlook.com", "office365"},
      {"example-net.x-v1.mx.microsoft", "office365"},
      {"mx01.mail.icloud.com", "apple"},
      {"mx1.comcast.net", "comcast"},
      {"mx00.gmx.net", "gmx"},
      {"mx-ha02.web.de", "gmx"},
      {"smtp-in.orange.fr", "orange"},
      {"smtpz4.laposte.net", "laposte"},
      {"mx1.free.fr", "free"},
      {"mx3.qq.com", "qq"},
      {"163mx01.mxmail.netease.com", "netease"},
      {"mx00.t-online.de", "t-online"},
      {"eu-smtp-inbound-1.mimecast.com", "mimecast"},
      {"mx1.mail.yahoo.co.jp", "yahoo-japan"},
      {"notgoogle.com", ""},
      {"google.com.example.net", ""},
      {"mx.example.net", ""},
      {"", ""},
  };
  for (const auto& c : kCases) EXPECT_EQ(rules_.ProviderOf(c.host), c.provider) << c.host;
}

}  // namespace
}  // namespace sluice::config
