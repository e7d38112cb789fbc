// engine/domains/finding.h — one thing that DNS says of a sending domain, and what to do about it.

#ifndef SLUICE_ENGINE_DOMAINS_FINDING_H_
#define SLUICE_ENGINE_DOMAINS_FINDING_H_

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "dns/transport.h"
#include "engine/domains/domain_plan.h"

namespace sluice::engine {

// kWarning: it works, and the operator should know something all the same.
enum class Judgement : uint8_t { kRight, kMissing, kWrong, kCannotTell, kWarning };

struct Finding {
  Role role;
  Judgement judgement = Judgement::kRight;
  std::string type;     // "TXT"; empty: it is about no record
  std::string name;     // of the record, or what was looked at
  std::string what;     // what is there, in words
  std::string advice;   // what to do; empty: nothing
  std::string publish;  // the record's right value, to copy; empty: none
};

using Findings = std::vector<Finding>;

// A block list that does not answer says nothing against anybody (design 12.12).
inline bool IsGood(const Finding& finding) {
  return finding.judgement == Judgement::kRight || finding.judgement == Judgement::kWarning ||
         (finding.judgement == Judgement::kCannotTell && finding.role == Role::kBlockList);
}
inline bool AllGood(const Findings& findings) { return std::ranges::all_of(findings, IsGood); }

// "right", "missing", "wrong", "cannot tell", "warning".
constexpr std::string_view JudgementText(Judgement judgement) {
  switch (judgement) {
    case Judgement::kRight:
      return "right";
    case Judgement::kMissing:
      return "missing";
    case Judgement::kWrong:
      return "wrong";
    case Judgement::kCannotTell:
      return "cannot tell";
    case Judgement::kWarning:
      break;
  }
  return "warning";
}

}  // namespace sluice::engine

#endif  // SLUICE_ENGINE_DOMAINS_FINDING_H_
