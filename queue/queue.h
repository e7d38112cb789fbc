// queue/queue.h — the embedded queue: group-commit writer, reader, outbox, recovery.
//
// PURPOSE   The one door to what is on disk. The engine hands over Transactions and gets
//           completions; it asks for lanes, recipients and bodies and gets copies.
// THREADS   Writer methods belong to one thread (or to the simulator), reader methods to any number
//           of reader threads (each call opens and ends its own read transaction). first_id and
//           LaneIdOf are free to all. The object outlives every call.
// PROMISE   CommitAll answers only after everything in the batch, bodies included, is synced to
//           disk. After a failed commit or sync the writer is broken: it takes nothing more until
//           restart; readers go on. Dropping the object at any time is as good as closing it.
// LIMITS    At most 1,000 operations of one mass kind in a CommitAll (the caller's business); about
//           a million events in one.
// TESTS     tests/queue/, bench/queue_commit.cc, bench/queue_churn.cc; docs/adr/0002.

#ifndef SLUICE_QUEUE_QUEUE_H_
#define SLUICE_QUEUE_QUEUE_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "engine/base/body.h"
#include "engine/base/error.h"
#include "engine/base/ref.h"
#include "engine/base/time.h"
#include "queue/body_file.h"
#include "queue/records.h"

namespace sluice::queue {

class Disk;

struct QueueOptions {
  // A folder; made when missing (0700).
  std::string path;
  // Reserved address space, never grown while running. A part of it (an eighth, at least 64 MiB, at
  // most a half) is kept for finishing and postponing; beyond it inserts get kFull.
  uint64_t map_size = uint64_t(64) << 30;
  // Our own count of bodies and records; then inserts get kFull.
  uint64_t max_bytes = uint64_t(32) << 30;
  // Of a body file; raised to max_bytes / 1024, which bounds the number of open files.
  // Preallocated: a simulator with many small queues wants it small.
  uint64_t segment_bytes = uint64_t(64) << 20;
  // Of the file system; below it inserts get kFull. 0: not asked.
  uint64_t min_free_bytes = uint64_t(256) << 20;
  // Of a new queue's lane names; 0: from the system's dice.
  uint64_t seed = 0;
  // False only in the simulator, on memory file systems.
  bool sync = true;
  // queue/disk.h; null: the real one. Tests give one that fails. Outlives the queue.
  Disk* disk = nullptr;
};

// A new message. Its id is of this run (first_id and up) and new; ids may come in any order, but
// ascending ones are cheapest, and within one Transaction they must ascend. `content` is what the
// body becomes (null: empty), or `file`, finished; message.body is filled in by the writer. Indices
// of recipients ascend. A recipient whose `due` is later than message.accepted gets its due row at
// once (held mail), in the lane (domain of its address, tenant, campaign).
struct Insert {
  Message message;
  std::vector<Recipient> recipients;
  Ref<const Body> content;
  Ref<BodyFile> file = {};

  uint64_t body_bytes() const {
    if (file) return file->location().length;
    return content ? content->size() : 0;
  }
};

// The recipient is finished: its row (and due row, if it has one) goes; with the last open
// recipient the message and its body go too. The queue knows itself in which lane the due row lies;
// `lane` is not needed.
struct Finish {
  RecipientId recipient;
  LaneId lane;
};

// The recipient waits: attempts, due, last_reply, delay_told are written, and the due row is put or
// moved. Also how an untried recipient that does not fit its lane's window goes to disk ("spill").
struct Postpone {
  Recipient recipient;
  LaneKey lane;
};

// The message is let go now: its max_age runs from `released`. Goes with the postpones that make
// its recipients due.
struct Release {
  MessageId message = 0;
  WallTime released{};
};

// A sender's whole change: all of it commits or none, with its events (promise 2). What it finishes
// or postpones was inserted by an earlier transaction, of this batch or before, and is named once.
// Fails alone, without a trace: kFull (it has inserts and there is no room; beside a finish or
// postpone only a disk without room for the body counts), kInvalid (against the rules here),
// kNotFound (changes what is not there), kCorrupt (a damaged record).
struct Transaction {
  std::vector<Insert> inserts;
  std::vector<Finish> finishes;
  std::vector<Postpone> postpones;
  std::vector<Release> releases;
  std::vector<Suspension> suspensions;  // in place of what was known of the same id
  std::vector<SuspensionId> lifted;
  std::vector<Order> orders;  // in place of what was known of the same id
  std::vector<uint64_t> orders_gone;
  std::vector<Event> events;
};

// What became of one Transaction, in the order given.
struct Committed {
  Status status;
  std::vector<BodyLocation> bodies;  // of its inserts, in order
};

struct QueueTotals {
  uint64_t messages = 0;
  uint64_t recipients = 0;
  uint64_t body_bytes = 0;  // live octets of bodies
  uint64_t disk_bytes = 0;  // what counts against max_bytes
  uint64_t outbox_rows = 0;
  uint64_t last_order = 0;  // the largest id an order ever had
};

// A row of the outbox: the events of (a part of) one commit, and the key that frees them.
struct OutboxRow {
  uint64_t commit = 0;
  uint32_t part = 0;
  struct Item {
    uint64_t id;  // of the event: unique, ascending
    Event event;
  };
  std::vector<Item> items;
};

struct LoadedRecipient {
  Recipient recipient;
  Message message;
};

class Queue {
 public:
  // Opens or makes the queue. Errors name the file and what to do: locked by another process (with
  // its pid), written by a newer version, corrupt meta, disk.
  static Result<std::unique_ptr<Queue>> Open(const QueueOptions& options);
  virtual ~Queue() = default;

  // ---- constant after Open ----
  // The first id of this run: larger than every id of earlier runs.
  virtual MessageId first_id() const = 0;
  virtual LaneId LaneIdOf(const LaneKey& key) const = 0;

  // ---- the writer: one thread ----
  // Commits all transactions as one group. A transaction that cannot be applied (a damaged record)
  // fails alone; a failed sync or commit fails all and breaks the writer.
  virtual std::vector<Committed> CommitAll(std::span<Transaction> batch) = 0;
  // Frees outbox rows up to and with (commit, part). Rides with the next CommitAll, or Tidy.
  virtual void FreeOutbox(uint64_t commit, uint32_t part) = 0;
  // Idle work, one bounded slice of a few milliseconds: copies out nearly empty segments, frees
  // outbox rows. True: more to do. Also worth a call now and then when the writer is never idle.
  virtual bool Tidy() = 0;
  // False once broken: the error of the commit that did it.
  virtual Status writable() const = 0;

  // ---- any thread, but no loop's: they wait for the disk ----
  // For a large body: its pieces go there while they arrive. `id` is of this run, and of a message
  // that is inserted with the file, or never.
  virtual Result<Ref<BodyFile>> CreateBodyFile(MessageId id) = 0;

  // ---- readers: any thread ----
  // Lane rows in pages, in key order: those after `after` (none: from the start). A damaged row is
  // made anew from its due rows.
  virtual Result<std::vector<LaneRow>> Lanes(std::optional<LaneId> after, size_t limit) = 0;
  // The first `limit` recipients of the lane's due index with due <= until, soonest first. A
  // damaged record is skipped and told through `damaged`.
  virtual Result<std::vector<LoadedRecipient>> Due(const LaneId& lane, WallTime until, size_t limit,
                                                   std::vector<RecipientId>* damaged) = 0;
  // Those of the lane that are captured: due at kCapturedDue. In order of id, the first `limit`.
  virtual Result<std::vector<LoadedRecipient>> Captured(const LaneId& lane, size_t limit) = 0;
  // Walks the lane's due index, whatever is due when: looks at `rows` rows from `from` on, and gives
  // those that `meant` is true for. `message`, unless it is 0: only recipients of that message are
  // read at all. `next` is where to go on; none: the end.
  struct DuePlace {
    WallTime due = WallTime::min();
    RecipientId id;
  };
  struct Search {
    std::vector<LoadedRecipient> found;
    std::optional<DuePlace> next;
  };
  using RowFilter = std::function<bool(const LoadedRecipient&)>;
  virtual Result<Search> Walk(const LaneId& lane, const DuePlace& from, size_t rows,
                              MessageId message, const RowFilter& meant) = 0;
  // The recovery sweep: untried recipients of earlier runs that have no due row, by message id,
  // beginning at `from`; looks at most at `limit` recipients. `next` is where to go on; 0: done.
  struct Sweep {
    std::vector<LoadedRecipient> found;
    std::vector<RecipientId> damaged;
    MessageId next = 0;
  };
  virtual Result<Sweep> Orphans(MessageId from, size_t limit) = 0;
  // kNotFound: there is none (any more). kCorrupt: it, or its message, is damaged.
  virtual Result<LoadedRecipient> Load(const RecipientId& id) = 0;
  // The open recipients of a message from index `from` on, in order, the first `limit`. Damaged
  // ones are left out.
  virtual Result<std::vector<LoadedRecipient>> Recipients(MessageId message, uint32_t from,
                                                          size_t limit) = 0;
  // Reads [offset, offset + length) of a stored body. Large ones are checked by blocks, those up to
  // kBodyBlock only when all of it is read.
  // Bodies move: a location that was kept while the queue tidied may give kNotFound, and then Load
  // gives the new one. Never gives another body's octets.
  virtual Result<std::string> ReadBody(const BodyLocation& body, uint32_t offset,
                                       uint32_t length) = 0;
  // All that are kept, at most kMaxSuspensions. Damaged ones were dropped by Open.
  virtual Result<std::vector<Suspension>> Suspensions() = 0;
  // All that are kept, by id, at most kMaxOrders. Damaged ones are left out.
  virtual Result<std::vector<Order>> Orders() = 0;
  // At most `limit` rows after (commit, part), oldest first. A damaged row comes with one kAlert
  // event instead of what it held.
  virtual Result<std::vector<OutboxRow>> Outbox(uint64_t after_commit, uint32_t after_part,
                                                size_t limit) = 0;
  virtual QueueTotals totals() const = 0;  // exact, kept in memory, cheap
};

}  // namespace sluice::queue

#endif  // SLUICE_QUEUE_QUEUE_H_
