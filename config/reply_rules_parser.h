// config/reply_rules_parser.h — from the text of replies.toml to rules, or to all that is wrong.
//
// FLOW      document.h (TOML tree) -> keys_replies.h (types, ranges, unknown keys) -> what belongs
//           together -> each sample through the matcher (reply_checks.h).
// TESTS     tests/config/reply_rules_test.cc, tests/fuzz/fuzz_reply_rules.cc

#ifndef SLUICE_CONFIG_REPLY_RULES_PARSER_H_
#define SLUICE_CONFIG_REPLY_RULES_PARSER_H_

#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "config/problem.h"
#include "config/reply_rules.h"

namespace sluice::config {

// The rules in force: those of `text`, when given, then the built-in ones, unless the text says
// `shipped = false`. `file` names the text in messages.
std::expected<ReplyRuleSet, Problems> ParseReplyRules(std::optional<std::string_view> text,
                                                      const std::string& file);

// Reads the file; the empty name means the built-in rules alone.
std::expected<ReplyRuleSet, Problems> LoadReplyRules(const std::string& file);

// The rules that belong to a configuration: `replies.toml` beside it, if there is such a file,
// before the built-in ones.
std::expected<std::shared_ptr<const ReplyRuleSet>, Problems> LoadRepliesBeside(
    const std::string& config_file);

// "421-4.7.0 text" and further lines, as they come from a receiver. None: that is no reply.
std::optional<ReplySample> ParseReplySample(std::string_view written);

}  // namespace sluice::config

#endif  // SLUICE_CONFIG_REPLY_RULES_PARSER_H_
