// Group commit: many transactions, one sync of bodies, one LMDB commit.

#include <algorithm>
#include <cstring>
#include <tuple>

#include "engine/base/check.h"
#include "queue/keys.h"
#include "queue/store.h"

namespace sluice::queue {
namespace {

constexpr std::string_view kStateKey = "state";

// Outbox rows deleted along with one commit: more than a commit of 1,000 operations makes.
constexpr size_t kFreeRowsPerCommit = 1000;

// data.mdb keeps this much room on disk beyond its end, so that a full file system is noticed
// between commits, where it means "no more inserts", and never inside one.
constexpr uint64_t kMapAhead = uint64_t(16) << 20;
constexpr uint64_t kMapStep = uint64_t(32) << 20;

bool Empty(const Transaction& t) {
  return t.inserts.empty() && t.finishes.empty() && t.postpones.empty() && t.releases.empty() &&
         t.suspensions.empty() && t.lifted.empty() && t.orders.empty() && t.orders_gone.empty() &&
         t.events.empty();
}

}  // namespace

Status Store::writable() const {
  if (broken_) return std::unexpected(*broken_);
  return {};
}

std::vector<Committed> Store::CommitAll(std::span<Transaction> batch) {
  std::vector<Committed> out(batch.size());
  calls_ += 1;
  Error error{};
  Outcome outcome = Outcome::kBroken;
  if (!broken_) {
    StageBodies(batch, out);
    outcome = RunGroup(batch, out, error);
    if (outcome == Outcome::kMapFull) {
      // Nothing was written. Without the inserts it fits: finishing has a reserve of the map.
      for (size_t i = 0; i < batch.size(); ++i)
        if (!batch[i].inserts.empty() && out[i].status) out[i].status = std::unexpected(error);
      outcome = RunGroup(batch, out, error);
    }
  } else {
    error = *broken_;
  }
  // Of a broken commit nobody knows whether it is on disk: its files stay, and the next start
  // looks.
  for (size_t i = 0; i < batch.size(); ++i)
    for (const Insert& insert : batch[i].inserts)
      if (insert.file && out[i].status && outcome != Outcome::kMapFull) insert.file->Keep();
  if (outcome != Outcome::kDone)
    for (Committed& committed : out)
      if (committed.status) committed.status = std::unexpected(error);
  for (Committed& committed : out)
    if (!committed.status) committed.bodies.clear();
  return out;
}

void Store::StageBodies(std::span<Transaction> batch, std::vector<Committed>& out) {
  LookAtSpace();
  Expected expected;
  bool staged = false;
  for (size_t i = 0; i < batch.size(); ++i) {
    out[i].status = Admit(batch[i], expected);
    if (!out[i].status || batch[i].inserts.empty()) continue;
    out[i].status = StageOne(batch[i], out[i].bodies);
    staged = true;
  }
  if (!staged) return;
  const Status written = segments_.Write();
  if (written) return;
  segments_.Abort();  // no record names anything of it
  for (size_t i = 0; i < batch.size(); ++i)
    if (!batch[i].inserts.empty() && out[i].status) out[i].status = written;
}

// What was staged of it before a failure is garbage in the segment; freed at once.
Status Store::StageOne(Transaction& transaction, std::vector<BodyLocation>& bodies) {
  for (Insert& insert : transaction.inserts) {
    const Result<BodyLocation> place = StageBody(insert);
    if (!place) {
      for (const BodyLocation& body : bodies) UnstageBody(body);
      return std::unexpected(place.error());
    }
    insert.message.body = *place;
    bodies.push_back(*place);
  }
  return {};
}

// A large body that did not come as a file (a report that quotes one, mail from this machine) gets
// its file now.
Result<BodyLocation> Store::StageBody(Insert& insert) {
  const Body* content = insert.content.get();
  if (!insert.file && content != nullptr && content->size() > kBodyBlock) {
    Result<Ref<BodyFile>> file = files_.Create(insert.message.id);
    if (!file) return std::unexpected(file.error());
    if (Status written = (*file)->Append(*content); !written)
      return std::unexpected(written.error());
    if (Status whole = (*file)->Finish({}); !whole) return std::unexpected(whole.error());
    insert.file = std::move(*file);
  }
  if (insert.file) return insert.file->location();
  return segments_.Stage(insert.message.id, content);
}

// Not committed after all. A file goes with its object.
void Store::UnstageBody(const BodyLocation& body) {
  if (body.segment != kOwnFile) segments_.Free(body);
}

Result<Ref<BodyFile>> Store::CreateBodyFile(MessageId id) { return files_.Create(id); }

void Store::BeginGroup() {
  group_.state = state_;
  group_.lanes.clear();
  group_.keys.clear();
  group_.files_gone.clear();
  group_.changed = false;
  group_.outbox_freed = false;
}

Store::Outcome Store::RunGroup(std::span<Transaction> batch, std::vector<Committed>& out,
                               Error& error) {
  BeginGroup();
  Txn txn(*env_, Txn::Mode::kWrite);
  for (size_t i = 0; i < batch.size() && !txn.failed(); ++i) {
    if (!out[i].status || Empty(batch[i])) continue;
    const Status applied = Apply(txn, batch[i]);
    if (txn.failed()) break;
    if (applied) {
      group_.changed = true;
      continue;
    }
    for (const BodyLocation& body : out[i].bodies) UnstageBody(body);
    out[i].status = applied;
  }
  FreeOutboxRows(txn, kFreeRowsPerCommit);
  WriteEvents(txn, batch, out);
  return EndGroup(txn, error);
}

Store::Outcome Store::EndGroup(Txn& txn, Error& error) {
  if (!group_.changed && !txn.failed()) {
    segments_.Abort();
    return Outcome::kDone;
  }
  WriteLanes(txn);
  WriteSegments(txn);
  WriteState(txn);
  const uint64_t records = txn.BytesInUse();
  if (txn.failed()) {
    error = txn.status().error();
    if (!txn.full()) return Break(error);
    segments_.Abort();
    return Outcome::kMapFull;
  }
  ReserveMap();
  if (const Status synced = segments_.Sync(); !synced) {
    error = synced.error();
    return Break(error);
  }
  if (const int refused = disk_->AllowCommit(); refused != 0) {
    error = FailErrno(env_->file(), refused).error();
    return Break(error);
  }
  if (const Status committed = txn.Commit(); !committed) {
    error = committed.error();
    if (!txn.full()) return Break(error);
    segments_.Abort();
    return Outcome::kMapFull;
  }
  segments_.Commit();
  for (const MessageId id : group_.files_gone) files_.Remove(id);
  state_ = group_.state;
  records_bytes_ = records;
  if (group_.outbox_freed) free_pending_ = false;
  Publish();
  return Outcome::kDone;
}

Store::Outcome Store::Break(Error& error) {
  error.what += "; the queue takes nothing more until restart";
  broken_ = error;
  segments_.Abort();
  return Outcome::kBroken;
}

void Store::WriteEvents(Txn& txn, std::span<Transaction> batch, const std::vector<Committed>& out) {
  if (!group_.changed) return;
  group_.state.commit += 1;
  const uint64_t commit = group_.state.commit;
  const auto sink = [&](uint32_t part, std::string_view row) {
    txn.Append(Table::kOutbox, OutboxKey(commit, part).view(), row);
  };
  rows_.Begin(commit);
  for (size_t i = 0; i < batch.size(); ++i) {
    if (!out[i].status) continue;
    for (const Event& event : batch[i].events) rows_.Add(event, sink);
  }
  rows_.Finish(sink);
  group_.state.outbox_rows += rows_.rows();
}

// One write a lane, however many of its recipients moved.
void Store::WriteLanes(Txn& txn) {
  if (group_.lanes.empty() || txn.failed()) return;
  std::sort(group_.lanes.begin(), group_.lanes.end(),
            [](const LaneTouch& a, const LaneTouch& b) { return a.id < b.id; });
  Cursor due(txn, Table::kDue);
  for (size_t i = 0; i < group_.lanes.size();) {
    const LaneId id = group_.lanes[i].id;
    int64_t delta = 0;
    const LaneKey* key = nullptr;
    for (; i < group_.lanes.size() && group_.lanes[i].id == id; ++i) {
      delta += group_.lanes[i].delta;
      if (group_.lanes[i].key != nullptr) key = group_.lanes[i].key;
    }
    const auto row_key = LaneRowKey(id);
    const bool any = due.AtLeast(row_key.view()) && due.key().size() == kDueKeySize &&
                     LaneIdOfKey(due.key()) == id;
    if (!any) {
      txn.Delete(Table::kLane, row_key.view());
      continue;
    }
    const WallTime next_due = DueRowOf(due.key()).due;
    LaneRow row;
    const auto record = txn.Get(Table::kLane, row_key.view());
    bool sound = record && DecodeLane(*record, id, row);
    if (!record && key != nullptr) {
      row = {id, *key, 0, {}};
      sound = true;
    }
    if (sound && int64_t(row.waiting) + delta > 0) {
      row.waiting = uint64_t(int64_t(row.waiting) + delta);
    } else {
      // Damaged: counted anew, the changes of this group included.
      std::optional<LaneRow> rebuilt = RebuildLane(txn, id);
      if (!rebuilt) continue;
      row.id = id;
      row.waiting = rebuilt->waiting;
      row.key = key != nullptr ? *key : rebuilt->key;
    }
    row.next_due = next_due;
    EncodeLane(row, record_);
    txn.Put(Table::kLane, row_key.view(), record_);
  }
}

void Store::WriteSegments(Txn& txn) {
  std::vector<SegmentRow> put;
  std::vector<uint32_t> gone;
  segments_.Changes(put, gone);
  for (const SegmentRow& row : put) {
    EncodeSegment(row, record_);
    txn.Put(Table::kSegment, SegmentKey(row.number).view(), record_);
  }
  for (const uint32_t number : gone) txn.Delete(Table::kSegment, SegmentKey(number).view());
}

void Store::WriteState(Txn& txn) {
  group_.state.active_segment = segments_.active();
  group_.state.next_segment = segments_.next();
  EncodeState(group_.state, record_);
  txn.Put(Table::kMeta, kStateKey, record_);
}

void Store::FreeOutbox(uint64_t commit, uint32_t part) {
  free_to_ = std::max(free_to_, {commit, part});
  free_pending_ = true;
}

void Store::FreeOutboxRows(Txn& txn, size_t limit) {
  if (!free_pending_) return;
  Cursor row(txn, Table::kOutbox);
  bool more = row.First();
  for (size_t done = 0; more && done < limit; ++done) {
    const std::string_view key = row.key();
    if (key.size() == kOutboxKeySize &&
        std::pair(GetBig64(key.data()), GetBig32(key.data() + 8)) > free_to_) {
      more = false;
      break;
    }
    row.Delete();
    if (group_.state.outbox_rows > 0) group_.state.outbox_rows -= 1;
    group_.changed = true;
    more = row.Next();
  }
  if (!more && !txn.failed()) {
    group_.outbox_freed = true;
    if (!group_.changed) free_pending_ = false;  // there was nothing to free
  }
}

void Store::ReserveMap() {
  if (!options_.sync) return;
  const uint64_t wanted = std::min(env_->high_water_bytes() + kMapAhead, env_->map_size());
  if (wanted <= map_reserved_) {
    map_reserve_failed_ = false;
    return;
  }
  for (const uint64_t to : {std::min(wanted + kMapStep, env_->map_size()), wanted}) {
    const int error = disk_->Reserve(env_->data_fd(), map_reserved_, to - map_reserved_);
    map_reserve_failed_ = IsNoSpace(error);
    // A file system that cannot reserve at all is none of our business: LMDB grows the file itself.
    if (map_reserve_failed_) continue;
    map_reserved_ = to;
    return;
  }
}

std::unexpected<Error> Store::NoRoomToGrow() const {
  return Fail(ErrorCode::kFull, env_->file() + ": the file system has no room for it to grow by " +
                                    std::to_string(kMapAhead >> 20) + " MiB: free some");
}

void Store::Publish() {
  const std::lock_guard lock(mutex_);
  totals_.messages = state_.messages;
  totals_.recipients = state_.recipients;
  totals_.body_bytes = state_.body_bytes;
  totals_.outbox_rows = state_.outbox_rows;
  totals_.last_order = state_.last_order;
  totals_.disk_bytes = BytesTaken();
  files_.SetTaken(totals_.disk_bytes);
}

}  // namespace sluice::queue
