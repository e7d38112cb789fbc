// engine/shard/reactions.h — which actions of a reply rule are due, and for whom.
//
// PURPOSE   Counts the replies that a rule answered, for each of its actions and for each path,
//           domain or campaign they are about, and says when a threshold is reached. A hold sets in
//           at 3 replies in 10 minutes without a success between, whatever the rule says, and ends
//           with a success (design 12.3).
// NOT HERE  Which rule (config/reply_matcher.h), carrying an action out (reply_actions.cc).
// LIMITS    kCountersMax counters; beyond them the one that was hit longest ago is forgotten.
// THREADS   Confined to its shard: each counts what it hears itself.

#ifndef SLUICE_ENGINE_SHARD_REACTIONS_H_
#define SLUICE_ENGINE_SHARD_REACTIONS_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <list>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "config/reply_rules.h"
#include "engine/base/time.h"

namespace sluice::engine {

// What an attempt was about.
struct ReplyContext {
  std::string_view source;
  std::string_view receiver;  // "@google", or the site where there is no provider
  std::string_view pool;
  std::string_view sending_domain;
  std::string_view tenant;
  std::string_view campaign;
  std::string_view recipient_domain;
};

struct DueAction {
  const config::ReplyAction* action = nullptr;  // of the rule
  std::string about;   // what it is about, in words: "mailing-1 > @google", "example.com > @google"
  bool alert = false;  // the operator has not heard of it lately
};

class Reactions {
 public:
  static constexpr size_t kCountersMax = 10'000;
  static constexpr config::ReplyThreshold kHoldThreshold{3, Duration(600'000'000)};
  // A held path is tried again this often.
  static constexpr Duration kHoldProbe{900'000'000};
  // The operator hears of one thing at most this often.
  static constexpr Duration kAlertAgain{3'600'000'000};

  // One reply, however many recipients heard it. In the rule's order.
  std::vector<DueAction> OnReply(const config::ReplyRule& rule, const ReplyContext& about,
                                 Instant now);
  // Of each attempt that got an answer, before OnReply.
  void OnAttempt(const ReplyContext& about, bool delivered, Instant now);

  // Did so many of the recipient's domain hear this rule in a row that the fault is the domain's?
  bool Doubts(const config::ReplyRule& rule, const ReplyContext& about) const;

  size_t counters() const { return counters_.size(); }

 private:
  struct Counter {
    std::deque<Instant> hits;  // at most the threshold's count
    bool set = false;          // a hold that is in force
    Instant alerted{};
    bool was_alerted = false;
    // Attempts, and replies that the rule knew, for `share`: of this window and the one before.
    Instant window{};
    uint64_t attempts = 0;
    uint64_t attempts_before = 0;
    uint64_t replies = 0;
    uint64_t replies_before = 0;
    std::list<const std::string*>::iterator age;
    bool in_a_row = false;  // a success forgets the hits
    Duration within{};
  };
  // "kind about \n rule \n place" (KeyOf): those of one target stand together.
  using Counters = std::map<std::string, Counter, std::less<>>;

  Counter& CounterOf(const config::ReplyRule& rule, size_t place, std::string_view about);
  bool Reached(Counter& counter, const config::ReplyAction& action, Instant now);
  void NoteAttempt(Counter& counter, bool delivered, Instant now);

  Counters counters_;
  std::list<const std::string*> ages_;  // keys of counters_, hit longest ago first
};

// What an action of this target is about, in words.
std::string AboutOf(config::ReplyTarget target, const ReplyContext& about);

}  // namespace sluice::engine

#endif  // SLUICE_ENGINE_SHARD_REACTIONS_H_
