// Any text is a set of reply rules or a list of errors, never a crash; good rules compile, answer
// their own samples, and answer any reply without a fault.

#include <cstdlib>

#include "config/reply_matcher.h"
#include "config/reply_rules_parser.h"
#include "tests/fuzz/fuzz_target.h"

FUZZ_TARGET(reply_rules) {
  namespace config = sluice::config;
  (void)config::ParseReplySample(input);
  // The built-in ones are proven by a test, and would be all the time here.
  const auto rules = config::ParseReplyRules("shipped = false\n" + std::string(input), "r.toml");
  if (!rules) {
    if (rules.error().empty()) std::abort();
    return;
  }
  const auto matcher = config::ReplyMatcher::Make(*rules);
  if (!matcher) std::abort();
  for (const config::ReplyRule& rule : rules->layers.front().rules) {
    if (rule.samples.empty()) std::abort();
    const std::string provider = rule.providers.empty() ? "" : rule.providers.front();
    for (const config::ReplySample& sample : rule.samples)
      for (size_t phase = 0; phase < config::kReplyPhases; ++phase)
        if (rule.InPhase(config::ReplyPhase(phase)) &&
            (*matcher)->Find(provider, {config::ReplyPhase(phase), sample.code, sample.enhanced,
                                        sample.text}) != &rule)
          std::abort();
  }
  (void)(*matcher)->Find("", {config::ReplyPhase::kRcpt, 450, "", input});
}
