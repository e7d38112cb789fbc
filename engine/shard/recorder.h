// engine/shard/recorder.h — writes down what became of a recipient: state, event and report as one.
//
// PURPOSE   Turns a Verdict into one Transaction: finish or postpone the recipient, the event that
//           tells of it, and the report to the sender where one is due (promise 2). When that is
//           durable, the lane is told and the report enters the queue as a message of its own.
// NOT HERE  What a reply means (delivery/verdict.h), the text of a report (smtp/report.h).
// THREADS   Confined to its shard.

#ifndef SLUICE_ENGINE_SHARD_RECORDER_H_
#define SLUICE_ENGINE_SHARD_RECORDER_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "engine/delivery/report_builder.h"
#include "engine/delivery/verdict.h"
#include "engine/shard/campaign_tally.h"
#include "engine/shard/context.h"
#include "engine/shard/lanes.h"
#include "engine/shard/links.h"
#include "engine/shard/orders.h"

namespace sluice::engine {

// Where an attempt was made; empty parts when it was not made at all.
struct AttemptPlace {
  std::string site;
  std::string source;
  const AttemptResult* result = nullptr;
};

// Outcomes recorded since the start, for status.
struct OutcomeCounts {
  uint64_t delivered = 0;
  uint64_t deferred = 0;
  uint64_t bounced = 0;
  uint64_t expired = 0;
  uint64_t cancelled = 0;
  uint64_t commit_failures = 0;
};

class RecorderOwner {
 public:
  virtual ~RecorderOwner() = default;
  virtual MessageId NewMessageId() = 0;
  // A report is durable: it is due like any accepted message.
  virtual void OnReportQueued(queue::Message message, std::vector<queue::Recipient> recipients) = 0;
  // The operator is told.
  virtual void Alert(std::string reason, std::string text) = 0;
};

class Recorder {
 public:
  // All outlive this.
  Recorder(ShardContext& shard, Links& links, Lanes& lanes, const Orders& orders,
           RecorderOwner& owner)
      : shard_(shard), links_(links), lanes_(lanes), orders_(orders), owner_(owner) {}

  // `waiting` was taken from the lane and is in flight. What would be deferred though it is
  // cancelled ends here.
  void Record(LaneHandle lane, Waiting waiting, const Verdict& verdict, const AttemptPlace& place);

  // It waits on disk, and is due at `due` from now on.
  void MakeDue(LaneHandle lane, Waiting waiting, WallTime due);

  const OutcomeCounts& counts() const { return counts_; }
  // Since the start.
  CampaignTally& campaigns() { return campaigns_; }

 private:
  // A change that waits for the original of its report.
  struct Change {
    LaneHandle lane;
    Waiting waiting;
    Verdict verdict;
    queue::Event event;
  };

  // What to do once a change is durable.
  struct Durable {
    LaneHandle lane;
    queue::RecipientId id;
    bool indexed = false;
    bool deferred = false;
    WallTime due{};
    std::optional<queue::Insert> report;
    std::optional<queue::Transaction> alone;  // the same without the report
  };

  queue::Event MakeEvent(const Waiting& waiting, const Verdict& verdict,
                         const AttemptPlace& place) const;
  void Count(Outcome outcome);
  void WithReport(ReportKind kind, Change change);
  void SignReport(Change change, queue::Insert report);
  void Commit(Change change, std::optional<queue::Insert> report);
  void Submit(queue::Transaction transaction, Durable written);
  void Failed(Durable written, const Error& why);

  ShardContext& shard_;
  Links& links_;
  Lanes& lanes_;
  const Orders& orders_;
  RecorderOwner& owner_;
  OutcomeCounts counts_;
  CampaignTally campaigns_;
};

// The `accepted` event of one recipient.
queue::Event AcceptedEvent(const queue::Message& message, const queue::Recipient& recipient,
                           uint64_t size, const std::string& peer);

}  // namespace sluice::engine

#endif  // SLUICE_ENGINE_SHARD_RECORDER_H_
