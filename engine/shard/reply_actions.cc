// engine/shard/reply_actions.cc — the part of the Scheduler that does what reply rules say: paths
// that are suspended or held, connections that end, alerts.

#include <algorithm>
#include <utility>

#include "engine/base/check.h"
#include "engine/base/text.h"
#include "engine/shard/scheduler.h"

namespace sluice::engine {
namespace {

using config::ReplyActionKind;
using config::ReplyTarget;

std::string Answer(const AttemptResult& result) {
  std::string out = std::to_string(result.code);
  if (!result.enhanced.empty()) out += " " + result.enhanced;
  return out + " " + result.text;
}

std::string_view WordOf(ReplyActionKind kind) {
  switch (kind) {
    case ReplyActionKind::kSuspend:
      return "suspended";
    case ReplyActionKind::kHold:
      return "held until the fault is mended";
    case ReplyActionKind::kSlow:
      return "to be slowed down";
    case ReplyActionKind::kOneConnection:
      return "to have one connection";
    case ReplyActionKind::kRecycle:
      return "asked to connect anew";
    case ReplyActionKind::kNextSource:
      return "to be sent from another source";
    case ReplyActionKind::kForceTls:
      return "to be sent with TLS only";
    case ReplyActionKind::kIpv4Only:
      return "to be sent over IPv4 only";
    case ReplyActionKind::kDoubt:
      return "refused as a whole, so that no address of it counts as invalid";
  }
  std::unreachable();
}

}  // namespace

std::string Scheduler::ReceiverOf(const Site& site) {
  return site.replies_of.empty() ? site.name : "@" + site.replies_of;
}

// Until when `source` may not be used for the site; the past: it may. `why` is what the receiver,
// or an operator, said.
WallTime Scheduler::PathUntil(const std::string& source, const Site& site, std::string* why) {
  WallTime until = orders_.PathUntil(source, site.name, site.replies_of, why);
  if (!suspensions_.any_path()) return until;
  const WallTime now = shard_.clock.Wall();
  const std::string front = source + " > ";
  for (const std::string& receiver : {std::string("*"), "@" + site.replies_of, site.name}) {
    const queue::SuspensionId id{queue::SuspensionKind::kPath, front + receiver};
    const Suspensions::Entry* entry = suspensions_.Find(id);
    if (entry == nullptr) continue;
    if (entry->until <= now) {
      suspensions_.Lift(id);
    } else if (entry->until > until) {
      until = entry->until;
      if (why != nullptr) *why = entry->reason;
    }
  }
  return until;
}

bool Scheduler::PathBlocked(const std::string& source, const Site& site) {
  return PathUntil(source, site, nullptr) > shard_.clock.Wall();
}

// No source may be used for the site: it waits for the first that may.
void Scheduler::WaitForSource(Site& site) {
  const WallTime wall = shard_.clock.Wall();
  WallTime first = WallTime::max();
  std::string trouble;
  for (size_t i = 0; i < site.rotation.size(); ++i) {
    std::string why;
    const WallTime until = PathUntil(site.rotation[i].source, site, &why);
    if (!trouble.empty() && until >= first) continue;
    first = until;
    trouble = std::move(why);
  }
  // Should the clock have been set back meanwhile, it looks again.
  const Duration left = std::clamp(first - wall, Duration(1'000'000), kPathLookAgain);
  site.proven = false;  // then one connection, until it has answered
  Rest(site, shard_.clock.Now() + left, std::move(trouble));
  Touch(site);
}

void Scheduler::SuspendPath(const std::string& source, const std::string& receiver, Duration length,
                            const std::string& why) {
  const queue::SuspensionId id{queue::SuspensionKind::kPath, source + " > " + receiver};
  const WallTime until = shard_.clock.Wall() + length;
  const Suspensions::Entry* known = suspensions_.Find(id);
  if (known != nullptr && known->until >= until) return;
  suspensions_.Put(id, until, known == nullptr ? 1 : known->failures + 1, why);
}

void Scheduler::SuspendPaths(const Site& site, const std::string& source, ReplyTarget target,
                             Duration length, const std::string& why) {
  const std::string receiver = ReceiverOf(site);
  if (target == ReplyTarget::kSource) return SuspendPath(source, "*", length, why);
  if (target == ReplyTarget::kPath) return SuspendPath(source, receiver, length, why);
  for (size_t i = 0; i < site.rotation.size(); ++i)
    SuspendPath(site.rotation[i].source, receiver, length, why);
}

ReplyContext Scheduler::ContextOf(const Site& site, const std::string& source,
                                  const std::string& receiver, const Job& job, size_t recipient) {
  const queue::Message& message = job.message->message;
  return {.source = source,
          .receiver = receiver,
          .pool = site.pool,
          .sending_domain = DomainOf(message.sender),
          .tenant = message.tenant,
          .campaign = message.campaign,
          .recipient_domain = DomainOf(job.recipients[recipient].address)};
}

void Scheduler::React(Site& site, const std::string& source, const Job& job, size_t recipient,
                      const AttemptResult& result, const Verdict& verdict, Delivery* delivery) {
  const std::string receiver = ReceiverOf(site);
  const ReplyContext about = ContextOf(site, source, receiver, job, recipient);
  const Instant now = shard_.clock.Now();
  reactions_.OnAttempt(about, verdict.outcome == Outcome::kDelivered, now);
  if (verdict.rule == nullptr) return;
  for (const DueAction& due : reactions_.OnReply(*verdict.rule, about, now)) {
    const config::ReplyAction& action = *due.action;
    const std::string why = Answer(result);
    const bool path = action.target <= ReplyTarget::kPool;
    if (action.kind == ReplyActionKind::kSuspend && path)
      SuspendPaths(site, source, action.target, *action.length, why);
    if (action.kind == ReplyActionKind::kHold && path)
      SuspendPaths(site, source, action.target, Reactions::kHoldProbe, why);
    if (action.kind == ReplyActionKind::kRecycle && delivery != nullptr) delivery->Recycle();
    if (!due.alert) continue;
    // Only paths are kept back; of the rest the operator must see to it.
    const bool kept =
        path || (action.kind != ReplyActionKind::kSuspend && action.kind != ReplyActionKind::kHold);
    owner_.Alert(action.kind == ReplyActionKind::kHold ? "reply_hold" : "reply_rule",
                 due.about + (kept ? " is " : " ought to be ") + std::string(WordOf(action.kind)) +
                     " (rule " + verdict.rule->name + "): " + why);
  }
  Touch(site);
}

}  // namespace sluice::engine
