// engine/delivery/verdict.h — what facts mean for a recipient. The one place that judges.
//
// PURPOSE   (what happened, recipient, message, retry schedule, now, dice) -> Verdict. Delivery and
//           smtp/ report facts; the scheduler carries out what is said here.
// NOT HERE  Suspensions, holds and rates: they follow from Verdict::rule (shard/reactions.h).
// RULES     protocol.md 10-16, design 12.1-12.3. A ReplyRules is asked first, so that the rules of
//           replies.toml overrule the basic code.

#ifndef SLUICE_ENGINE_DELIVERY_VERDICT_H_
#define SLUICE_ENGINE_DELIVERY_VERDICT_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "config/config.h"
#include "config/reply_rules.h"
#include "dns/route.h"
#include "engine/base/random.h"
#include "engine/base/time.h"
#include "engine/delivery/job.h"
#include "queue/records.h"

namespace sluice::engine {

enum class Outcome : uint8_t { kDelivered, kDeferred, kBounced, kExpired, kCancelled };

// Whom a failure names. Only kRecipient may ever suppress or lower the standing of a recipient.
enum class Blame : uint8_t {
  kNone,
  kRecipient,  // the mailbox: unknown, disabled, full
  kMessage,    // its content, size or format
  kDomain,     // the sending domain: authentication, policy, its reputation
  kSource,     // our address: listing, rate, reverse name
  kNetwork,    // their hosts, DNS or the way there
};

// The vocabulary of Event::reason, one word each (docs/events.md lists them).
namespace reason {
inline constexpr std::string_view kRecipientRefused = "recipient_refused";  // reply to RCPT
inline constexpr std::string_view kSenderRefused = "sender_refused";        // reply to MAIL
inline constexpr std::string_view kMessageRefused = "message_refused";  // reply to DATA, the dot
inline constexpr std::string_view kHostRefused = "host_refused";        // greeting, EHLO or 421
inline constexpr std::string_view kGreylisted = "greylisted";           // 4xx that says so
inline constexpr std::string_view kThrottled = "throttled";             // rate or connection limits
inline constexpr std::string_view kReputation = "reputation";           // lists, reputation
inline constexpr std::string_view kConnectRefused = "connect_refused";
inline constexpr std::string_view kConnectTimeout = "connect_timeout";
inline constexpr std::string_view kSourceAddress = "source_address";  // cannot be used here
inline constexpr std::string_view kProxyFailed = "proxy_failed";      // the source's own
inline constexpr std::string_view kReplyTimeout = "reply_timeout";
inline constexpr std::string_view kConnectionLost = "connection_lost";
inline constexpr std::string_view kLostAfterDot = "lost_after_dot";  // next time may be a duplicate
inline constexpr std::string_view kTlsFailed = "tls_failed";
inline constexpr std::string_view kTlsPolicy = "tls_policy";  // no host may be used under it
inline constexpr std::string_view kProtocolFault = "protocol_fault";
inline constexpr std::string_view kNoAddress = "no_address";
inline constexpr std::string_view kTooLarge = "too_large";
inline constexpr std::string_view kNoSmtpUtf8 = "no_smtputf8";
inline constexpr std::string_view kNo8BitMime = "no_8bitmime";
inline constexpr std::string_view kContentUnreadable = "content_unreadable";
inline constexpr std::string_view kStopped = "stopped";  // no attempt: a reply rule keeps it back
inline constexpr std::string_view kShutdown = "shutdown";
inline constexpr std::string_view kMaxAge = "max_age";
inline constexpr std::string_view kScheduleEnd = "schedule_end";
inline constexpr std::string_view kHeld = "held";  // by limits of ours, for max_hold
inline constexpr std::string_view kCancelled = "cancelled";
inline constexpr std::string_view kNoSuchDomain = "no_such_domain";
inline constexpr std::string_view kNullMx = "null_mx";
inline constexpr std::string_view kLoop = "mail_loop";
inline constexpr std::string_view kForbiddenAddress = "forbidden_address";
inline constexpr std::string_view kMalformedDomain = "malformed_domain";
inline constexpr std::string_view kDnsTemporary = "dns_temporary";
}  // namespace reason

struct Verdict {
  Outcome outcome = Outcome::kDeferred;
  Blame blame = Blame::kNone;
  std::string_view reason;  // of the vocabulary above; empty for kDelivered
  // Of the reply as it came, may be empty or of another class than the code; else ours ("5.3.4").
  std::string enhanced;
  std::string text;        // the reply's text or our own words, at most queue::kMaxReplyText
  uint16_t code = 0;       // basic code of the reply; 0: none
  WallTime next_due{};     // kDeferred
  WallTime tried_until{};  // kDeferred: the end of max_age
  bool counts = true;      // does it use up an attempt of the schedule? (not: shutdown)
  // The failure speaks of the path, not of this recipient: others of the path wait as well.
  bool throttled = false;
  // kBounced: what the rule says of the address. Only kHard may suppress.
  config::BounceKind bounce = config::BounceKind::kUnknown;
  // That answered the reply; null: none. Of the rules in force: look at it now, do not keep it.
  const config::ReplyRule* rule = nullptr;
};

// What a rule of replies.toml says about a reply.
struct RuleMatch {
  const config::ReplyRule* rule = nullptr;  // of the rules in force
  bool temporary = false;                   // a 5xx is kept queued
  bool permanent = false;                   // a 4xx bounces
  bool throttled = false;
  std::optional<Blame> blame = std::nullopt;
  std::optional<Duration> retry_after = std::nullopt;
  std::optional<Duration> give_up = std::nullopt;  // so long after its release it bounces
  config::BounceKind bounce = config::BounceKind::kUnknown;
};

// Consulted before the general rules. The default knows none.
class ReplyRules {
 public:
  virtual ~ReplyRules() = default;
  virtual std::optional<RuleMatch> Match(const AttemptResult&) const { return std::nullopt; }
  // The provider that a receiver's host belongs to; empty: none.
  virtual std::string_view ProviderOf(std::string_view /*host*/) const { return {}; }
};

// What judging needs besides the facts.
struct Judge {
  const config::Retry& retry;
  const ReplyRules& rules;
  Random& random;
  WallTime now;
};

// An attempt at a host that got as far as this recipient. recipient.attempts counts the attempts
// before this one.
Verdict JudgeAttempt(const Judge& judge, const AttemptResult& result, const queue::Message& message,
                     const queue::Recipient& recipient);

// The whole round failed before any transaction (OnJobReturned with a failure): never a bounce.
Verdict JudgeRound(const Judge& judge, const RoundFailure& failure, const queue::Message& message,
                   const queue::Recipient& recipient);

// The route could not be found.
Verdict JudgeRoute(const Judge& judge, dns::RouteFault fault, std::string_view detail,
                   const queue::Message& message, const queue::Recipient& recipient);

// It is not its turn before `until`, for what a receiver said of others like it.
Verdict JudgeStopped(const Judge& judge, const queue::Message& message,
                     const queue::Recipient& recipient, WallTime until, std::string why);

// max_age has passed while the recipient waited (suspended, paused by a receiver, dead site).
bool IsExpired(const config::Retry& retry, const queue::Message& message,
               const queue::Recipient& recipient, WallTime now);
Verdict JudgeExpired(const config::Retry& retry, const queue::Message& message,
                     const queue::Recipient& recipient, WallTime now);
// It is limits of ours that kept it from being tried, since max_hold.
bool IsHeldTooLong(const config::Retry& retry, const queue::Message& message,
                   const queue::Recipient& recipient, WallTime now);
// From when its max_age runs (design 12.1).
WallTime ReleasedOf(const queue::Message& message, const queue::Recipient& recipient);
// An operator has cancelled it: it is dropped, or bounced.
Verdict JudgeCancelled(const queue::Order& order);

// When to try again after `attempts` attempts, the last one now: the schedule's gap plus 0-20%, cut
// to `deadline` but never below the first gap.
WallTime NextDue(const Judge& judge, uint32_t attempts, WallTime deadline);

// Does a failure at the connection stage end the round (protocol.md 16)? It does when the host
// speaks of rate, connections, reputation or greylisting; anything else leads to the next host.
bool EndsRound(const ReplyRules& rules, const AttemptResult& result);

// Does this reply to RCPT mean "too many recipients in one transaction" (protocol.md 12)? Only when
// an earlier RCPT of the transaction was accepted.
bool IsTooManyRecipients(const AttemptResult& result, bool earlier_accepted);

}  // namespace sluice::engine

#endif  // SLUICE_ENGINE_DELIVERY_VERDICT_H_
