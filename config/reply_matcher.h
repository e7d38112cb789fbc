// config/reply_matcher.h — which rule answers a reply.
//
// PURPOSE   (provider, phase, code, enhanced code, text) -> the first rule that fits: layer by
//           layer, in each those of the provider before the general ones, in the order of the file.
// COST      Code, phase and enhanced code are looked at first, and most replies end there. Patterns
//           are then asked all at once, as one RE2::Set (bench/reply_rules.cc).
// LIMITS    kReplyPatternMemory for a pattern, kReplySetMemory for a set; over them Make refuses.
// THREADS   Confined to its shard: each makes its own, so that no two wait for RE2's caches.
// LIFETIME  The rule set outlives it.

#ifndef SLUICE_CONFIG_REPLY_MATCHER_H_
#define SLUICE_CONFIG_REPLY_MATCHER_H_

#include <cstdint>
#include <expected>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "config/reply_rules.h"

namespace sluice::config {

// One pattern, compiled. A sane one takes some 10 KiB.
inline constexpr int64_t kReplyPatternMemory = int64_t(256) << 10;
// All patterns of a provider's, or the general ones, with the states that matching makes of them.
inline constexpr int64_t kReplySetMemory = int64_t(32) << 20;

// Why RE2 will not have this pattern; empty: it will.
std::string WhyNotReplyText(std::string_view pattern);

class ReplyMatcher {
 public:
  // The error names what cannot be compiled.
  static std::expected<std::unique_ptr<ReplyMatcher>, std::string> Make(const ReplyRuleSet& rules);
  ~ReplyMatcher();

  // Null: none. The provider's name may be empty.
  const ReplyRule* Find(std::string_view provider, const ReplyFacts& facts) const;

 private:
  class Bundle;
  ReplyMatcher();

  struct Layer;
  std::vector<Layer> layers_;
};

}  // namespace sluice::config

#endif  // SLUICE_CONFIG_REPLY_MATCHER_H_
