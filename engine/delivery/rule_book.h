// engine/delivery/rule_book.h — the reply rules of the configuration, as a shard asks them.
//
// PURPOSE   AttemptResult -> the rule that answers it, and what it says of the recipient. The rules
//           are replaced as a whole on reload.
// NOT HERE  Which rule fits (config/reply_matcher.h), its actions (engine/shard/reactions.h).
// THREADS   Confined to its shard.

#ifndef SLUICE_ENGINE_DELIVERY_RULE_BOOK_H_
#define SLUICE_ENGINE_DELIVERY_RULE_BOOK_H_

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/reply_matcher.h"
#include "config/reply_rules.h"
#include "engine/base/error.h"
#include "engine/delivery/verdict.h"

namespace sluice::engine {

// Those that belong to a configuration file (config/reply_rules_parser.h).
Result<std::shared_ptr<const config::ReplyRuleSet>> LoadRules(const std::string& config_file);

class RuleBook final : public ReplyRules {
 public:
  // Null: no rules. They have been checked, so that they can be compiled; rules that cannot leave
  // those in force. What Match gave before is void after.
  void Use(std::shared_ptr<const config::ReplyRuleSet> rules);

  std::optional<RuleMatch> Match(const AttemptResult& result) const override;
  std::string_view ProviderOf(std::string_view host) const override;
  // Of the providers that the rules know.
  std::vector<std::string_view> ProviderNames() const;

 private:
  std::shared_ptr<const config::ReplyRuleSet> rules_;
  std::unique_ptr<config::ReplyMatcher> matcher_;  // of rules_
};

}  // namespace sluice::engine

#endif  // SLUICE_ENGINE_DELIVERY_RULE_BOOK_H_
