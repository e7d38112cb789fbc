// The only user of RE2 here.

#include "config/reply_matcher.h"

#include <re2/re2.h>
#include <re2/set.h>

#include <algorithm>
#include <array>
#include <bitset>
#include <map>
#include <utility>

#include "engine/base/check.h"

namespace sluice::config {
namespace {

RE2::Options OptionsOf(int64_t memory) {
  RE2::Options options(RE2::Quiet);
  options.set_max_mem(memory);
  return options;
}

re2::StringPiece PieceOf(std::string_view text) { return {text.data(), text.size()}; }

// With the rule's wish about case, as a group of its own.
std::string PatternOf(const ReplyRule& rule) {
  return (rule.case_sensitive ? "(?-i:" : "(?i:") + rule.text + ")";
}

constexpr uint16_t kFirstCode = 200;
constexpr uint16_t kCodes = 400;

}  // namespace

std::string WhyNotReplyText(std::string_view pattern) {
  const RE2 compiled(PieceOf(pattern), OptionsOf(kReplyPatternMemory));
  if (compiled.ok()) return {};
  if (compiled.error_code() == RE2::ErrorPatternTooLarge)
    return "is too costly to match: use fewer or smaller repetitions";
  return "is no regular expression of RE2: " + compiled.error();
}

// Rules that are asked together: those of one provider, or the general ones of a file.
class ReplyMatcher::Bundle {
 public:
  void Add(const ReplyRule& rule) { rules_.push_back(&rule); }

  // Empty: all is well.
  std::string Compile() {
    CHECK(rules_.size() <= kReplyRulesMax);
    set_ = std::make_unique<RE2::Set>(OptionsOf(kReplySetMemory), RE2::UNANCHORED);
    for (size_t i = 0; i < rules_.size(); ++i) {
      const ReplyRule& rule = *rules_[i];
      places_.push_back(-1);
      singles_.push_back(nullptr);
      for (uint16_t code = 0; code < kCodes; ++code)
        if (rule.HasCode(uint16_t(code + kFirstCode))) by_code_[code].push_back(uint16_t(i));
      if (rule.text.empty()) continue;
      std::string error;
      places_[i] = set_->Add(PieceOf(PatternOf(rule)), &error);
      if (places_[i] < 0) return "rule \"" + rule.name + "\": " + error;
      singles_[i] = std::make_unique<RE2>(PieceOf(PatternOf(rule)), OptionsOf(kReplyPatternMemory));
    }
    if (!set_->Compile())
      return "the patterns of the rules are too costly together: use fewer or simpler ones";
    return {};
  }

  const ReplyRule* Find(const ReplyFacts& facts) const {
    if (facts.code < kFirstCode || facts.code >= kFirstCode + kCodes) return nullptr;
    std::vector<int> hits;
    bool asked = false;
    for (const uint16_t i : by_code_[facts.code - kFirstCode]) {
      const ReplyRule& rule = *rules_[i];
      if (!rule.InPhase(facts.phase) || !rule.HasEnhanced(facts.enhanced)) continue;
      if (places_[i] < 0) return &rule;
      if (!std::exchange(asked, true)) hits = Ask(facts.text);
      if (std::ranges::find(hits, places_[i]) != hits.end()) return &rule;
    }
    return nullptr;
  }

 private:
  // The places of the patterns that are found in `text`.
  std::vector<int> Ask(std::string_view text) const {
    std::vector<int> hits;
    RE2::Set::ErrorInfo error{};
    if (set_->Match(PieceOf(text), &hits, &error) || error.kind == RE2::Set::kNoError) return hits;
    // The set's states outgrew their memory: one by one then, which is slower and never fails.
    hits.clear();
    for (size_t i = 0; i < rules_.size(); ++i)
      if (singles_[i] && RE2::PartialMatch(PieceOf(text), *singles_[i])) hits.push_back(places_[i]);
    return hits;
  }

  std::vector<const ReplyRule*> rules_;
  std::vector<int> places_;  // in the set, by rule; -1: it has no pattern
  std::vector<std::unique_ptr<RE2>> singles_;
  std::array<std::vector<uint16_t>, kCodes> by_code_;  // rules that speak of it, in order
  std::unique_ptr<RE2::Set> set_;
};

struct ReplyMatcher::Layer {
  std::map<std::string, Bundle, std::less<>> providers;
  Bundle general;
};

ReplyMatcher::ReplyMatcher() = default;
ReplyMatcher::~ReplyMatcher() = default;

std::expected<std::unique_ptr<ReplyMatcher>, std::string> ReplyMatcher::Make(
    const ReplyRuleSet& rules) {
  std::unique_ptr<ReplyMatcher> out(new ReplyMatcher);
  for (const ReplyLayer& from : rules.layers) {
    Layer& layer = out->layers_.emplace_back();
    for (const ReplyRule& rule : from.rules) {
      if (rule.providers.empty()) layer.general.Add(rule);
      for (const std::string& provider : rule.providers) layer.providers[provider].Add(rule);
    }
    if (std::string wrong = layer.general.Compile(); !wrong.empty()) return std::unexpected(wrong);
    for (auto& [provider, bundle] : layer.providers)
      if (std::string wrong = bundle.Compile(); !wrong.empty()) return std::unexpected(wrong);
  }
  return out;
}

const ReplyRule* ReplyMatcher::Find(std::string_view provider, const ReplyFacts& facts) const {
  for (const Layer& layer : layers_) {
    const auto own = layer.providers.find(provider);
    if (own != layer.providers.end())
      if (const ReplyRule* rule = own->second.Find(facts)) return rule;
    if (const ReplyRule* rule = layer.general.Find(facts)) return rule;
  }
  return nullptr;
}

}  // namespace sluice::config
