// config/reply_checks.h — what must fit together in reply rules, and the proof by their samples.
//
// PURPOSE   Every rule answers its own samples, for each of its providers and phases, and no rule
//           before it does. So a rule that can never be reached, or a pattern that matches
//           something else than was meant, is found before it is in force.

#ifndef SLUICE_CONFIG_REPLY_CHECKS_H_
#define SLUICE_CONFIG_REPLY_CHECKS_H_

#include "config/problem.h"
#include "config/reply_rules.h"

namespace sluice::config {

Problems CheckReplyRules(const ReplyRuleSet& rules);

}  // namespace sluice::config

#endif  // SLUICE_CONFIG_REPLY_CHECKS_H_
