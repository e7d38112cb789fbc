// What readers ask. Each call has its own short read transaction.

#include <algorithm>

#include "engine/base/text.h"
#include "queue/keys.h"
#include "queue/store.h"

namespace sluice::queue {
namespace {

std::unexpected<Error> FailRow(ErrorCode code, Table table, const std::string& key,
                               const char* what) {
  return Fail(code, std::string("queue: table ") + TableName(table) + ", key " + key + ": " + what);
}

std::string NameOf(const RecipientId& id) {
  return FormatMessageId(id.message) + "/" + std::to_string(id.index);
}

}  // namespace

Status Store::LoadInto(Txn& txn, const RecipientId& id, LoadedRecipient& out, bool* has_due) {
  const auto record = txn.Get(Table::kRecipient, RecipientKey(id).view());
  if (txn.failed()) return txn.status();
  if (!record)
    return FailRow(ErrorCode::kNotFound, Table::kRecipient, NameOf(id), "no such recipient");
  RecipientRecord recipient;
  if (!DecodeRecipient(*record, id, recipient))
    return FailRow(ErrorCode::kCorrupt, Table::kRecipient, NameOf(id), "damaged record");
  const auto head = txn.Get(Table::kMessage, MessageKey(id.message).view());
  MessageRecord message;
  if (!head || !DecodeMessage(*head, id.message, message))
    return FailRow(ErrorCode::kCorrupt, Table::kMessage, FormatMessageId(id.message),
                   head ? "damaged record" : "gone before its recipients");
  out.recipient = std::move(recipient.recipient);
  out.message = std::move(message.message);
  if (has_due != nullptr) *has_due = recipient.has_due;
  return {};
}

Result<LoadedRecipient> Store::Load(const RecipientId& id) {
  Txn txn(*env_, Txn::Mode::kRead);
  LoadedRecipient out;
  if (Status loaded = LoadInto(txn, id, out, nullptr); !loaded)
    return std::unexpected(loaded.error());
  return out;
}

Result<std::vector<LoadedRecipient>> Store::Recipients(MessageId message, uint32_t from,
                                                       size_t limit) {
  Txn txn(*env_, Txn::Mode::kRead);
  std::vector<LoadedRecipient> out;
  {
    Cursor row(txn, Table::kRecipient);
    for (bool more = row.AtLeast(RecipientKey({message, from}).view()); more && out.size() < limit;
         more = row.Next()) {
      const RecipientId id = RecipientIdOf(row.key());
      if (id.message != message) break;
      LoadedRecipient loaded;
      if (LoadInto(txn, id, loaded, nullptr)) out.push_back(std::move(loaded));
    }
  }
  if (txn.failed()) return std::unexpected(txn.status().error());
  return out;
}

Result<std::string> Store::ReadBody(const BodyLocation& body, uint32_t offset, uint32_t length) {
  if (body.segment == kOwnFile) return files_.Read(body, offset, length);
  return segments_.Read(body, offset, length);
}

std::optional<LaneRow> Store::RebuildLane(Txn& txn, const LaneId& id) {
  LaneRow row;
  row.id = id;
  bool named = false;
  Cursor due(txn, Table::kDue);
  for (bool more = due.AtLeast(LaneRowKey(id).view());
       more && due.key().size() == kDueKeySize && LaneIdOfKey(due.key()) == id; more = due.Next()) {
    const DueRow at = DueRowOf(due.key());
    if (row.waiting == 0) row.next_due = at.due;
    row.waiting += 1;
    LoadedRecipient loaded;
    if (named || !LoadInto(txn, at.id, loaded, nullptr)) continue;
    row.key = LaneKeyOf(loaded.message, loaded.recipient.address);
    named = true;
  }
  if (row.waiting == 0) return std::nullopt;
  return row;
}

Result<std::vector<LaneRow>> Store::Lanes(std::optional<LaneId> after, size_t limit) {
  Txn txn(*env_, Txn::Mode::kRead);
  std::vector<LaneRow> out;
  {
    Cursor row(txn, Table::kLane);
    bool more = after ? row.AtLeast(LaneRowKey(*after).view()) : row.First();
    if (after && more && LaneIdOfKey(row.key()) == *after) more = row.Next();
    for (; more && out.size() < limit; more = row.Next()) {
      const LaneId id = LaneIdOfKey(row.key());
      LaneRow lane;
      if (row.key().size() == kLaneKeySize && DecodeLane(row.value(), id, lane)) {
        out.push_back(std::move(lane));
      } else if (std::optional<LaneRow> rebuilt = RebuildLane(txn, id)) {
        out.push_back(std::move(*rebuilt));
      }
    }
  }
  if (txn.failed()) return std::unexpected(txn.status().error());
  return out;
}

Result<std::vector<LoadedRecipient>> Store::Due(const LaneId& lane, WallTime until, size_t limit,
                                                std::vector<RecipientId>* damaged) {
  return WalkDue(lane, WallTime::min(), until, limit, damaged);
}

Result<std::vector<LoadedRecipient>> Store::Captured(const LaneId& lane, size_t limit) {
  return WalkDue(lane, kCapturedDue, kCapturedDue, limit, nullptr);
}

Result<std::vector<LoadedRecipient>> Store::WalkDue(const LaneId& lane, WallTime from,
                                                    WallTime until, size_t limit,
                                                    std::vector<RecipientId>* damaged) {
  Txn txn(*env_, Txn::Mode::kRead);
  std::vector<LoadedRecipient> out;
  {
    Cursor row(txn, Table::kDue);
    for (bool more = row.AtLeast(DueKey(lane, from, {}).view()); more && out.size() < limit;
         more = row.Next()) {
      if (LaneIdOfKey(row.key()) != lane) break;
      if (row.key().size() != kDueKeySize) continue;
      const DueRow due = DueRowOf(row.key());
      if (due.due > until) break;
      LoadedRecipient loaded;
      if (LoadInto(txn, due.id, loaded, nullptr)) {
        out.push_back(std::move(loaded));
      } else if (damaged != nullptr) {
        damaged->push_back(due.id);
      }
    }
  }
  if (txn.failed()) return std::unexpected(txn.status().error());
  return out;
}

Result<Queue::Search> Store::Walk(const LaneId& lane, const DuePlace& from, size_t rows,
                                  MessageId message, const RowFilter& meant) {
  Txn txn(*env_, Txn::Mode::kRead);
  Search search;
  {
    Cursor row(txn, Table::kDue);
    size_t looked = 0;
    for (bool more = row.AtLeast(DueKey(lane, from.due, from.id).view()); more; more = row.Next()) {
      if (LaneIdOfKey(row.key()) != lane) break;
      if (row.key().size() != kDueKeySize) continue;
      const DueRow due = DueRowOf(row.key());
      if (looked++ >= rows) {
        search.next = {due.due, due.id};
        break;
      }
      if (message != 0 && due.id.message != message) continue;
      LoadedRecipient loaded;
      if (LoadInto(txn, due.id, loaded, nullptr) && meant(loaded))
        search.found.push_back(std::move(loaded));
    }
  }
  if (txn.failed()) return std::unexpected(txn.status().error());
  return search;
}

Result<Queue::Sweep> Store::Orphans(MessageId from, size_t limit) {
  Txn txn(*env_, Txn::Mode::kRead);
  Sweep sweep;
  {
    Cursor row(txn, Table::kRecipient);
    MessageId current = 0;
    size_t looked = 0;
    for (bool more = row.AtLeast(RecipientKey({from, 0}).view()); more; more = row.Next()) {
      const RecipientId id = RecipientIdOf(row.key());
      if (id.message >= first_id()) break;
      if (looked >= limit && id.message != current) {
        sweep.next = id.message;
        break;
      }
      current = id.message;
      looked += 1;
      RecipientHead head;
      if (!DecodeRecipientHead(row.value(), id, head)) {
        sweep.damaged.push_back(id);
        continue;
      }
      if (head.has_due) continue;
      LoadedRecipient loaded;
      if (LoadInto(txn, id, loaded, nullptr)) {
        sweep.found.push_back(std::move(loaded));
      } else {
        sweep.damaged.push_back(id);
      }
    }
  }
  if (txn.failed()) return std::unexpected(txn.status().error());
  return sweep;
}

Result<std::vector<OutboxRow>> Store::Outbox(uint64_t after_commit, uint32_t after_part,
                                             size_t limit) {
  Txn txn(*env_, Txn::Mode::kRead);
  std::vector<OutboxRow> out;
  {
    Cursor row(txn, Table::kOutbox);
    const auto after = OutboxKey(after_commit, after_part);
    bool more = row.AtLeast(after.view());
    if (more && row.key() == after.view()) more = row.Next();
    for (; more && out.size() < limit; more = row.Next()) {
      if (row.key().size() != kOutboxKeySize) continue;
      OutboxRow found;
      found.commit = GetBig64(row.key().data());
      found.part = GetBig32(row.key().data() + 8);
      if (!DecodeEventRow(row.value(), found)) {
        // The events are lost; that they are must not be.
        found.items.assign(1, {EventIdOf(found.commit, kMaxEventsPerCommit - found.part), {}});
        Event& alert = found.items.front().event;
        alert.type = EventType::kAlert;
        alert.reason = "damaged_outbox_row";
        alert.text = "queue: table outbox, key " + std::to_string(found.commit) + "/" +
                     std::to_string(found.part) + ": damaged record, its events are lost";
      }
      out.push_back(std::move(found));
    }
  }
  if (txn.failed()) return std::unexpected(txn.status().error());
  return out;
}

QueueTotals Store::totals() const {
  const std::lock_guard lock(mutex_);
  return totals_;
}

}  // namespace sluice::queue
