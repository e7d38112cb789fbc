// config/keys_replies.h — the keys of replies.toml: rules and their actions.
//
// NOT HERE  What belongs together (reply_rules_parser.cc). Included by that alone; docs/replies.md
//           is held to this table by tests/config/reply_rules_test.cc.

#ifndef SLUICE_CONFIG_KEYS_REPLIES_H_
#define SLUICE_CONFIG_KEYS_REPLIES_H_

#include "config/keys_row.h"
#include "config/reply_rules.h"

namespace sluice::config {

// Those whose values have a form of their own (reply_values.cc).
void ReadCodes(Reader&, const Key&, const std::string& path, const Value&, void* rule);
void ReadEnhanced(Reader&, const Key&, const std::string& path, const Value&, void* rule);
void ReadPhases(Reader&, const Key&, const std::string& path, const Value&, void* rule);
void ReadSamples(Reader&, const Key&, const std::string& path, const Value&, void* rule);
void ReadActions(Reader&, const Key&, const std::string& path, const Value&, void* rule);
void ReadThreshold(Reader&, const Key&, const std::string& path, const Value&, void* action);
void ReadTo(Reader&, const Key&, const std::string& path, const Value&, void* action);
void ReadFloor(Reader&, const Key&, const std::string& path, const Value&, void* action);

// A pattern of a whole rule is bounded, so that the set of them is.
inline constexpr size_t kReplyTextMax = 1'000;

inline constexpr Key kReplyActionKeys[] = {
    Row<&ReplyAction::kind>(
        {.name = "do",
         .kind = Kind::kChoice,
         .choices =
             "suspend|hold|slow|one_connection|recycle|next_source|force_tls|ipv4_only|doubt",
         .required = true,
         .doc = "What happens."}),
    Row<&ReplyAction::target>(
        {.name = "what",
         .kind = Kind::kChoice,
         .choices = "path|source|pool|sending_domain|tenant|campaign|recipient_domain",
         .doc = "To what it happens."}),
    Row<&ReplyAction::length>({.name = "for",
                               .kind = Kind::kDuration,
                               .min = kSecond,
                               .max = 30 * kDay,
                               .doc = "How long it lasts."}),
    {.name = "at", .doc = "From how many replies on: \"3 in 10m\".", .read = ReadThreshold},
    Row<&ReplyAction::share>({.name = "share",
                              .kind = Kind::kCount,
                              .min = 1,
                              .max = 100,
                              .doc = "Percent of the attempts that they must exceed as well."}),
    Row<&ReplyAction::percent>({.name = "percent",
                                .kind = Kind::kCount,
                                .min = 1,
                                .max = 99,
                                .doc = "Of the rate in force."}),
    {.name = "to", .doc = "The rate from then on: \"1/m\".", .read = ReadTo},
    {.name = "floor", .doc = "The least rate that is left.", .read = ReadFloor},
    Row<&ReplyAction::limit>({.name = "limit",
                              .kind = Kind::kCount,
                              .min = 1,
                              .max = 10'000,
                              .doc = "Messages per connection, or connections, from then on."}),
    Row<&ReplyAction::connections>({.name = "connections",
                                    .kind = Kind::kBoolean,
                                    .doc = "The rate is one of connections, not of messages."}),
    Row<&ReplyAction::alert>(
        {.name = "alert", .kind = Kind::kBoolean, .doc = "The operator is told."}),
};

inline constexpr Section kReplyActionSection = {.name = "rule.actions",
                                                .shape = Section::Shape::kInline,
                                                .doc = "An element of `actions`.",
                                                .keys = kReplyActionKeys,
                                                .slot = nullptr};

inline constexpr Key kReplyRuleKeys[] = {
    Row<&ReplyRule::name>({.name = "name",
                           .kind = Kind::kName,
                           .required = true,
                           .doc = "Names the rule in alerts and messages; once a file."}),
    Row<&ReplyRule::providers>({.name = "provider",
                                .kind = Kind::kName,
                                .doc = "Whose replies; without it those of all receivers."}),
    {.name = "code", .doc = "421, \"4xx\", or a list of them.", .read = ReadCodes},
    {.name = "enhanced",
     .doc = "\"4.7.28\", \"4.7.\", \"4.7.850-899\", a list.",
     .read = ReadEnhanced},
    Row<&ReplyRule::text>(
        {.name = "text", .kind = Kind::kText, .doc = "RE2, found anywhere in the text."}),
    Row<&ReplyRule::case_sensitive>({.name = "case_sensitive",
                                     .kind = Kind::kBoolean,
                                     .doc = "Capital letters in `text` count."}),
    {.name = "phase", .doc = "connect, mail, rcpt, data.", .read = ReadPhases},
    Row<&ReplyRule::blame>(
        {.name = "blame",
         .kind = Kind::kChoice,
         .choices = "by-reply|nobody|recipient|message|sending_domain|source|network",
         .doc = "Whom the reply names."}),
    Row<&ReplyRule::treat>({.name = "treat",
                            .kind = Kind::kChoice,
                            .choices = "by-code|temporary|permanent",
                            .doc = "Whether the recipient stays queued."}),
    Row<&ReplyRule::bounce>({.name = "bounce",
                             .kind = Kind::kChoice,
                             .choices = "unknown|soft|hard",
                             .doc = "What a bounce says of the address."}),
    Row<&ReplyRule::retry_after>({.name = "retry_after",
                                  .kind = Kind::kDuration,
                                  .min = kSecond,
                                  .max = 7 * kDay,
                                  .doc = "The earliest next attempt."}),
    Row<&ReplyRule::give_up>({.name = "give_up",
                              .kind = Kind::kDuration,
                              .min = kMinute,
                              .max = 30 * kDay,
                              .doc = "So long after its release it bounces."}),
    {.name = "actions", .kind = Kind::kTables, .doc = "Tables.", .read = ReadActions},
    {.name = "samples", .required = true, .doc = "Replies as they come.", .read = ReadSamples},
};

inline constexpr Section kReplyRuleSection = {.name = "rule",
                                              .shape = Section::Shape::kList,
                                              .doc = "A reply that is known.",
                                              .keys = kReplyRuleKeys,
                                              .slot = nullptr};

}  // namespace sluice::config

#endif  // SLUICE_CONFIG_KEYS_REPLIES_H_
