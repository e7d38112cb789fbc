// engine/delivery/reply_topics.h — what the words of a refusal speak of.
//
// PURPOSE   Receivers say "550" for everything; whom they mean is in the words. A small table of
//           words that are clear on their own, for when no rule of the shaping file knows the
//           reply.
// NOT HERE  What follows from a topic (verdict.cc).

#ifndef SLUICE_ENGINE_DELIVERY_REPLY_TOPICS_H_
#define SLUICE_ENGINE_DELIVERY_REPLY_TOPICS_H_

#include <cstdint>
#include <string_view>

namespace sluice::engine {

enum class Topic : uint8_t {
  kNone,
  kGreylist,        // come back later, same address and sender
  kRate,            // messages or connections, too many or too fast
  kReputation,      // lists and reputation of our address, its reverse name
  kAuthentication,  // SPF, DKIM, DMARC of the sending domain
  kContent,         // this message looks like spam, virus, is badly formed
  kManyRecipients,  // in one transaction
};

// The first topic whose words occur in `text`, without regard to case.
Topic TopicOf(std::string_view text);

}  // namespace sluice::engine

#endif  // SLUICE_ENGINE_DELIVERY_REPLY_TOPICS_H_
