// tools/blast/blast_plan.h — the messages of one run of the load source: which, to whom, in order.
//
// PURPOSE   Message N is the same in every run with the same options, so that a test can name what
//           it expects. Bodies are one and the same octets, made once; only the head differs.

#ifndef SLUICE_TOOLS_BLAST_BLAST_PLAN_H_
#define SLUICE_TOOLS_BLAST_BLAST_PLAN_H_

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/base/error.h"
#include "engine/base/time.h"
#include "tools/blast/blast.h"
#include "tools/blast/blast_session.h"

namespace sluice::tools {

// Picks recipient domains by weight.
class DomainPicker {
 public:
  static Result<DomainPicker> Make(const BlastOptions& options);
  // The same for the same number.
  const std::string& Pick(uint64_t number) const;
  size_t size() const { return names_.size(); }

 private:
  std::vector<std::string> names_;
  std::vector<double> up_to_;  // running sum of the weights, last is 1
};

class BlastPlan {
 public:
  static Result<BlastPlan> Make(const BlastOptions& options, WallTime now);

  const BlastManner& manner() const { return manner_; }
  // Every message once, then nothing; those given back come first.
  std::optional<BlastMessage> Next();
  void GiveBack(BlastMessage message);
  bool has_more() const { return !returned_.empty() || next_ < total_; }
  // No message that was not begun follows.
  void Stop();
  int64_t total() const { return total_; }

  BlastMessage Compose(int64_t seq) const;

 private:
  BlastManner manner_;
  DomainPicker domains_;
  int64_t total_ = 0;
  int64_t next_ = 0;
  int recipients_ = 1;
  std::deque<BlastMessage> returned_;
  std::string before_to_;  // header fields before To
  std::string after_seq_;  // header fields after X-Seq, and the blank line
  std::string run_id_;
  std::string helo_;
};

}  // namespace sluice::tools

#endif  // SLUICE_TOOLS_BLAST_BLAST_PLAN_H_
