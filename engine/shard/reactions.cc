#include "engine/shard/reactions.h"

#include <algorithm>
#include <utility>

#include "engine/base/check.h"

namespace sluice::engine {
namespace {

using config::ReplyActionKind;
using config::ReplyTarget;

constexpr ReplyTarget kTargets[] = {ReplyTarget::kPath,           ReplyTarget::kSource,
                                    ReplyTarget::kPool,           ReplyTarget::kSendingDomain,
                                    ReplyTarget::kTenant,         ReplyTarget::kCampaign,
                                    ReplyTarget::kRecipientDomain};

config::ReplyThreshold ThresholdOf(const config::ReplyAction& action) {
  if (action.kind == ReplyActionKind::kHold) return Reactions::kHoldThreshold;
  return action.threshold;
}

// The front of all keys about this.
std::string FrontOf(ReplyTarget target, std::string_view about) {
  std::string out(1, char('a' + int(target)));
  out += about;
  out += '\n';
  return out;
}

std::string KeyOf(const config::ReplyRule& rule, size_t place, std::string_view about) {
  return FrontOf(rule.actions[place].target, about) + rule.name + "\n" + std::to_string(place);
}

}  // namespace

std::string AboutOf(ReplyTarget target, const ReplyContext& about) {
  const auto pair = [](std::string_view a, std::string_view b) {
    return std::string(a) + " > " + std::string(b);
  };
  switch (target) {
    case ReplyTarget::kPath:
      return pair(about.source, about.receiver);
    case ReplyTarget::kSource:
      return pair(about.source, "*");
    case ReplyTarget::kPool:
      return pair(about.pool, about.receiver);
    case ReplyTarget::kSendingDomain:
      return pair(about.sending_domain, about.receiver);
    case ReplyTarget::kTenant:
      return pair(about.tenant, about.receiver);
    case ReplyTarget::kCampaign:
      return pair(std::string(about.tenant) + "/" + std::string(about.campaign), about.receiver);
    case ReplyTarget::kRecipientDomain:
      return std::string(about.recipient_domain);
  }
  std::unreachable();
}

Reactions::Counter& Reactions::CounterOf(const config::ReplyRule& rule, size_t place,
                                         std::string_view about) {
  const config::ReplyAction& action = rule.actions[place];
  const auto [it, is_new] = counters_.try_emplace(KeyOf(rule, place, about));
  Counter& counter = it->second;
  if (is_new) {
    if (counters_.size() > kCountersMax) {
      const std::string oldest = *ages_.front();
      ages_.pop_front();
      counters_.erase(oldest);
    }
    counter.age = ages_.insert(ages_.end(), &it->first);
  } else {
    ages_.splice(ages_.end(), ages_, counter.age);
  }
  CHECK(counters_.size() == ages_.size());
  counter.in_a_row =
      action.kind == ReplyActionKind::kHold || action.kind == ReplyActionKind::kDoubt;
  counter.within = ThresholdOf(action).within;
  return counter;
}

bool Reactions::Reached(Counter& counter, const config::ReplyAction& action, Instant now) {
  const config::ReplyThreshold threshold = ThresholdOf(action);
  if (counter.set || threshold.count < 2) return true;
  ++counter.replies;
  counter.hits.push_back(now);
  while (counter.hits.front() + threshold.within < now || counter.hits.size() > threshold.count)
    counter.hits.pop_front();
  if (counter.hits.size() < threshold.count) return false;
  const uint64_t replies = counter.replies + counter.replies_before;
  const uint64_t attempts = std::max(counter.attempts + counter.attempts_before, replies);
  if (action.share != 0 && replies * 100 <= attempts * action.share) return false;
  counter.hits.clear();
  counter.set = counter.in_a_row;
  return true;
}

std::vector<DueAction> Reactions::OnReply(const config::ReplyRule& rule, const ReplyContext& about,
                                          Instant now) {
  std::vector<DueAction> out;
  for (size_t place = 0; place < rule.actions.size(); ++place) {
    const config::ReplyAction& action = rule.actions[place];
    std::string words = AboutOf(action.target, about);
    Counter& counter = CounterOf(rule, place, words);
    if (!Reached(counter, action, now)) continue;
    const bool wants = action.alert || action.kind == ReplyActionKind::kHold;
    const bool alert = wants && (!counter.was_alerted || counter.alerted + kAlertAgain <= now);
    if (alert) {
      counter.alerted = now;
      counter.was_alerted = true;
    }
    out.push_back({&action, std::move(words), alert});
  }
  return out;
}

bool Reactions::Doubts(const config::ReplyRule& rule, const ReplyContext& about) const {
  for (size_t place = 0; place < rule.actions.size(); ++place) {
    const config::ReplyAction& action = rule.actions[place];
    if (action.kind != ReplyActionKind::kDoubt) continue;
    const auto it = counters_.find(KeyOf(rule, place, AboutOf(action.target, about)));
    if (it != counters_.end() && it->second.set) return true;
  }
  return false;
}

void Reactions::NoteAttempt(Counter& counter, bool delivered, Instant now) {
  if (delivered && counter.in_a_row) {
    counter.hits.clear();
    counter.set = false;
  }
  if (counter.window + counter.within <= now) {
    const bool next = counter.window + 2 * counter.within > now;
    counter.attempts_before = next ? counter.attempts : 0;
    counter.attempts = 0;
    counter.replies_before = next ? counter.replies : 0;
    counter.replies = 0;
    counter.window = now;
  }
  ++counter.attempts;
}

void Reactions::OnAttempt(const ReplyContext& about, bool delivered, Instant now) {
  if (counters_.empty()) return;
  for (const ReplyTarget target : kTargets) {
    const std::string front = FrontOf(target, AboutOf(target, about));
    for (auto it = counters_.lower_bound(front);
         it != counters_.end() && it->first.starts_with(front); ++it)
      NoteAttempt(it->second, delivered, now);
  }
}

}  // namespace sluice::engine
