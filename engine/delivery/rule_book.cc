#include "engine/delivery/rule_book.h"

#include <algorithm>
#include <string>
#include <utility>

#include "config/reply_rules_parser.h"
#include "engine/base/text.h"

namespace sluice::engine {
namespace {

std::optional<config::ReplyPhase> PhaseOf(Stage stage) {
  switch (stage) {
    case Stage::kConnect:
    case Stage::kGreeting:
    case Stage::kEhlo:
    case Stage::kStartTls:
      return config::ReplyPhase::kConnect;
    case Stage::kMail:
      return config::ReplyPhase::kMail;
    case Stage::kRcpt:
      return config::ReplyPhase::kRcpt;
    case Stage::kData:
    case Stage::kContent:
    case Stage::kDot:
      return config::ReplyPhase::kData;
    case Stage::kLocal:
      break;
  }
  return std::nullopt;
}

std::optional<Blame> BlameOf(config::ReplyBlame blame) {
  switch (blame) {
    case config::ReplyBlame::kByReply:
      return std::nullopt;
    case config::ReplyBlame::kNobody:
      return Blame::kNone;
    case config::ReplyBlame::kRecipient:
      return Blame::kRecipient;
    case config::ReplyBlame::kMessage:
      return Blame::kMessage;
    case config::ReplyBlame::kSendingDomain:
      return Blame::kDomain;
    case config::ReplyBlame::kSource:
      return Blame::kSource;
    case config::ReplyBlame::kNetwork:
      return Blame::kNetwork;
  }
  std::unreachable();
}

// Is the answer about the path, so that the next recipient would hear the same?
bool Throttles(const config::ReplyRule& rule) {
  if (rule.blame == config::ReplyBlame::kRecipient) return false;
  return std::ranges::any_of(rule.actions, [](const config::ReplyAction& action) {
    return action.target <= config::ReplyTarget::kPool &&
           action.kind <= config::ReplyActionKind::kOneConnection;
  });
}

}  // namespace

Result<std::shared_ptr<const config::ReplyRuleSet>> LoadRules(const std::string& config_file) {
  auto rules = config::LoadRepliesBeside(config_file);
  if (rules) return std::move(*rules);
  return Fail(ErrorCode::kInvalid,
              "the reply rules cannot be used:\n" + config::FormatProblems(rules.error()));
}

void RuleBook::Use(std::shared_ptr<const config::ReplyRuleSet> rules) {
  if (rules == rules_) return;
  std::unique_ptr<config::ReplyMatcher> matcher;
  if (rules != nullptr) {
    auto made = config::ReplyMatcher::Make(*rules);
    if (!made) return;
    matcher = std::move(*made);
  }
  matcher_ = std::move(matcher);
  rules_ = std::move(rules);
}

std::optional<RuleMatch> RuleBook::Match(const AttemptResult& result) const {
  const std::optional<config::ReplyPhase> phase = PhaseOf(result.stage);
  if (matcher_ == nullptr || !phase || result.fault != Fault::kNone) return std::nullopt;
  const std::string_view host = std::string_view(result.host).substr(0, result.host.find(' '));
  const config::ReplyRule* rule = matcher_->Find(
      ProviderOf(host),
      {.phase = *phase, .code = result.code, .enhanced = result.enhanced, .text = result.text});
  if (rule == nullptr) return std::nullopt;
  return RuleMatch{.rule = rule,
                   .temporary = rule->treat == config::ReplyTreat::kTemporary,
                   .permanent = rule->treat == config::ReplyTreat::kPermanent,
                   .throttled = Throttles(*rule),
                   .blame = BlameOf(rule->blame),
                   .retry_after = rule->retry_after,
                   .give_up = rule->give_up,
                   .bounce = rule->bounce};
}

std::string_view RuleBook::ProviderOf(std::string_view host) const {
  if (rules_ == nullptr || host.empty()) return {};
  return rules_->ProviderOf(Lower(host));
}

std::vector<std::string_view> RuleBook::ProviderNames() const {
  return rules_ == nullptr ? std::vector<std::string_view>() : rules_->ProviderNames();
}

}  // namespace sluice::engine
