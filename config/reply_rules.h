// config/reply_rules.h — what replies.toml says: which replies of receivers are known, and what to
// do about them.
//
// PURPOSE   The rules as typed values, with the providers they speak of. A file of the operator's
//           stands before the rules that are built in (config/replies.toml); ADR 0015 says why it
//           is not the shaping file.
// NOT HERE  Reading the file (reply_rules_parser.h), which rule fits a reply (reply_matcher.h),
//           what follows is the engine's business.
// TESTS     tests/config/reply_rules_test.cc, docs/replies.md

#ifndef SLUICE_CONFIG_REPLY_RULES_H_
#define SLUICE_CONFIG_REPLY_RULES_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/document.h"
#include "engine/base/time.h"

namespace sluice::config {

// Of one file. The built-in one has over 100.
inline constexpr size_t kReplyRulesMax = 2'000;
inline constexpr size_t kReplyActionsMax = 8;
inline constexpr uint32_t kReplyThresholdMax = 1'000;

// Where in a session the reply came.
enum class ReplyPhase : uint8_t { kConnect, kMail, kRcpt, kData };
inline constexpr size_t kReplyPhases = 4;
inline constexpr uint8_t kAnyPhase = 0b1111;  // a bit for each
inline constexpr std::array<std::string_view, kReplyPhases> kReplyPhaseNames = {"connect", "mail",
                                                                                "rcpt", "data"};

// Whom the reply names. Only kRecipient may ever suppress (design 12.2).
enum class ReplyBlame : uint8_t {
  kByReply,  // the rule says nothing: by the general rules of the engine
  kNobody,
  kRecipient,
  kMessage,
  kSendingDomain,
  kSource,
  kNetwork,
};

enum class ReplyTreat : uint8_t { kByCode, kTemporary, kPermanent };

// What a bounce says of the address. kHard: it does not exist, send no more. kSoft: it may.
enum class BounceKind : uint8_t { kUnknown, kSoft, kHard };

enum class ReplyActionKind : uint8_t {
  kSuspend,        // nothing goes out for `length`
  kHold,           // a fault of ours: alert, and a probe now and then until one succeeds (12.3)
  kSlow,           // rate down to `percent`, or to `to`, not below `floor`
  kOneConnection,  // for `length`; later at most `limit`
  kRecycle,        // this connection ends; later ones carry at most `limit` messages
  kNextSource,     // the next attempt comes from another source
  kForceTls,       // only with TLS for `length`
  kIpv4Only,       // for `length`
  kDoubt,          // what bounced hard bounces soft from then on: the fault is the domain's
};

enum class ReplyTarget : uint8_t {
  kPath,           // the source, towards the sites of the provider; without one, towards the site
  kSource,         // the source, towards all
  kPool,           // all sources of the pool, towards the provider or site
  kSendingDomain,  // the From domain
  kTenant,
  kCampaign,
  kRecipientDomain,
};

// So many in so long. One: at once.
struct ReplyThreshold {
  uint32_t count = 1;
  Duration within{};

  bool operator==(const ReplyThreshold&) const = default;
};

struct ReplyRate {
  uint64_t count = 0;  // 0: none is said
  Duration per{1'000'000};

  bool operator==(const ReplyRate&) const = default;
};

struct ReplyAction {
  ReplyActionKind kind{};
  ReplyTarget target = ReplyTarget::kPath;
  std::optional<Duration> length;
  ReplyThreshold threshold;
  uint32_t share = 0;  // percent of the target's attempts that the hits must exceed as well; 0: any
  uint32_t percent = 0;
  ReplyRate to;
  ReplyRate floor;
  uint32_t limit = 0;        // 0: none is said
  bool connections = false;  // kSlow: the rate of connections, not of messages
  bool alert = false;
  Position at;

  bool operator==(const ReplyAction&) const = default;
};

struct CodeRange {
  uint16_t low = 200;
  uint16_t high = 599;

  bool operator==(const CodeRange&) const = default;
};

// What is asked about.
struct ReplyFacts {
  ReplyPhase phase = ReplyPhase::kRcpt;
  uint16_t code = 0;
  std::string_view enhanced;  // "5.7.1" or empty
  std::string_view text;      // without the codes, lines joined by a space
};

// A reply as it came, which the rule must answer.
struct ReplySample {
  uint16_t code = 0;
  std::string enhanced;
  std::string text;
  std::string written;
  Position at;
};

struct ReplyRule {
  std::string name;
  std::vector<std::string> providers;  // any of them; none: any receiver
  std::vector<CodeRange> codes;        // none: any
  std::vector<std::string> enhanced;   // "4.7.28", "4.7." or "4.7.850-899"; none: any
  std::string text;                    // RE2, found anywhere in the text; empty: any
  bool case_sensitive = false;
  uint8_t phases = kAnyPhase;

  ReplyBlame blame = ReplyBlame::kByReply;
  ReplyTreat treat = ReplyTreat::kByCode;
  BounceKind bounce = BounceKind::kUnknown;
  std::optional<Duration> retry_after;
  std::optional<Duration> give_up;  // temporary for so long after its release, then it bounces
  std::vector<ReplyAction> actions;

  std::vector<ReplySample> samples;
  Position at;
  Position text_at;

  bool InPhase(ReplyPhase phase) const { return (phases >> size_t(phase) & 1) != 0; }
  bool HasCode(uint16_t code) const;
  bool HasEnhanced(std::string_view code) const;
};

// Receivers that answer alike, by the host names of their MX records.
struct ReplyProvider {
  std::string name;
  std::vector<std::string> mx;  // lower case, without a first dot; with all names below
};

// One file: its rules in order. Those of a provider are asked before the general ones.
struct ReplyLayer {
  std::string file;  // as messages show it
  std::vector<ReplyProvider> providers;
  std::vector<ReplyRule> rules;
};

// In the order they are asked.
struct ReplyRuleSet {
  std::vector<ReplyLayer> layers;

  // The provider with the longest suffix that fits; of equals that of the first layer. Empty: none.
  std::string_view ProviderOf(std::string_view host) const;
  bool HasProvider(std::string_view name) const;
  std::vector<std::string_view> ProviderNames() const;
};

// The text of config/replies.toml, which is built in.
std::string_view ShippedReplies();

}  // namespace sluice::config

#endif  // SLUICE_CONFIG_REPLY_RULES_H_
