// tools/sink/sink_rules.cc — see sink_rules.h.

#include "tools/sink/sink_rules.h"

#include <charconv>
#include <cmath>
#include <optional>
#include <utility>

#include "engine/base/text.h"

namespace sluice::tools {
namespace {

constexpr std::pair<std::string_view, Stage> kStages[] = {
    {"connect", Stage::kConnect}, {"ehlo", Stage::kEhlo}, {"mail", Stage::kMail},
    {"rcpt", Stage::kRcpt},       {"data", Stage::kData}, {"dot", Stage::kDot},
};
constexpr uint32_t kMillion = 1'000'000;

std::unexpected<Error> BadRule(std::string_view text, std::string_view why) {
  return Fail(ErrorCode::kInvalid, "rule '" + std::string(text) + "': " + std::string(why) +
                                       " (STAGE[@SUBSTRING]:PERCENT[xN]:CODE TEXT)");
}

template <typename T>
std::optional<T> ParseNumber(std::string_view text) {
  T value{};
  const auto end = std::from_chars(text.data(), text.data() + text.size(), value);
  if (end.ec != std::errc() || end.ptr != text.data() + text.size()) return std::nullopt;
  return value;
}

// "451 4.7.1 one\ntwo" as the lines of one reply.
std::string FormatReply(std::string_view text) {
  const std::string_view code = text.substr(0, 3);
  std::string_view rest = text.size() > 4 ? text.substr(4) : std::string_view();
  std::string out;
  while (true) {
    const size_t cut = rest.find("\\n");
    const bool last = cut == std::string_view::npos;
    out.append(code).append(last ? " " : "-").append(rest.substr(0, cut)).append("\r\n");
    if (last) return out;
    rest.remove_prefix(cut + 2);
  }
}

bool ParseAnswer(std::string_view answer, ReplyRule& rule) {
  if (answer == "drop" || answer == "stall") {
    rule.act = answer == "drop" ? ReplyRule::Act::kDrop : ReplyRule::Act::kStall;
    return true;
  }
  if (answer.size() < 3 || answer[0] < '2' || answer[0] > '5') return false;
  if (!IsDigit(answer[1]) || !IsDigit(answer[2])) return false;
  if (answer.size() > 3 && answer[3] != ' ') return false;
  rule.reply = FormatReply(answer);
  const bool closes = answer.starts_with("421") || rule.stage == Stage::kConnect;
  rule.act = closes ? ReplyRule::Act::kReplyAndClose : ReplyRule::Act::kReply;
  return true;
}

bool ContainsNoCase(std::string_view text, std::string_view part) {
  if (part.size() > text.size()) return false;
  for (size_t i = 0; i + part.size() <= text.size(); ++i)
    if (EqualsNoCase(text.substr(i, part.size()), part)) return true;
  return false;
}

std::string EhloReply(const SinkOptions& options, bool starttls) {
  std::vector<std::string> lines = {options.hostname};
  if (!options.no_pipelining) lines.emplace_back("PIPELINING");
  if (!options.no_size) lines.push_back("SIZE " + std::to_string(options.max_size));
  if (!options.no_8bitmime) lines.emplace_back("8BITMIME");
  if (!options.no_smtputf8) lines.emplace_back("SMTPUTF8");
  if (!options.no_chunking) lines.emplace_back("CHUNKING");
  if (!options.no_dsn) lines.emplace_back("DSN");
  if (starttls) lines.emplace_back("STARTTLS");
  lines.emplace_back("ENHANCEDSTATUSCODES");
  std::string out;
  for (size_t i = 0; i < lines.size(); ++i)
    out += (i + 1 < lines.size() ? "250-" : "250 ") + lines[i] + "\r\n";
  return out;
}

}  // namespace

// FNV-1a: short, the same everywhere, and mixed once more because its high bits are weak.
uint64_t StableHash(std::string_view text, uint64_t seed) {
  uint64_t h = 0xcbf29ce484222325u ^ seed;
  for (const char c : text) {
    h ^= static_cast<unsigned char>(LowerChar(c));
    h *= 0x100000001b3u;
  }
  h ^= h >> 32;
  h *= 0x9e3779b97f4a7c15u;
  return h ^ (h >> 29);
}

Result<ReplyRule> ParseReplyRule(std::string_view text) {
  ReplyRule rule;
  const size_t first = text.find(':');
  const size_t second = first == std::string_view::npos ? first : text.find(':', first + 1);
  if (second == std::string_view::npos) return BadRule(text, "needs two colons");
  std::string_view where = text.substr(0, first);
  std::string_view share = text.substr(first + 1, second - first - 1);
  const std::string_view answer = text.substr(second + 1);

  const size_t at = where.find('@');
  if (at != std::string_view::npos) {
    rule.match = where.substr(at + 1);
    where = where.substr(0, at);
  }
  const std::pair<std::string_view, Stage>* stage = nullptr;
  for (const auto& entry : kStages)
    if (entry.first == where) stage = &entry;
  if (stage == nullptr) return BadRule(text, "no such stage");
  rule.stage = stage->second;

  const size_t x = share.find('x');
  if (x != std::string_view::npos) {
    const auto times = ParseNumber<uint32_t>(share.substr(x + 1));
    if (!times || *times == 0) return BadRule(text, "the count after x is none");
    rule.times = *times;
    share = share.substr(0, x);
  }
  const auto percent = ParseNumber<double>(share);
  if (!percent || !(*percent >= 0) || !(*percent <= 100))
    return BadRule(text, "PERCENT is no number from 0 to 100");
  rule.per_million = uint32_t(std::lround(*percent * 10'000));
  if (!ParseAnswer(answer, rule))
    return BadRule(text, "the answer is neither CODE TEXT nor drop nor stall");
  rule.seed = StableHash(text, 0);
  return rule;
}

bool SinkMemory::OneOfTheFirst(uint64_t key, uint32_t times) {
  const std::lock_guard lock(mutex_);
  const auto found = turns_.find(key);
  if (found != turns_.end()) return found->second < times && ++found->second <= times;
  if (turns_.size() >= kRememberedMax) return false;
  turns_.emplace(key, 1);
  return true;
}

bool SinkMemory::TooEarly(uint64_t key, Duration delay, Instant now) {
  const std::lock_guard lock(mutex_);
  const auto found = first_seen_.find(key);
  if (found != first_seen_.end()) return now - found->second < delay;
  if (first_seen_.size() >= kRememberedMax) return false;
  first_seen_.emplace(key, now);
  return true;
}

Result<SinkPolicy> SinkPolicy::Make(const SinkOptions& options, bool has_tls) {
  SinkPolicy policy;
  policy.options_ = options;
  policy.has_tls_ = has_tls;
  for (const std::string& text : options.replies) {
    auto rule = ParseReplyRule(text);
    if (!rule) return std::unexpected(rule.error());
    policy.rules_.push_back(*std::move(rule));
  }
  if (options.drop_after_data > 0) {
    // Once for a recipient: what is dropped always never gets through, which a rule can say.
    auto rule = ParseReplyRule("dot:" + std::to_string(options.drop_after_data) + "x1:drop");
    if (!rule) return std::unexpected(rule.error());
    policy.rules_.push_back(*std::move(rule));
  }
  for (const ReplyRule& rule : policy.rules_) policy.has_rules_of_[size_t(rule.stage)] = true;
  policy.greylist_delay_ = Duration(std::llround(options.greylist_s * 1e6));
  policy.greeting_ = "220 " + options.hostname + " ESMTP sink\r\n";
  policy.helo_reply_ = "250 " + options.hostname + "\r\n";
  policy.ehlo_reply_ = EhloReply(options, false);
  policy.ehlo_reply_starttls_ = EhloReply(options, true);
  return policy;
}

const ReplyRule* SinkPolicy::Find(Stage stage, std::string_view key, SinkMemory& memory) const {
  if (!has_rules_of_[size_t(stage)]) return nullptr;
  for (const ReplyRule& rule : rules_) {
    if (rule.stage != stage) continue;
    if (!rule.match.empty() && !ContainsNoCase(key, rule.match)) continue;
    const uint64_t hash = StableHash(key, rule.seed);
    if (hash % kMillion >= rule.per_million) continue;
    if (rule.times > 0 && !memory.OneOfTheFirst(hash, rule.times)) continue;
    return &rule;
  }
  return nullptr;
}

bool SinkPolicy::Greylisted(std::string_view sender, std::string_view recipient, SinkMemory& memory,
                            Instant now) const {
  if (greylist_delay_ <= Duration(0)) return false;
  bool applies = options_.greylist_match.empty();
  for (const std::string& part : options_.greylist_match)
    applies = applies || ContainsNoCase(recipient, part);
  if (!applies) return false;
  const uint64_t key = StableHash(recipient, StableHash(sender, 0));
  return memory.TooEarly(key, greylist_delay_, now);
}

}  // namespace sluice::tools
