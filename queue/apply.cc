// One transaction: everything is looked up and checked before the first write, so that one that
// cannot be applied leaves no trace in the group.

#include <algorithm>
#include <cstring>

#include "engine/base/check.h"
#include "engine/base/text.h"
#include "queue/keys.h"
#include "queue/store.h"

namespace sluice::queue {
namespace {

std::string NameOf(const RecipientId& id) {
  return FormatMessageId(id.message) + "/" + std::to_string(id.index);
}

std::unexpected<Error> FailRow(ErrorCode code, const char* table, const std::string& key,
                               const char* what) {
  return Fail(code, std::string("queue: table ") + table + ", key " + key + ": " + what);
}

}  // namespace

Status Store::CheckNew(Txn& txn, const Transaction& transaction) {
  MessageId before = 0;
  for (const Insert& insert : transaction.inserts) {
    const MessageId id = insert.message.id;
    const bool twice =
        id <= before || (id <= last_message_ && txn.Get(Table::kMessage, MessageKey(id).view()));
    if (twice)
      return FailRow(ErrorCode::kInvalid, "message", FormatMessageId(id),
                     "inserted twice, or not in ascending order");
    before = id;
  }
  return {};
}

Status Store::PlanOne(Txn& txn, const RecipientId& id) {
  const auto record = txn.Get(Table::kRecipient, RecipientKey(id).view());
  if (!record) return FailRow(ErrorCode::kNotFound, "recipient", NameOf(id), "no such recipient");
  Planned planned{id, {}};
  if (!DecodeRecipientHead(*record, id, planned.head))
    return FailRow(ErrorCode::kCorrupt, "recipient", NameOf(id), "damaged record");
  plan_.push_back(planned);
  ids_.push_back(id);
  return {};
}

Status Store::Plan(Txn& txn, const Transaction& transaction) {
  plan_.clear();
  ids_.clear();
  for (const Finish& finish : transaction.finishes) {
    if (Status planned = PlanOne(txn, finish.recipient); !planned) return planned;
    const MessageId id = finish.recipient.message;
    const auto record = txn.Get(Table::kMessage, MessageKey(id).view());
    MessageHead head;
    if (!record || !DecodeMessageHead(*record, id, head) || head.open == 0)
      return FailRow(ErrorCode::kCorrupt, "message", FormatMessageId(id),
                     record ? "damaged record" : "gone before its recipients");
  }
  for (const Postpone& postpone : transaction.postpones)
    if (Status planned = PlanOne(txn, postpone.recipient.id); !planned) return planned;
  if (ids_.size() < 2) return {};
  std::sort(ids_.begin(), ids_.end());
  const auto twice = std::adjacent_find(ids_.begin(), ids_.end());
  if (twice != ids_.end())
    return FailRow(ErrorCode::kInvalid, "recipient", NameOf(*twice),
                   "changed twice in one transaction");
  return {};
}

Status Store::CheckReleases(Txn& txn, const Transaction& transaction) {
  for (const Release& release : transaction.releases) {
    const auto record = txn.Get(Table::kMessage, MessageKey(release.message).view());
    MessageRecord message;
    if (!record || !DecodeMessage(*record, release.message, message))
      return FailRow(record ? ErrorCode::kCorrupt : ErrorCode::kNotFound, "message",
                     FormatMessageId(release.message),
                     record ? "damaged record" : "no such message");
  }
  return {};
}

Status Store::Apply(Txn& txn, const Transaction& transaction) {
  if (Status fresh = CheckNew(txn, transaction); !fresh) return fresh;
  if (Status sound = CheckReleases(txn, transaction); !sound) return sound;
  if (Status planned = Plan(txn, transaction); !planned) return planned;
  // From here on only the disk or the map can fail, and that ends the group.
  for (const Insert& insert : transaction.inserts) ApplyInsert(txn, insert);
  for (const Release& release : transaction.releases) ApplyRelease(txn, release);
  size_t next = 0;
  for (size_t i = 0; i < transaction.finishes.size(); ++i) ApplyFinish(txn, plan_[next++]);
  for (const Postpone& postpone : transaction.postpones)
    ApplyPostpone(txn, postpone, plan_[next++]);
  CHECK(next == plan_.size());
  ApplySuspensions(txn, transaction);
  ApplyOrders(txn, transaction);
  return {};
}

void Store::ApplyInsert(Txn& txn, const Insert& insert) {
  const Message& message = insert.message;
  const bool last = message.id > last_message_;
  const auto put = [&](Table table, std::string_view key) {
    if (last) {
      txn.Append(table, key, record_);
    } else {
      txn.Put(table, key, record_);
    }
  };
  EncodeMessage(message, uint32_t(insert.recipients.size()), record_);
  put(Table::kMessage, MessageKey(message.id).view());
  for (const Recipient& recipient : insert.recipients) {
    const bool held = recipient.due > message.accepted;
    LaneId lane;
    if (held) {
      const LaneKey key = LaneKeyOf(message, recipient.address);
      lane = LaneIdOf(key);
      const auto [kept, fresh] = group_.keys.try_emplace(lane, key);
      group_.lanes.push_back({lane, 1, &kept->second});
      txn.Put(Table::kDue, DueKey(lane, recipient.due, recipient.id).view(), {});
    }
    EncodeRecipient(recipient, held ? &lane : nullptr, record_);
    put(Table::kRecipient, RecipientKey(recipient.id).view());
  }
  last_message_ = std::max(last_message_, message.id);
  group_.state.messages += 1;
  group_.state.recipients += insert.recipients.size();
  group_.state.body_bytes += message.body.length;
  if (message.body.segment == kOwnFile)
    group_.state.file_bytes += BodyFiles::Footprint(message.body.length);
}

void Store::ApplyRelease(Txn& txn, const Release& release) {
  const auto key = MessageKey(release.message);
  const auto record = txn.Get(Table::kMessage, key.view());
  MessageRecord found;
  // The check saw it; txn has failed.
  if (!record || !DecodeMessage(*record, release.message, found)) return;
  found.message.released = release.released;
  EncodeMessage(found.message, found.open, record_);
  txn.Put(Table::kMessage, key.view(), record_);
}

void Store::TakeDueRow(Txn& txn, const Planned& planned) {
  const RecipientHead& head = planned.head;
  if (!head.has_due) return;
  // Counted only if it was there, so that `waiting` stays the number of rows.
  if (txn.Delete(Table::kDue, DueKey(head.lane, head.due, planned.id).view()))
    group_.lanes.push_back({head.lane, -1, nullptr});
}

void Store::ApplyFinish(Txn& txn, const Planned& planned) {
  const MessageId id = planned.id.message;
  TakeDueRow(txn, planned);
  txn.Delete(Table::kRecipient, RecipientKey(planned.id).view());
  if (group_.state.recipients > 0) group_.state.recipients -= 1;

  const auto key = MessageKey(id);
  const auto record = txn.Get(Table::kMessage, key.view());
  MessageHead head;
  if (!record || !DecodeMessageHead(*record, id, head)) return;  // the plan saw it; txn has failed
  if (head.open > 1) {
    head.open -= 1;
    record_ = *record;
    PatchMessageHead(record_, id, head);
    txn.Put(Table::kMessage, key.view(), record_);
    return;
  }
  txn.Delete(Table::kMessage, key.view());
  FreeBody(head.body);
  if (group_.state.messages > 0) group_.state.messages -= 1;
  group_.state.body_bytes -= std::min<uint64_t>(group_.state.body_bytes, head.body.length);
}

// Of a message whose last recipient is finished.
void Store::FreeBody(const BodyLocation& body) {
  if (body.segment != kOwnFile) return segments_.Free(body);
  group_.files_gone.push_back(body.offset);
  uint64_t& taken = group_.state.file_bytes;
  taken -= std::min(taken, BodyFiles::Footprint(body.length));
}

void Store::ApplyPostpone(Txn& txn, const Postpone& postpone, const Planned& planned) {
  const Recipient& recipient = postpone.recipient;
  const LaneId lane = LaneIdOf(postpone.lane);
  const RecipientHead& head = planned.head;
  if (!head.has_due || head.lane != lane || head.due != recipient.due) {
    TakeDueRow(txn, planned);
    txn.Put(Table::kDue, DueKey(lane, recipient.due, recipient.id).view(), {});
    group_.lanes.push_back({lane, 1, &postpone.lane});
  }
  EncodeRecipient(recipient, &lane, record_);
  txn.Put(Table::kRecipient, RecipientKey(recipient.id).view(), record_);
}

}  // namespace sluice::queue
