// engine/delivery/reply_topics.cc — see reply_topics.h.

#include "engine/delivery/reply_topics.h"

#include <string>

#include "engine/base/text.h"

namespace sluice::engine {
namespace {

struct Words {
  std::string_view words;  // lower case
  Topic topic;
};

// In this order: the more telling words stand first, so that "rate limited due to IP reputation" is
// about reputation and "SPF ... from a listed address" about authentication.
constexpr Words kWords[] = {
    {"too many recipients", Topic::kManyRecipients},
    {"too many rcpt", Topic::kManyRecipients},
    {"recipients limit", Topic::kManyRecipients},
    {"recipient limit", Topic::kManyRecipients},
    {"number of recipients", Topic::kManyRecipients},
    {"greylist", Topic::kGreylist},
    {"graylist", Topic::kGreylist},
    {"grey list", Topic::kGreylist},
    {"grey-list", Topic::kGreylist},
    {"postgrey", Topic::kGreylist},
    {"dmarc", Topic::kAuthentication},
    {"dkim", Topic::kAuthentication},
    {"spf", Topic::kAuthentication},
    {"unauthenticated", Topic::kAuthentication},
    {"not authenticated", Topic::kAuthentication},
    {"authentication level", Topic::kAuthentication},
    {"reputation", Topic::kReputation},
    {"spamhaus", Topic::kReputation},
    {"blacklist", Topic::kReputation},
    {"black list", Topic::kReputation},
    {"blocklist", Topic::kReputation},
    {"block list", Topic::kReputation},
    {"block-list", Topic::kReputation},
    {"denylist", Topic::kReputation},
    {"dnsbl", Topic::kReputation},
    {"rbl", Topic::kReputation},
    {"reverse dns", Topic::kReputation},
    {"reverse name", Topic::kReputation},
    {"rdns", Topic::kReputation},
    {"ptr record", Topic::kReputation},
    {"banned sending ip", Topic::kReputation},
    {"unexpected volume", Topic::kReputation},
    {"user complaints", Topic::kReputation},
    {"too many connections", Topic::kRate},
    {"too many sessions", Topic::kRate},
    {"too many concurrent", Topic::kRate},
    {"trop de connexions", Topic::kRate},
    {"connection limit", Topic::kRate},
    {"connections from", Topic::kRate},
    {"number of connections", Topic::kRate},
    {"connection rate", Topic::kRate},
    {"concurrent connections", Topic::kRate},
    {"rate limit", Topic::kRate},
    {"rate-limit", Topic::kRate},
    {"ratelimit", Topic::kRate},
    {"unusual rate", Topic::kRate},
    {"throttl", Topic::kRate},
    {"frequency limited", Topic::kRate},
    {"too many messages", Topic::kRate},
    {"messages per connection", Topic::kRate},
    {"message per connection", Topic::kRate},
    {"excessive volume", Topic::kRate},
    {"sending too fast", Topic::kRate},
    {"too much mail", Topic::kRate},
    {"slow down", Topic::kRate},
    {"virus", Topic::kContent},
    {"malware", Topic::kContent},
    {"phishing", Topic::kContent},
    {"spam", Topic::kContent},
    {"unsolicited", Topic::kContent},
    {"message content", Topic::kContent},
};

}  // namespace

Topic TopicOf(std::string_view text) {
  const std::string lower = Lower(text);
  for (const Words& entry : kWords) {
    const size_t at = lower.find(entry.words);
    if (at == std::string::npos) continue;
    // Words begin where a word begins: "rbl" is not in "marbles", but "throttl" is in "throttled".
    if (at > 0 && IsAlpha(lower[at - 1])) continue;
    return entry.topic;
  }
  return Topic::kNone;
}

}  // namespace sluice::engine
