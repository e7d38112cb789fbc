#include "config/reply_checks.h"

#include <algorithm>
#include <map>
#include <string>
#include <utility>

#include "config/keys_replies.h"
#include "config/reply_matcher.h"
#include "config/units.h"

namespace sluice::config {
namespace {

// What an action may say, and must.
struct ActionForm {
  ReplyActionKind kind;
  std::string_view name;
  bool length;      // `for` is needed
  bool may_length;  // or may stand
  bool may_limit;
  bool rate;  // `percent` or `to` is needed
};
constexpr ActionForm kForms[] = {
    {ReplyActionKind::kSuspend, "suspend", true, true, false, false},
    {ReplyActionKind::kHold, "hold", false, false, false, false},
    {ReplyActionKind::kSlow, "slow", false, true, false, true},
    {ReplyActionKind::kOneConnection, "one_connection", true, true, true, false},
    {ReplyActionKind::kRecycle, "recycle", false, false, true, false},
    {ReplyActionKind::kNextSource, "next_source", false, false, false, false},
    {ReplyActionKind::kForceTls, "force_tls", true, true, false, false},
    {ReplyActionKind::kIpv4Only, "ipv4_only", true, true, false, false},
    {ReplyActionKind::kDoubt, "doubt", false, false, false, false},
};

// Rules of one file, one after the other.
class Checker {
 public:
  Checker(const ReplyRuleSet& rules, const ReplyLayer& layer) : rules_(rules), layer_(layer) {}

  Problems Run() {
    std::map<std::string, const ReplyRule*> names;
    for (index_ = 0; index_ < layer_.rules.size(); ++index_) {
      const ReplyRule& rule = layer_.rules[index_];
      const auto [first, is_new] = names.try_emplace(rule.name, &rule);
      if (!is_new)
        Fail(rule.at, "name",
             Quote(rule.name) + " is there already, in line " +
                 std::to_string(first->second->at.line));
      CheckMatch(rule);
      CheckVerdict(rule);
      for (size_t i = 0; i < rule.actions.size(); ++i) CheckAction(rule.actions[i], i);
    }
    return std::move(problems_);
  }

  // After Run found nothing: the rules compile.
  Problems Prove(const ReplyMatcher& matcher) {
    for (index_ = 0; index_ < layer_.rules.size(); ++index_) {
      const ReplyRule& rule = layer_.rules[index_];
      for (size_t i = 0; i < rule.samples.size(); ++i) ProveSample(matcher, rule, i);
    }
    return std::move(problems_);
  }

 private:
  void Fail(Position at, const std::string& key, std::string what) {
    problems_.push_back(
        {layer_.file, at, "rule[" + std::to_string(index_) + "]." + key, std::move(what)});
  }

  void CheckMatch(const ReplyRule& rule) {
    if (rule.codes.empty() && rule.enhanced.empty() && rule.text.empty())
      Fail(rule.at, "text", "would answer every reply: give at least one of code, enhanced, text");
    if (rule.text.size() > kReplyTextMax)
      Fail(rule.text_at, "text",
           "is over " + std::to_string(kReplyTextMax) + " octets: make it simpler");
    else if (!rule.text.empty())
      if (std::string wrong = WhyNotReplyText(rule.text); !wrong.empty())
        Fail(rule.text_at, "text", wrong);
    for (const std::string& provider : rule.providers) {
      if (rules_.HasProvider(provider)) continue;
      std::vector<std::string_view> names;
      for (const ReplyLayer& layer : rules_.layers)
        for (const ReplyProvider& known : layer.providers) names.push_back(known.name);
      const std::string_view near = Nearest(provider, names);
      Fail(rule.at, "provider",
           Quote(provider) + " is not in [providers]" +
               (near.empty() ? ": add it there with the names of its MX hosts"
                             : "; did you mean \"" + std::string(near) + "\"?"));
    }
    if (rule.samples.empty())
      Fail(rule.at, "samples", "is empty: give a reply that the rule is for, as it comes");
  }

  void CheckVerdict(const ReplyRule& rule) {
    if (rule.bounce == BounceKind::kHard && rule.blame != ReplyBlame::kRecipient)
      Fail(rule.at, "bounce",
           "\"hard\" says that the address does not exist: it needs blame = \"recipient\"");
    if (rule.bounce != BounceKind::kUnknown && rule.treat == ReplyTreat::kTemporary &&
        !rule.give_up)
      Fail(rule.at, "bounce",
           "has no effect: with treat = \"temporary\" the recipient stays queued");
    if (rule.treat == ReplyTreat::kPermanent && rule.phases == 1 << size_t(ReplyPhase::kConnect))
      Fail(rule.at, "treat",
           "no reply before MAIL speaks of a recipient: what is not taken there is tried again");
    if (rule.treat == ReplyTreat::kPermanent && (rule.retry_after || rule.give_up))
      Fail(rule.at, rule.retry_after ? "retry_after" : "give_up",
           "has no effect: with treat = \"permanent\" there is no other attempt");
    const bool only_5xx = !rule.codes.empty() &&
                          std::ranges::all_of(rule.codes, [](CodeRange r) { return r.low >= 500; });
    if (only_5xx && rule.treat == ReplyTreat::kByCode && rule.phases != 1 &&
        (rule.retry_after || rule.give_up))
      Fail(rule.at, rule.retry_after ? "retry_after" : "give_up",
           "has no effect on a 5xx that bounces: add treat = \"temporary\"");
  }

  void CheckAction(const ReplyAction& action, size_t place) {
    const auto form = std::ranges::find(kForms, action.kind, &ActionForm::kind);
    const std::string key = "actions[" + std::to_string(place) + "].";
    const std::string name = "\"" + std::string(form->name) + "\"";
    if (form->length && !action.length)
      Fail(action.at, key + "for", "is missing: how long does " + name + " last?");
    if (!form->may_length && action.length)
      Fail(action.at, key + "for", "does not go with " + name);
    if (!form->may_limit && action.limit != 0)
      Fail(action.at, key + "limit", "does not go with " + name);
    const bool percent = action.percent != 0;
    const bool to = action.to.count != 0;
    if (form->rate && percent == to)
      Fail(action.at, key + "percent", "one of percent and to is needed, and not both");
    if (!form->rate && (percent || to || action.floor.count != 0 || action.connections))
      Fail(action.at, key + "percent", "a rate goes with \"slow\" alone");
    if (action.share != 0 && action.threshold.count < 2)
      Fail(action.at, key + "share", "needs a threshold: at = \"5 in 10m\"");
    const bool doubt = action.kind == ReplyActionKind::kDoubt;
    if (doubt != (action.target == ReplyTarget::kRecipientDomain))
      return Fail(action.at, key + "what", "\"doubt\" and \"recipient_domain\" go together");
    const bool path = action.target <= ReplyTarget::kPool || doubt;
    if (!path && action.kind > ReplyActionKind::kSlow)
      Fail(action.at, key + "what", name + " is about connections: path, source or pool");
  }

  static std::string_view WhatDiffers(const ReplyRule& rule, const ReplySample& sample) {
    if (!rule.HasCode(sample.code)) return "its code";
    return rule.HasEnhanced(sample.enhanced) ? "its text" : "its enhanced code";
  }

  void ProveSample(const ReplyMatcher& matcher, const ReplyRule& rule, size_t place) {
    const ReplySample& sample = rule.samples[place];
    std::vector<std::string> providers = rule.providers;
    if (providers.empty()) providers.emplace_back();
    for (const std::string& provider : providers) {
      for (size_t phase = 0; phase < kReplyPhases; ++phase) {
        if (!rule.InPhase(ReplyPhase(phase))) continue;
        const ReplyRule* found =
            matcher.Find(provider, {ReplyPhase(phase), sample.code, sample.enhanced, sample.text});
        if (found == &rule) continue;
        return Disprove(rule, place, found, ReplyPhase(phase));
      }
    }
  }

  void Disprove(const ReplyRule& rule, size_t place, const ReplyRule* found, ReplyPhase phase) {
    const ReplySample& sample = rule.samples[place];
    std::string what = Quote(sample.written);
    const bool earlier = found != nullptr && Before(*found, rule);
    if (earlier) {
      what += " is answered by the rule " + Quote(found->name) + " in line " +
              std::to_string(found->at.line) + ", at " +
              std::string(kReplyPhaseNames[size_t(phase)]) +
              ": put this one before it, or narrow that one";
    } else {
      what += " is not answered by this rule: " + std::string(WhatDiffers(rule, sample)) +
              " does not fit";
    }
    Fail(sample.at, "samples[" + std::to_string(place) + "]", std::move(what));
  }

  // Is `found` asked before `rule`?
  bool Before(const ReplyRule& found, const ReplyRule& rule) const {
    if (found.providers.empty() != rule.providers.empty()) return !found.providers.empty();
    return &found < &rule;
  }

  const ReplyRuleSet& rules_;
  const ReplyLayer& layer_;
  size_t index_ = 0;
  Problems problems_;
};

}  // namespace

Problems CheckReplyRules(const ReplyRuleSet& rules) {
  for (const ReplyLayer& layer : rules.layers)
    if (Problems wrong = Checker(rules, layer).Run(); !wrong.empty()) return wrong;
  // Each file for itself: the operator's may take replies from the built-in ones.
  for (const ReplyLayer& layer : rules.layers) {
    ReplyRuleSet alone;
    alone.layers.push_back(layer);
    const auto matcher = ReplyMatcher::Make(alone);
    if (!matcher) return {{layer.file, {}, "", matcher.error()}};
    if (Problems wrong = Checker(alone, alone.layers.front()).Prove(**matcher); !wrong.empty())
      return wrong;
  }
  return {};
}

}  // namespace sluice::config
