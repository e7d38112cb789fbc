// queue/store.h — the Queue over LMDB and segment files.
//
// PURPOSE   open.cc opens and recovers, admit.cc says whether there is room, commit.cc writes
//           groups, apply.cc applies one transaction, suspensions.cc keeps what is suspended, orders.cc what is ordered,
//           tidy.cc does the idle work, read.cc answers readers.
// FLOW      CommitAll: admit (space, sanity) -> stage and write bodies -> one LMDB transaction:
//           apply each, lanes, events, segments, state -> sync bodies -> commit -> publish.
// INVARIANT A change reaches the members (state_, segments_) only after its commit is durable.
//           lane.waiting is the number of the lane's rows in `due`, lane.next_due the first of
//           them; a lane row with none is deleted; recipient.has_due tells whether its due row
//           exists. All of it within one transaction.
// THREADS   As queue.h says. `mutex_` guards the published totals only.

#ifndef SLUICE_QUEUE_STORE_H_
#define SLUICE_QUEUE_STORE_H_

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "queue/body_file.h"
#include "queue/codec.h"
#include "queue/disk.h"
#include "queue/event_codec.h"
#include "queue/lmdb_env.h"
#include "queue/queue.h"
#include "queue/segments.h"

namespace sluice::queue {

// Of the data on disk. A newer one is refused; an older one would be converted at Open.
inline constexpr uint32_t kFormat = 1;

class Store final : public Queue {
 public:
  static Result<std::unique_ptr<Queue>> Open(const QueueOptions& options);
  ~Store() override;

  MessageId first_id() const override { return FirstMessageIdOfRun(run_); }
  LaneId LaneIdOf(const LaneKey& key) const override;

  std::vector<Committed> CommitAll(std::span<Transaction> batch) override;
  void FreeOutbox(uint64_t commit, uint32_t part) override;
  bool Tidy() override;
  Status writable() const override;
  Result<Ref<BodyFile>> CreateBodyFile(MessageId id) override;

  Result<std::vector<LaneRow>> Lanes(std::optional<LaneId> after, size_t limit) override;
  Result<std::vector<LoadedRecipient>> Due(const LaneId& lane, WallTime until, size_t limit,
                                           std::vector<RecipientId>* damaged) override;
  Result<std::vector<LoadedRecipient>> Captured(const LaneId& lane, size_t limit) override;
  Result<Sweep> Orphans(MessageId from, size_t limit) override;
  Result<LoadedRecipient> Load(const RecipientId& id) override;
  Result<std::vector<LoadedRecipient>> Recipients(MessageId message, uint32_t from,
                                                  size_t limit) override;
  Result<std::string> ReadBody(const BodyLocation& body, uint32_t offset, uint32_t length) override;
  Result<Search> Walk(const LaneId& lane, const DuePlace& from, size_t rows, MessageId message,
                      const RowFilter& meant) override;
  Result<std::vector<Suspension>> Suspensions() override;
  Result<std::vector<Order>> Orders() override;
  Result<std::vector<OutboxRow>> Outbox(uint64_t after_commit, uint32_t after_part,
                                        size_t limit) override;
  QueueTotals totals() const override;

 private:
  // What one group changes, until it is durable.
  struct LaneTouch {
    LaneId id;
    int64_t delta;
    const LaneKey* key;  // null: the row exists, for something of it was waiting
  };
  struct Planned {
    RecipientId id;
    RecipientHead head;
  };
  struct Group {
    StateRow state;
    std::vector<LaneTouch> lanes;
    std::map<LaneId, LaneKey> keys;  // of held inserts, whose key we make ourselves
    std::vector<MessageId> files_gone;
    bool changed = false;
    bool outbox_freed = false;  // all that FreeOutbox asked for
  };

  Store(QueueOptions options, Fd lock, std::unique_ptr<LmdbEnv> env);

  // ---- open.cc ----
  Status Recover();
  Status ReadMeta(Txn& txn, bool& fresh);
  Status ReadSegments(Txn& txn, std::vector<SegmentStore::Known>& known);

  // ---- commit.cc ----
  enum class Outcome : uint8_t { kDone, kMapFull, kBroken };
  void StageBodies(std::span<Transaction> batch, std::vector<Committed>& out);
  Status StageOne(Transaction& transaction, std::vector<BodyLocation>& bodies);
  Result<BodyLocation> StageBody(Insert& insert);
  void UnstageBody(const BodyLocation& body);
  Outcome RunGroup(std::span<Transaction> batch, std::vector<Committed>& out, Error& error);
  void BeginGroup();
  Outcome EndGroup(Txn& txn, Error& error);
  void WriteEvents(Txn& txn, std::span<Transaction> batch, const std::vector<Committed>& out);
  void WriteLanes(Txn& txn);
  void WriteSegments(Txn& txn);
  void WriteState(Txn& txn);
  void FreeOutboxRows(Txn& txn, size_t limit);
  void ReserveMap();
  std::unexpected<Error> NoRoomToGrow() const;
  void Publish();
  Outcome Break(Error& error);

  // ---- admit.cc ----
  // What a group of inserts will take, while it is put together.
  struct Expected {
    uint64_t bodies = 0;
    uint64_t records = 0;
    uint64_t events = 0;
  };
  uint64_t BytesTaken() const;
  Status Admit(const Transaction& transaction, Expected& expected);
  Status AdmitSpace(const Expected& expected);
  void LookAtSpace();

  // ---- apply.cc ----
  Status CheckNew(Txn& txn, const Transaction& transaction);
  Status Plan(Txn& txn, const Transaction& transaction);
  Status PlanOne(Txn& txn, const RecipientId& id);
  Status Apply(Txn& txn, const Transaction& transaction);
  Status CheckReleases(Txn& txn, const Transaction& transaction);
  void ApplyRelease(Txn& txn, const Release& release);
  void ApplyInsert(Txn& txn, const Insert& insert);
  void ApplyFinish(Txn& txn, const Planned& planned);
  void FreeBody(const BodyLocation& body);
  void ApplyPostpone(Txn& txn, const Postpone& postpone, const Planned& planned);
  void TakeDueRow(Txn& txn, const Planned& planned);

  // ---- suspensions.cc ----
  void ApplySuspensions(Txn& txn, const Transaction& transaction);
  static void DropDamagedSuspensions(Txn& txn);

  // ---- orders.cc ----
  void ApplyOrders(Txn& txn, const Transaction& transaction);

  // ---- read.cc ----
  static Status LoadInto(Txn& txn, const RecipientId& id, LoadedRecipient& out, bool* has_due);
  Result<std::vector<LoadedRecipient>> WalkDue(const LaneId& lane, WallTime from, WallTime until,
                                               size_t limit, std::vector<RecipientId>* damaged);
  // A lane row that cannot be read, made anew from its due rows; none when there is none.
  static std::optional<LaneRow> RebuildLane(Txn& txn, const LaneId& id);

  // ---- tidy.cc ----
  // A body on its way out of the segment that is compacted.
  struct Moved {
    MessageId id;
    std::string record;
    std::string content;
    MessageHead head;
    BodyLocation from;
  };
  enum class Collected : uint8_t { kMore, kEnd, kUnreadable, kNoRoom };
  bool SweepFiles();
  bool CompactSlice();
  Collected CollectLive(Txn& txn, uint64_t& offset, std::deque<Moved>& moved);

  // Constant after construction.
  const QueueOptions options_;
  const Fd lock_;
  Disk own_disk_;
  Disk* const disk_;
  uint64_t seed_ = 0;
  uint64_t run_ = 0;

  // Owned. The environment is safe for all threads, segments_ as it says.
  const std::unique_ptr<LmdbEnv> env_;
  SegmentStore segments_;
  BodyFiles files_;

  // The writer's.
  StateRow state_;
  std::optional<Error> broken_;
  MessageId last_message_ = 0;  // no larger id was ever stored
  uint64_t records_bytes_ = 0;  // of LMDB pages in use, after the last commit
  uint64_t map_reserved_ = 0;   // of data.mdb, on disk
  bool map_reserve_failed_ = false;
  uint64_t calls_ = 0;  // of CommitAll
  bool space_low_ = false;
  std::pair<uint64_t, uint32_t> free_to_{0, 0};  // outbox rows up to here may go
  bool free_pending_ = false;
  std::optional<uint32_t> compacting_;
  uint64_t compact_offset_ = 0;
  // Scratch of one group, kept for its memory.
  Group group_;
  std::vector<Planned> plan_;
  std::vector<RecipientId> ids_;
  std::string record_;
  EventRows rows_;

  mutable std::mutex mutex_;
  QueueTotals totals_;
};

}  // namespace sluice::queue

#endif  // SLUICE_QUEUE_STORE_H_
