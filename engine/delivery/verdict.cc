// engine/delivery/verdict.cc — see verdict.h.

#include "engine/delivery/verdict.h"

#include <algorithm>
#include <utility>

#include "engine/base/check.h"
#include "engine/delivery/reply_topics.h"

namespace sluice::engine {
namespace {

// A gap grows by up to this part, never shrinks: greylists of exactly 300 s (protocol.md 16).
constexpr double kJitter = 0.2;
constexpr std::string_view kTooLate = "not delivered in time; the last answer was: ";

std::string Bounded(std::string text) {
  if (text.size() > queue::kMaxReplyText) text.resize(queue::kMaxReplyText);
  return text;
}

WallTime Deadline(const config::Retry& retry, const queue::Message& message,
                  const queue::Recipient& recipient) {
  const WallTime aged = ReleasedOf(message, recipient) + retry.max_age;
  return message.window.end == WallTime{} ? aged : std::min(aged, message.window.end);
}

bool HasEnded(const queue::Message& message, WallTime now) {
  return message.window.end != WallTime{} && now >= message.window.end;
}

std::string_view WhyExpired(const queue::Message& message, WallTime now) {
  return HasEnded(message, now) ? reason::kScheduleEnd : reason::kMaxAge;
}

Duration Jittered(const Judge& judge, Duration gap) {
  return gap + Duration(int64_t(double(gap.count()) * kJitter * judge.random.Unit()));
}

// Subject and detail of an enhanced code: "5.1.10" -> {1, 10}; {-1, -1} without one.
std::pair<int, int> SubjectOf(std::string_view enhanced) {
  if (enhanced.size() < 5) return {-1, -1};
  int subject = 0;
  size_t i = 2;
  for (; i < enhanced.size() && enhanced[i] != '.'; ++i)
    subject = subject * 10 + (enhanced[i] - '0');
  int detail = 0;
  for (++i; i < enhanced.size(); ++i) detail = detail * 10 + (enhanced[i] - '0');
  return {subject, detail};
}

Blame BlameByStage(const AttemptResult& result) {
  switch (result.stage) {
    case Stage::kMail:
      return Blame::kDomain;
    case Stage::kRcpt:
      return result.code == 421 || result.code == 451 ? Blame::kNetwork : Blame::kRecipient;
    case Stage::kData:
    case Stage::kContent:
    case Stage::kDot:
      return result.code >= 500 ? Blame::kMessage : Blame::kNetwork;
    default:
      return Blame::kNetwork;
  }
}

// Whom does the reply name? When in doubt not the recipient (design 12.2).
Blame BlameOf(const AttemptResult& result, Topic topic) {
  switch (topic) {
    case Topic::kGreylist:
      return Blame::kNone;
    case Topic::kRate:
    case Topic::kReputation:
      return Blame::kSource;
    case Topic::kAuthentication:
      return Blame::kDomain;
    case Topic::kContent:
      return Blame::kMessage;
    case Topic::kManyRecipients:
    case Topic::kNone:
      break;
  }
  const auto [subject, detail] = SubjectOf(result.enhanced);
  switch (subject) {
    case 1:  // 7 and 8 are about the sender's address
      return detail == 7 || detail == 8 ? Blame::kDomain : Blame::kRecipient;
    case 2:
      return Blame::kRecipient;
    case 3:
      return detail == 4 || detail == 3 ? Blame::kMessage : Blame::kNetwork;
    case 4:  // 5.4.1 at RCPT: directory-based refusal of the address
      return detail == 1 && result.stage == Stage::kRcpt ? Blame::kRecipient : Blame::kNetwork;
    case 5:
      return Blame::kNone;
    case 6:
      return Blame::kMessage;
    case 7:
      if (result.stage == Stage::kRcpt) return Blame::kNone;
      return result.stage == Stage::kMail ? Blame::kDomain : Blame::kMessage;
    default:
      return BlameByStage(result);
  }
}

std::string_view ReplyReason(const AttemptResult& result, Topic topic) {
  const bool temporary = result.code < 500;
  if (topic == Topic::kReputation) return reason::kReputation;
  if (topic == Topic::kGreylist && temporary) return reason::kGreylisted;
  if (topic == Topic::kRate && temporary) return reason::kThrottled;
  if (result.code == 421) return reason::kHostRefused;
  switch (result.stage) {
    case Stage::kMail:
      return reason::kSenderRefused;
    case Stage::kRcpt:
      return reason::kRecipientRefused;
    case Stage::kData:
    case Stage::kContent:
    case Stage::kDot:
      return reason::kMessageRefused;
    default:
      return reason::kHostRefused;
  }
}

std::string_view FaultReason(const AttemptResult& result) {
  if (result.after_dot && result.fault != Fault::kShutdown) return reason::kLostAfterDot;
  switch (result.fault) {
    case Fault::kRefused:
      return reason::kConnectRefused;
    case Fault::kTimeout:
      return result.stage == Stage::kConnect ? reason::kConnectTimeout : reason::kReplyTimeout;
    case Fault::kLost:
      return reason::kConnectionLost;
    case Fault::kTls:
      return reason::kTlsFailed;
    case Fault::kNoAddress:
      return reason::kNoAddress;
    case Fault::kTooLarge:
      return reason::kTooLarge;
    case Fault::kNoUtf8:
      return reason::kNoSmtpUtf8;
    case Fault::kNo8Bit:
      return reason::kNo8BitMime;
    case Fault::kContentUnreadable:
      return reason::kContentUnreadable;
    case Fault::kShutdown:
      return reason::kShutdown;
    case Fault::kTlsPolicy:
      return reason::kTlsPolicy;
    case Fault::kSourceAddress:
      return reason::kSourceAddress;
    case Fault::kProxy:
      return reason::kProxyFailed;
    case Fault::kNone:
    case Fault::kProtocol:
      break;
  }
  return reason::kProtocolFault;
}

Verdict Defer(const Judge& judge, Verdict verdict, const queue::Message& message,
              const queue::Recipient& recipient, std::optional<Duration> retry_after) {
  verdict.outcome = Outcome::kDeferred;
  const WallTime deadline = Deadline(judge.retry, message, recipient);
  if (judge.now >= deadline) {
    std::string answer;
    if (verdict.code != 0) answer = std::to_string(verdict.code) + " ";
    if (verdict.code != 0 && !verdict.enhanced.empty()) answer += verdict.enhanced + " ";
    verdict.text = Bounded(std::string(kTooLate) + answer + verdict.text);
    verdict.outcome = Outcome::kExpired;
    verdict.reason = WhyExpired(message, judge.now);
    verdict.enhanced = "4.4.7";
    return verdict;
  }
  verdict.next_due = NextDue(judge, uint32_t(recipient.attempts) + 1, deadline);
  verdict.tried_until = deadline;
  if (retry_after.has_value())
    verdict.next_due = std::max(verdict.next_due, judge.now + Jittered(judge, *retry_after));
  verdict.next_due = queue::NextInHours(message.window, verdict.next_due);
  return verdict;
}

// Does the recipient stay queued?
bool IsTemporary(const Judge& judge, const AttemptResult& result,
                 const std::optional<RuleMatch>& rule, WallTime released) {
  if (!rule) return result.code < 500;
  if (rule->permanent) return false;
  if (result.code >= 500 && !rule->temporary) return false;
  return !rule->give_up || judge.now < released + *rule->give_up;
}

Verdict JudgeFault(const Judge& judge, const AttemptResult& result, const queue::Message& message,
                   const queue::Recipient& recipient) {
  Verdict verdict;
  verdict.reason = FaultReason(result);
  verdict.text = Bounded(result.text);
  verdict.blame = Blame::kNetwork;
  const auto bounce = [&](std::string_view status) {
    verdict.outcome = Outcome::kBounced;
    verdict.blame = Blame::kMessage;
    verdict.enhanced = status;
    return verdict;
  };
  switch (result.fault) {
    case Fault::kTooLarge:
      return bounce("5.3.4");
    case Fault::kNoUtf8:
      return bounce("5.6.7");
    case Fault::kNo8Bit:
      return bounce("5.6.3");
    case Fault::kShutdown:
      verdict.blame = Blame::kNone;
      verdict.counts = false;
      verdict.next_due = judge.now;
      return verdict;
    case Fault::kContentUnreadable:
      verdict.blame = Blame::kNone;
      break;
    case Fault::kSourceAddress:
    case Fault::kProxy:
      verdict.blame = Blame::kSource;
      break;
    default:
      break;
  }
  if (result.after_dot) {
    verdict.text =
        Bounded(verdict.text + " after the end of the message: it may arrive more than once");
  }
  return Defer(judge, std::move(verdict), message, recipient, std::nullopt);
}

}  // namespace

Verdict JudgeAttempt(const Judge& judge, const AttemptResult& result, const queue::Message& message,
                     const queue::Recipient& recipient) {
  if (result.fault != Fault::kNone) return JudgeFault(judge, result, message, recipient);
  Verdict verdict;
  verdict.code = result.code;
  verdict.enhanced = result.enhanced;
  verdict.text = Bounded(result.text);
  if (result.code >= 200 && result.code < 300 && result.stage == Stage::kDot) {
    verdict.outcome = Outcome::kDelivered;
    return verdict;
  }
  if (result.code < 400) {  // our own session lets nothing of the kind through
    verdict.reason = reason::kProtocolFault;
    return Defer(judge, std::move(verdict), message, recipient, std::nullopt);
  }
  const Topic topic = TopicOf(result.text);
  const std::optional<RuleMatch> rule = judge.rules.Match(result);
  verdict.reason = ReplyReason(result, topic);
  verdict.blame = rule && rule->blame ? *rule->blame : BlameOf(result, topic);
  if (rule) verdict.rule = rule->rule;
  const bool connection_stage = result.stage < Stage::kMail;
  const bool temporary = IsTemporary(judge, result, rule, ReleasedOf(message, recipient));
  const bool throttles = topic == Topic::kRate || topic == Topic::kReputation;
  verdict.throttled = rule ? rule->throttled : throttles && (temporary || connection_stage);
  if (temporary || connection_stage) {
    return Defer(judge, std::move(verdict), message, recipient,
                 rule ? rule->retry_after : std::nullopt);
  }
  verdict.outcome = Outcome::kBounced;
  if (rule) verdict.bounce = rule->bounce;
  return verdict;
}

Verdict JudgeRound(const Judge& judge, const RoundFailure& failure, const queue::Message& message,
                   const queue::Recipient& recipient) {
  CHECK(failure.last.stage < Stage::kLocal);
  Verdict verdict = JudgeAttempt(judge, failure.last, message, recipient);
  if (verdict.outcome != Outcome::kBounced && verdict.outcome != Outcome::kDelivered)
    return verdict;
  // A transaction was under way when the host failed and no other could be reached.
  return Defer(judge, std::move(verdict), message, recipient, std::nullopt);
}

Verdict JudgeRoute(const Judge& judge, dns::RouteFault fault, std::string_view detail,
                   const queue::Message& message, const queue::Recipient& recipient) {
  Verdict verdict;
  verdict.text = Bounded(std::string(detail));
  const auto bounce = [&](std::string_view why, Blame blame, std::string_view status) {
    verdict.outcome = Outcome::kBounced;
    verdict.reason = why;
    verdict.blame = blame;
    verdict.enhanced = status;
    return verdict;
  };
  switch (fault) {
    case dns::RouteFault::kNoSuchDomain:
      return bounce(reason::kNoSuchDomain, Blame::kRecipient, "5.1.2");
    case dns::RouteFault::kNullMx:
      return bounce(reason::kNullMx, Blame::kRecipient, "5.1.10");
    case dns::RouteFault::kMalformed:
      return bounce(reason::kMalformedDomain, Blame::kRecipient, "5.1.2");
    case dns::RouteFault::kNoAddress:
      return bounce(reason::kNoAddress, Blame::kNetwork, "5.4.4");
    case dns::RouteFault::kForbidden:
      return bounce(reason::kForbiddenAddress, Blame::kNetwork, "5.4.4");
    case dns::RouteFault::kLoop:
      return bounce(reason::kLoop, Blame::kNetwork, "5.4.6");
    case dns::RouteFault::kTemporary:
    case dns::RouteFault::kNone:
      break;
  }
  verdict.reason = reason::kDnsTemporary;
  verdict.blame = Blame::kNetwork;
  verdict.enhanced = "4.4.3";
  return Defer(judge, std::move(verdict), message, recipient, std::nullopt);
}

WallTime ReleasedOf(const queue::Message& message, const queue::Recipient& recipient) {
  return std::max(message.released, recipient.released);
}

Verdict JudgeStopped(const Judge& judge, const queue::Message& message,
                     const queue::Recipient& recipient, WallTime until, std::string why) {
  Verdict verdict;
  verdict.reason = reason::kStopped;
  verdict.text = Bounded(std::move(why));
  verdict.counts = false;
  verdict.tried_until = Deadline(judge.retry, message, recipient);
  verdict.next_due = std::min(until, std::max(verdict.tried_until, judge.now));
  return verdict;
}

bool IsExpired(const config::Retry& retry, const queue::Message& message,
               const queue::Recipient& recipient, WallTime now) {
  return now >= Deadline(retry, message, recipient) ||
         IsHeldTooLong(retry, message, recipient, now);
}

bool IsHeldTooLong(const config::Retry& retry, const queue::Message& message,
                   const queue::Recipient& recipient, WallTime now) {
  return recipient.attempts == 0 && recipient.released > message.released &&
         now >= message.released + std::max(retry.max_hold, retry.max_age);
}

Verdict JudgeExpired(const config::Retry& retry, const queue::Message& message,
                     const queue::Recipient& recipient, WallTime now) {
  const bool held = !HasEnded(message, now) && IsHeldTooLong(retry, message, recipient, now);
  Verdict verdict;
  verdict.outcome = Outcome::kExpired;
  verdict.reason = held ? reason::kHeld : WhyExpired(message, now);
  verdict.blame = held ? Blame::kNone : Blame::kNetwork;
  verdict.enhanced = "4.4.7";
  if (held) {
    verdict.text = "held back by limits of the sending system for too long; no attempt was made";
  } else {
    verdict.text = Bounded(recipient.last_reply.empty()
                               ? std::string("not delivered in time; no attempt could be made")
                               : std::string(kTooLate) + recipient.last_reply);
  }
  return verdict;
}

Verdict JudgeCancelled(const queue::Order& order) {
  const bool bounce = order.value == "bounce";
  Verdict verdict;
  verdict.outcome = bounce ? Outcome::kBounced : Outcome::kCancelled;
  verdict.reason = reason::kCancelled;
  if (bounce) verdict.enhanced = "5.7.0";
  verdict.text = "cancelled by the operator (order " + std::to_string(order.id) + ")";
  verdict.counts = false;
  return verdict;
}

WallTime NextDue(const Judge& judge, uint32_t attempts, WallTime deadline) {
  const std::vector<Duration>& gaps = judge.retry.gaps;
  CHECK(!gaps.empty());
  CHECK(attempts > 0);
  const Duration gap = gaps[std::min<size_t>(attempts - 1, gaps.size() - 1)];
  const WallTime due = judge.now + Jittered(judge, gap);
  // One last attempt at the end of its time, but not so soon that a greylist sees a hurry.
  const WallTime last =
      std::max(deadline, judge.now + Jittered(judge, std::min(gaps.front(), gap)));
  return std::min(due, last);
}

bool EndsRound(const ReplyRules& rules, const AttemptResult& result) {
  if (result.fault != Fault::kNone || result.code < 400) return false;
  if (const std::optional<RuleMatch> rule = rules.Match(result))
    return rule->throttled || rule->retry_after.has_value();
  const Topic topic = TopicOf(result.text);
  return topic == Topic::kRate || topic == Topic::kReputation || topic == Topic::kGreylist;
}

bool IsTooManyRecipients(const AttemptResult& result, bool earlier_accepted) {
  if (!earlier_accepted || result.fault != Fault::kNone || result.stage != Stage::kRcpt)
    return false;
  if (result.code != 452 && result.code != 552) return false;
  if (!result.enhanced.empty()) return SubjectOf(result.enhanced) == std::pair(5, 3);
  return TopicOf(result.text) == Topic::kManyRecipients;
}

}  // namespace sluice::engine
