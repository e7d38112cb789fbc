// smtp/client_rules.h — what a client does with a reply: (verb being answered) x (kind of reply).
//
// PURPOSE   The table of the client conversation. client_session.cc carries out the acts.
// RULES     The key is the verb that is answered, not a phase: with pipelining several are out. The
//           compiler counts the rows. 421 has a column of its own: it may answer anything and
//           means that the connection ends.

#ifndef SLUICE_SMTP_CLIENT_RULES_H_
#define SLUICE_SMTP_CLIENT_RULES_H_

#include <array>
#include <cstddef>
#include <cstdint>

namespace sluice::smtp {

// kContent is the end of the message: the final dot or BDAT LAST.
enum class Verb : uint8_t {
  kGreeting,
  kEhlo,
  kHelo,
  kStartTls,
  kMail,
  kRcpt,
  kData,
  kContent,
  kRset,
  kQuit,
  kCount
};

enum class ReplyKind : uint8_t { k2xx, k3xx, k4xx, k421, k5xx, kCount };

enum class Act : uint8_t {
  kSayEhlo,
  kSayHelo,
  kLearn,          // the extensions; then STARTTLS or ready
  kHandshake,      // TLS begins
  kGoOnInClear,    // STARTTLS refused in words
  kAcceptSender,   // note it
  kRefuseSender,   // the reply counts for every recipient
  kAcceptRcpt,     //
  kRefuseRcpt,     // the reply counts for that recipient
  kSendContent,    //
  kRefuseContent,  // the reply counts for every accepted recipient
  kAcceptContent,  // likewise
  kIgnore,         //
  kEndSession,     // the reply counts for all that is open, then the connection is closed
  kGoodbye,        //
  kProtocolFault,  // a reply that cannot follow this verb
};

struct Rule {
  Verb verb;
  ReplyKind reply;
  Act act;
};

inline constexpr auto kRules = std::to_array<Rule>({
    {Verb::kGreeting, ReplyKind::k2xx, Act::kSayEhlo},
    {Verb::kGreeting, ReplyKind::k3xx, Act::kProtocolFault},
    {Verb::kGreeting, ReplyKind::k4xx, Act::kEndSession},
    {Verb::kGreeting, ReplyKind::k421, Act::kEndSession},
    {Verb::kGreeting, ReplyKind::k5xx, Act::kEndSession},
    {Verb::kEhlo, ReplyKind::k2xx, Act::kLearn},
    {Verb::kEhlo, ReplyKind::k3xx, Act::kProtocolFault},
    {Verb::kEhlo, ReplyKind::k4xx, Act::kSayHelo},
    {Verb::kEhlo, ReplyKind::k421, Act::kEndSession},
    {Verb::kEhlo, ReplyKind::k5xx, Act::kSayHelo},
    {Verb::kHelo, ReplyKind::k2xx, Act::kLearn},
    {Verb::kHelo, ReplyKind::k3xx, Act::kProtocolFault},
    {Verb::kHelo, ReplyKind::k4xx, Act::kEndSession},
    {Verb::kHelo, ReplyKind::k421, Act::kEndSession},
    {Verb::kHelo, ReplyKind::k5xx, Act::kEndSession},
    {Verb::kStartTls, ReplyKind::k2xx, Act::kHandshake},
    {Verb::kStartTls, ReplyKind::k3xx, Act::kProtocolFault},
    {Verb::kStartTls, ReplyKind::k4xx, Act::kGoOnInClear},
    {Verb::kStartTls, ReplyKind::k421, Act::kEndSession},
    {Verb::kStartTls, ReplyKind::k5xx, Act::kGoOnInClear},
    {Verb::kMail, ReplyKind::k2xx, Act::kAcceptSender},
    {Verb::kMail, ReplyKind::k3xx, Act::kProtocolFault},
    {Verb::kMail, ReplyKind::k4xx, Act::kRefuseSender},
    {Verb::kMail, ReplyKind::k421, Act::kEndSession},
    {Verb::kMail, ReplyKind::k5xx, Act::kRefuseSender},
    {Verb::kRcpt, ReplyKind::k2xx, Act::kAcceptRcpt},
    {Verb::kRcpt, ReplyKind::k3xx, Act::kProtocolFault},
    {Verb::kRcpt, ReplyKind::k4xx, Act::kRefuseRcpt},
    {Verb::kRcpt, ReplyKind::k421, Act::kEndSession},
    {Verb::kRcpt, ReplyKind::k5xx, Act::kRefuseRcpt},
    {Verb::kData, ReplyKind::k2xx, Act::kProtocolFault},
    {Verb::kData, ReplyKind::k3xx, Act::kSendContent},
    {Verb::kData, ReplyKind::k4xx, Act::kRefuseContent},
    {Verb::kData, ReplyKind::k421, Act::kEndSession},
    {Verb::kData, ReplyKind::k5xx, Act::kRefuseContent},
    {Verb::kContent, ReplyKind::k2xx, Act::kAcceptContent},
    {Verb::kContent, ReplyKind::k3xx, Act::kProtocolFault},
    {Verb::kContent, ReplyKind::k4xx, Act::kRefuseContent},
    {Verb::kContent, ReplyKind::k421, Act::kEndSession},
    {Verb::kContent, ReplyKind::k5xx, Act::kRefuseContent},
    {Verb::kRset, ReplyKind::k2xx, Act::kIgnore},
    {Verb::kRset, ReplyKind::k3xx, Act::kProtocolFault},
    {Verb::kRset, ReplyKind::k4xx, Act::kProtocolFault},
    {Verb::kRset, ReplyKind::k421, Act::kEndSession},
    {Verb::kRset, ReplyKind::k5xx, Act::kProtocolFault},
    {Verb::kQuit, ReplyKind::k2xx, Act::kGoodbye},
    {Verb::kQuit, ReplyKind::k3xx, Act::kGoodbye},
    {Verb::kQuit, ReplyKind::k4xx, Act::kGoodbye},
    {Verb::kQuit, ReplyKind::k421, Act::kGoodbye},
    {Verb::kQuit, ReplyKind::k5xx, Act::kGoodbye},
});

consteval bool EveryPairHasOneRule() {
  for (int verb = 0; verb < int(Verb::kCount); ++verb) {
    for (int reply = 0; reply < int(ReplyKind::kCount); ++reply) {
      int found = 0;
      for (const Rule& rule : kRules) found += int(rule.verb) == verb && int(rule.reply) == reply;
      if (found != 1) return false;
    }
  }
  return true;
}
static_assert(EveryPairHasOneRule(), "a reply we can receive has no rule, or two");

// The same rows in the order of lookup.
consteval auto ActTable() {
  std::array<std::array<Act, size_t(ReplyKind::kCount)>, size_t(Verb::kCount)> table{};
  for (const Rule& rule : kRules) table[size_t(rule.verb)][size_t(rule.reply)] = rule.act;
  return table;
}

constexpr Act ActFor(Verb verb, ReplyKind reply) {
  constexpr auto kTable = ActTable();
  return kTable[size_t(verb)][size_t(reply)];
}

// `code` is 200 to 599.
constexpr ReplyKind KindOf(uint16_t code) {
  if (code == 421) return ReplyKind::k421;
  return code < 300   ? ReplyKind::k2xx
         : code < 400 ? ReplyKind::k3xx
         : code < 500 ? ReplyKind::k4xx
                      : ReplyKind::k5xx;
}

}  // namespace sluice::smtp

#endif  // SLUICE_SMTP_CLIENT_RULES_H_
