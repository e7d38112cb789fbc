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
enum class ClientVerb : uint8_t {
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
  ClientVerb verb;
  ReplyKind reply;
  Act act;
};

inline constexpr auto kRules = std::to_array<Rule>({
    {ClientVerb::kGreeting, ReplyKind::k2xx, Act::kSayEhlo},
    {ClientVerb::kGreeting, ReplyKind::k3xx, Act::kProtocolFault},
    {ClientVerb::kGreeting, ReplyKind::k4xx, Act::kEndSession},
    {ClientVerb::kGreeting, ReplyKind::k421, Act::kEndSession},
    {ClientVerb::kGreeting, ReplyKind::k5xx, Act::kEndSession},
    {ClientVerb::kEhlo, ReplyKind::k2xx, Act::kLearn},
    {ClientVerb::kEhlo, ReplyKind::k3xx, Act::kProtocolFault},
    {ClientVerb::kEhlo, ReplyKind::k4xx, Act::kSayHelo},
    {ClientVerb::kEhlo, ReplyKind::k421, Act::kEndSession},
    {ClientVerb::kEhlo, ReplyKind::k5xx, Act::kSayHelo},
    {ClientVerb::kHelo, ReplyKind::k2xx, Act::kLearn},
    {ClientVerb::kHelo, ReplyKind::k3xx, Act::kProtocolFault},
    {ClientVerb::kHelo, ReplyKind::k4xx, Act::kEndSession},
    {ClientVerb::kHelo, ReplyKind::k421, Act::kEndSession},
    {ClientVerb::kHelo, ReplyKind::k5xx, Act::kEndSession},
    {ClientVerb::kStartTls, ReplyKind::k2xx, Act::kHandshake},
    {ClientVerb::kStartTls, ReplyKind::k3xx, Act::kProtocolFault},
    {ClientVerb::kStartTls, ReplyKind::k4xx, Act::kGoOnInClear},
    {ClientVerb::kStartTls, ReplyKind::k421, Act::kEndSession},
    {ClientVerb::kStartTls, ReplyKind::k5xx, Act::kGoOnInClear},
    {ClientVerb::kMail, ReplyKind::k2xx, Act::kAcceptSender},
    {ClientVerb::kMail, ReplyKind::k3xx, Act::kProtocolFault},
    {ClientVerb::kMail, ReplyKind::k4xx, Act::kRefuseSender},
    {ClientVerb::kMail, ReplyKind::k421, Act::kEndSession},
    {ClientVerb::kMail, ReplyKind::k5xx, Act::kRefuseSender},
    {ClientVerb::kRcpt, ReplyKind::k2xx, Act::kAcceptRcpt},
    {ClientVerb::kRcpt, ReplyKind::k3xx, Act::kProtocolFault},
    {ClientVerb::kRcpt, ReplyKind::k4xx, Act::kRefuseRcpt},
    {ClientVerb::kRcpt, ReplyKind::k421, Act::kEndSession},
    {ClientVerb::kRcpt, ReplyKind::k5xx, Act::kRefuseRcpt},
    {ClientVerb::kData, ReplyKind::k2xx, Act::kProtocolFault},
    {ClientVerb::kData, ReplyKind::k3xx, Act::kSendContent},
    {ClientVerb::kData, ReplyKind::k4xx, Act::kRefuseContent},
    {ClientVerb::kData, ReplyKind::k421, Act::kEndSession},
    {ClientVerb::kData, ReplyKind::k5xx, Act::kRefuseContent},
    {ClientVerb::kContent, ReplyKind::k2xx, Act::kAcceptContent},
    {ClientVerb::kContent, ReplyKind::k3xx, Act::kProtocolFault},
    {ClientVerb::kContent, ReplyKind::k4xx, Act::kRefuseContent},
    {ClientVerb::kContent, ReplyKind::k421, Act::kEndSession},
    {ClientVerb::kContent, ReplyKind::k5xx, Act::kRefuseContent},
    {ClientVerb::kRset, ReplyKind::k2xx, Act::kIgnore},
    {ClientVerb::kRset, ReplyKind::k3xx, Act::kProtocolFault},
    {ClientVerb::kRset, ReplyKind::k4xx, Act::kProtocolFault},
    {ClientVerb::kRset, ReplyKind::k421, Act::kEndSession},
    {ClientVerb::kRset, ReplyKind::k5xx, Act::kProtocolFault},
    {ClientVerb::kQuit, ReplyKind::k2xx, Act::kGoodbye},
    {ClientVerb::kQuit, ReplyKind::k3xx, Act::kGoodbye},
    {ClientVerb::kQuit, ReplyKind::k4xx, Act::kGoodbye},
    {ClientVerb::kQuit, ReplyKind::k421, Act::kGoodbye},
    {ClientVerb::kQuit, ReplyKind::k5xx, Act::kGoodbye},
});

consteval bool EveryPairHasOneRule() {
  for (int verb = 0; verb < int(ClientVerb::kCount); ++verb) {
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
  std::array<std::array<Act, size_t(ReplyKind::kCount)>, size_t(ClientVerb::kCount)> table{};
  for (const Rule& rule : kRules) table[size_t(rule.verb)][size_t(rule.reply)] = rule.act;
  return table;
}

constexpr Act ActFor(ClientVerb verb, ReplyKind reply) {
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
