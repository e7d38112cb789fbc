// engine/shard/reply_actions.cc — the part of the Scheduler that does what reply rules say. What it
// stops is kept in stops.cc.

#include <algorithm>
#include <utility>

#include "engine/base/check.h"
#include "engine/base/text.h"
#include "engine/shard/scheduler.h"

namespace sluice::engine {
namespace {

using config::ReplyActionKind;
using config::ReplyTarget;
using queue::SuspensionKind;

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

SuspensionKind KindOf(ReplyTarget target) {
  switch (target) {
    case ReplyTarget::kSendingDomain:
      return SuspensionKind::kSendingDomain;
    case ReplyTarget::kTenant:
      return SuspensionKind::kTenant;
    case ReplyTarget::kCampaign:
      return SuspensionKind::kCampaign;
    default:
      break;
  }
  CHECK(false);  // the checks of the rules have looked
}

}  // namespace

// A path, all paths of the source, or those of all sources of the pool.
void Scheduler::StopPaths(SuspensionKind kind, const Site& site, const std::string& source,
                          const config::ReplyAction& action, const std::string& why) {
  const bool hold = action.kind == ReplyActionKind::kHold;
  const Duration length = hold ? Reactions::kHoldProbe : *action.length;
  const std::string receiver = action.target == ReplyTarget::kSource ? "*" : ReceiverOf(site);
  if (action.target != ReplyTarget::kPool)
    return (void)PutStop(kind, source + " > " + receiver, length, hold, why);
  for (size_t i = 0; i < site.rotation.size(); ++i)
    PutStop(kind, site.rotation[i].source + " > " + receiver, length, hold, why);
}

// What is ready to go there is looked at again.
void Scheduler::ReturnPreparedOf(const std::string& receiver) {
  for (const auto& [name, site] : sites_)
    if (!site->prepared.empty() && ReceiverOf(*site) == receiver) {
      ReturnAllPrepared(*site);
      Touch(*site);
    }
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

// What the rule says of the recipient beyond its blame: an address that is doubted, a source that
// may do better.
void Scheduler::Refine(const Site& site, const std::string& source, const ReplyContext& about,
                       uint32_t attempts, Verdict& verdict) {
  if (verdict.bounce == config::BounceKind::kHard && reactions_.Doubts(*verdict.rule, about))
    verdict.bounce = config::BounceKind::kSoft;
  if (verdict.outcome != Outcome::kDeferred) return;
  const auto& actions = verdict.rule->actions;
  if (attempts + 1 >= site.rotation.size() ||
      std::ranges::find(actions, ReplyActionKind::kNextSource, &config::ReplyAction::kind) ==
          actions.end())
    return;
  bool other = false;
  for (size_t i = 0; i < site.rotation.size(); ++i) {
    const std::string& name = site.rotation[i].source;
    other |= name != source && !PathBlocked(name, site);
  }
  if (other) verdict.next_due = std::min(verdict.next_due, shard_.clock.Wall() + kNextSourceIn);
}

void Scheduler::Act(Site& site, const std::string& source, const Job& job, const DueAction& due,
                    const std::string& why, Delivery* delivery) {
  const config::ReplyAction& action = *due.action;
  const std::string path = source + " > " + ReceiverOf(site);
  switch (action.kind) {
    case ReplyActionKind::kSuspend:
    case ReplyActionKind::kHold: {
      if (action.target <= ReplyTarget::kPool)
        return StopPaths(SuspensionKind::kPath, site, source, action, why);
      const bool hold = action.kind == ReplyActionKind::kHold;
      const Duration length = hold ? Reactions::kHoldProbe : *action.length;
      if (PutStop(KindOf(action.target), due.about, length, hold, why))
        ReturnPreparedOf(ReceiverOf(site));
      return;
    }
    case ReplyActionKind::kOneConnection:
      StopPaths(SuspensionKind::kOneConnection, site, source, action, why);
      if (action.limit > 0) Learn(SuspensionKind::kConnections, path, action.limit, why);
      return;
    case ReplyActionKind::kRecycle:
      if (action.limit > 0) Learn(SuspensionKind::kPerConnection, path, action.limit, why);
      if (delivery != nullptr) delivery->Recycle();
      return;
    case ReplyActionKind::kForceTls:
      return StopPaths(SuspensionKind::kTls, site, source, action, why);
    case ReplyActionKind::kIpv4Only: {
      const auto from = std::ranges::find(shard_.config->sources, source, &config::Source::name);
      const bool six =
          from != shard_.config->sources.end() && from->address && !from->address->is_v4();
      // A source of IPv6 has nothing left to use.
      return StopPaths(six ? SuspensionKind::kPath : SuspensionKind::kIpv4, site, source, action,
                       why);
    }
    case ReplyActionKind::kSlow:
      return SlowDown(site, source, DomainOf(job.recipients.front().address), jobs_.at(job.id).sent,
                      action, why);
    case ReplyActionKind::kNextSource:  // Refine
    case ReplyActionKind::kDoubt:       // counted
      return;
  }
  std::unreachable();
}

void Scheduler::React(Site& site, const std::string& source, const Job& job, size_t recipient,
                      const AttemptResult& result, const Verdict& verdict, Delivery* delivery) {
  const std::string receiver = ReceiverOf(site);
  const ReplyContext about = ContextOf(site, source, receiver, job, recipient);
  const Instant now = shard_.clock.Now();
  const bool delivered = verdict.outcome == Outcome::kDelivered;
  reactions_.OnAttempt(about, delivered, now);
  if (delivered) EndHolds(site, source, job.message->message);
  if (verdict.rule == nullptr) return;
  const std::string why = Answer(result);
  for (const DueAction& due : reactions_.OnReply(*verdict.rule, about, now)) {
    Act(site, source, job, due, why, delivery);
    const bool hold = due.action->kind == ReplyActionKind::kHold;
    if (due.alert)
      owner_.Alert(hold ? "reply_hold" : "reply_rule",
                   due.about + " is " + std::string(WordOf(due.action->kind)) + " (rule " +
                       verdict.rule->name + "): " + why);
  }
  Touch(site);
}

}  // namespace sluice::engine
