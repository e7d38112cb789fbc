// tools/sink/sink_rules.h — what the sink answers, compiled from its options.
//
// PURPOSE   SinkPolicy is constant and shared by all threads. SinkMemory is what rules remember
//           from one attempt to the next: greylisting, and "only the first N times".
// RULES     --reply 'STAGE[@SUBSTRING]:PERCENT[xN]:ANSWER'; ANSWER is "CODE TEXT" (a literal \n in
//           TEXT makes several lines), "drop" (closed without a word) or "stall" (never answered).
//           xN: only the first N times for the same key. A 421 closes.
// LIMITS    kRememberedMax keys; beyond, a key counts as one that has had its turns.

#ifndef SLUICE_TOOLS_SINK_SINK_RULES_H_
#define SLUICE_TOOLS_SINK_SINK_RULES_H_

#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "engine/base/error.h"
#include "engine/base/time.h"
#include "tools/sink/sink.h"

namespace sluice::tools {

enum class Stage : uint8_t { kConnect, kEhlo, kMail, kRcpt, kData, kDot };

struct ReplyRule {
  enum class Act : uint8_t { kReply, kReplyAndClose, kDrop, kStall };

  Stage stage = Stage::kRcpt;
  std::string match;         // empty: all
  uint32_t per_million = 0;  // of the keys
  uint32_t times = 0;        // for one key; 0: always
  Act act = Act::kReply;
  std::string reply;  // ready to send, CR LF included
  uint64_t seed = 0;  // so that two rules pick different keys
};

Result<ReplyRule> ParseReplyRule(std::string_view text);

// The same for the same octets without regard to case, in every run and on every machine.
uint64_t StableHash(std::string_view text, uint64_t seed);

class SinkMemory {
 public:
  static constexpr size_t kRememberedMax = 4'000'000;

  // Counts one more time for the key; true while it is one of the first `times`.
  bool OneOfTheFirst(uint64_t key, uint32_t times);
  // True until `delay` after the first call with this key.
  bool TooEarly(uint64_t key, Duration delay, Instant now);

 private:
  std::mutex mutex_;
  std::unordered_map<uint64_t, uint32_t> turns_;
  std::unordered_map<uint64_t, Instant> first_seen_;
};

class SinkPolicy {
 public:
  static Result<SinkPolicy> Make(const SinkOptions& options, bool has_tls);

  // The first rule of the stage that applies to `key`, or null.
  const ReplyRule* Find(Stage stage, std::string_view key, SinkMemory& memory) const;
  // Must this recipient come again later?
  bool Greylisted(std::string_view sender, std::string_view recipient, SinkMemory& memory,
                  Instant now) const;

  const SinkOptions& options() const { return options_; }
  const std::string& greeting() const { return greeting_; }
  const std::string& helo_reply() const { return helo_reply_; }
  const std::string& ehlo_reply(bool in_tls) const {
    return in_tls || !has_tls_ ? ehlo_reply_ : ehlo_reply_starttls_;
  }
  bool has_tls() const { return has_tls_; }
  bool keeps_content() const { return !options_.capture.empty() || !options_.maildir.empty(); }

 private:
  SinkOptions options_;
  bool has_tls_ = false;
  std::vector<ReplyRule> rules_;
  bool has_rules_of_[6] = {};
  Duration greylist_delay_{0};
  std::string greeting_;
  std::string helo_reply_;
  std::string ehlo_reply_;
  std::string ehlo_reply_starttls_;
};

}  // namespace sluice::tools

#endif  // SLUICE_TOOLS_SINK_SINK_RULES_H_
