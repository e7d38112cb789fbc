// engine/shard/feedback.cc — the part of the Scheduler that takes what receivers answer: writes down
// what it means for each recipient, and tells the path's AdaptiveRate.

#include <algorithm>
#include <utility>

#include "engine/base/check.h"
#include "engine/base/text.h"
#include "engine/shard/scheduler.h"

namespace sluice::engine {
namespace {

using config::ReplyActionKind;

bool IsOfPath(const config::ReplyAction& action) {
  return action.target <= config::ReplyTarget::kPool;
}

// Has this connection carried enough, and nothing else?
bool SpeaksOfConnection(const AttemptResult& result) {
  const std::string text = Lower(result.text);
  return text.contains("this connection") || text.contains("per connection") ||
         text.contains("this session") || text.contains("per session");
}

// Does the answer say that we send too much? A hold does not: it is a fault of ours. A 421 without
// a word of rate may mean that a connection has carried enough: only for the first message of one
// it is the rate.
bool SpeaksOfRate(const AttemptResult& result, const Verdict& verdict, bool first) {
  if (verdict.outcome != Outcome::kDeferred) return false;
  if (!first && SpeaksOfConnection(result)) return false;
  if (verdict.rule == nullptr) return verdict.throttled || (result.code == 421 && first);
  if (verdict.blame != Blame::kSource && verdict.blame != Blame::kNetwork) return false;
  return std::ranges::any_of(verdict.rule->actions, [](const config::ReplyAction& action) {
    return IsOfPath(action) &&
           (action.kind == ReplyActionKind::kSlow || action.kind == ReplyActionKind::kSuspend ||
            action.kind == ReplyActionKind::kOneConnection);
  });
}

// Then the path hears of it when the rule's threshold is reached (SlowDown).
bool SlowsDown(const config::ReplyRule* rule) {
  return rule != nullptr &&
         std::ranges::any_of(rule->actions, [](const config::ReplyAction& action) {
           return action.kind == ReplyActionKind::kSlow && IsOfPath(action) &&
                  !action.connections && action.percent != 0;
         });
}

double PerSecond(const config::ReplyRate& rate) {
  return rate.count == 0 ? 0 : double(rate.count) * 1e6 / double(rate.per.count());
}

}  // namespace

Verdict Scheduler::RecordAttempt(const JobState& state, const Job& job, size_t recipient,
                                 const AttemptResult& result, const std::string& site,
                                 const std::string& source) {
  const Judge judge = MakeJudge(*state.site, DomainOf(job.recipients[recipient].address), source);
  Verdict verdict = JudgeAttempt(judge, result, job.message->message, job.recipients[recipient]);
  if (verdict.rule != nullptr)
    Refine(*state.site, source,
           ContextOf(*state.site, source, ReceiverOf(*state.site), job, recipient),
           job.recipients[recipient].attempts, verdict);
  recorder_.Record(state.lanes[recipient],
                   {job.message, job.recipients[recipient], job.content, state.indexed[recipient]},
                   verdict, {site, source, &result});
  if (result.fault == Fault::kNone)
    warmup_.Count(source, WarmedAt(*state.site),
                  {.tried = 1,
                   .deferred = verdict.outcome == Outcome::kDeferred,
                   .bounced = verdict.outcome == Outcome::kBounced});
  return verdict;
}

void Scheduler::Answered(uint64_t id, size_t recipients) {
  JobState& state = jobs_.at(id);
  CHECK(state.unanswered >= recipients);
  state.unanswered -= recipients;
  if (state.unanswered == 0) jobs_.erase(id);
}

void Scheduler::TellPath(Site& site, const std::string& source, std::string_view domain,
                         const PathFact& fact, const std::string& why) {
  const Shape& shape = *ShapeOf(site, domain, source);
  if (!shape.adaptive) return;
  AdaptiveRate::Limits limits{.connections = shape.connections};
  if (const RateOrder* order = orders_.RateOf(source, site.name, site.replies_of)) {
    limits.rate = order->rate.per_second();
  } else if (shape.message_rate && !shape.message_rate->of_domain) {
    limits.rate = shape.message_rate->rate.per_second();
  }
  path_rates_.Note(PathOf(site, source), limits, fact, why);
}

// An answer to a transaction.
void Scheduler::TellAnswer(Site& site, const std::string& source, std::string_view domain,
                           Instant began, bool first, const AttemptResult& result,
                           const Verdict& verdict) {
  if (site.answered < kGrowsFor) {
    ++site.answered;
    Touch(site);
  }
  if (!SpeaksOfRate(result, verdict, first))
    return TellPath(site, source, domain, {.kind = PathFact::Kind::kAnswered, .began = began});
  if (!SlowsDown(verdict.rule)) TellRefused(site, source, domain, began, result);
}

void Scheduler::TellRefused(Site& site, const std::string& source, std::string_view domain,
                            Instant began, const AttemptResult& result) {
  TellPath(site, source, domain, {.kind = PathFact::Kind::kRateRefused, .began = began},
           std::to_string(result.code) + " " + result.text);
}

// In place of one more transaction: it may mean the connection or the rate.
void Scheduler::OnTurnedAway(Delivery& delivery, const Job& job, size_t recipient,
                             const AttemptResult& result) {
  Site& site = *Find(delivery).site;
  const std::string& source = delivery.path().source;
  const std::string_view domain = DomainOf(job.recipients[recipient].address);
  const Verdict verdict = JudgeAttempt(MakeJudge(site, domain, source), result,
                                       job.message->message, job.recipients[recipient]);
  if (SpeaksOfRate(result, verdict, false) && !SlowsDown(verdict.rule))
    TellRefused(site, source, domain, jobs_.at(job.id).sent, result);
  React(site, source, job, recipient, result, verdict, nullptr);
}

// A connection that came to nothing. Where none works, the site as a whole is looked after.
void Scheduler::TellRoundFailed(Site& site, const std::string& source, std::string_view domain,
                                Instant began, const AttemptResult& result) {
  if (!IsWorking(site.name) || result.stage >= Stage::kMail) return;
  const bool refused = result.fault == Fault::kRefused || result.fault == Fault::kTimeout ||
                       (result.fault == Fault::kNone && result.code >= 400);
  if (!refused) return;
  TellPath(site, source, domain, {.kind = PathFact::Kind::kConnectionRefused, .began = began},
           result.text);
}

// What a rule says of the rate.
void Scheduler::SlowDown(Site& site, const std::string& source, std::string_view domain,
                         Instant began, const config::ReplyAction& action, const std::string& why) {
  if (action.connections) return;  // the refusal itself has been told
  const double to = PerSecond(action.to);
  PathFact fact{.kind = PathFact::Kind::kSlow,
                .began = began,
                .part = double(action.percent) / 100,
                .rate = PerSecond(action.floor)};
  if (to > 0)
    fact = {.kind = PathFact::Kind::kCap,
            .began = began,
            .rate = to,
            .length = action.length.value_or(kSlowFor)};
  const auto tell = [&](const std::string& of) { TellPath(site, of, domain, fact, why); };
  if (action.target != config::ReplyTarget::kPool) return tell(source);
  for (size_t i = 0; i < site.rotation.size(); ++i) tell(site.rotation[i].source);
}

// As many connections as have been answered for, until the path knows better.
uint64_t Scheduler::GrownConnections(Site& site, std::string_view domain) {
  if (!ShapeOf(site, domain, {})->adaptive) return UINT64_MAX;
  return uint64_t(AdaptiveRate::kFirstConnections) + site.answered;
}

std::optional<RateKey> Scheduler::LearntRateOf(Site& site, const std::string& source) {
  if (path_rates_.learnt().empty() || !ShapeOf(site, {}, source)->adaptive) return std::nullopt;
  return path_rates_.KeyOf(PathOf(site, source));
}

// Of the source that may go first; none: some source may go now.
std::optional<LearntWait> Scheduler::WaitOfLearnt(Site& site) {
  if (site.provisional) return std::nullopt;
  std::optional<LearntWait> first;
  for (size_t i = 0; i < site.rotation.size(); ++i) {
    const std::string& source = site.rotation[i].source;
    if (PathBlocked(source, site)) continue;
    const auto key = LearntRateOf(site, source);
    const Instant opens = key ? rates_.Peek(key->name) : Instant{};
    if (opens <= shard_.clock.Now()) return std::nullopt;
    if (!first || opens < first->until)
      first = {source, path_rates_.learnt().at(PathOf(site, source)), opens};
  }
  return first;
}

}  // namespace sluice::engine
