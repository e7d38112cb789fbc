// Whether a transaction may come in: sanity of its inserts, and room for them.

#include <algorithm>
#include <string>

#include "engine/base/text.h"
#include "queue/store.h"

namespace sluice::queue {
namespace {

// Beyond its texts: fixed fields, envelope, LMDB's node and a share of half-filled pages.
constexpr uint64_t kRecordOverhead = 128;
// An outbox event and the rest of its row.
constexpr uint64_t kEventBytes = 160;
// Between questions about the file system's free space, in calls of CommitAll.
constexpr uint64_t kFreeSpaceCalls = 16;
// The part of the map that only finishing and postponing may use. A commit of 1,000 finishes here
// and there copies 3,000 pages (12 MB), and those it replaces are free only two commits later.
constexpr uint64_t kMapReserve = uint64_t(64) << 20;

uint64_t ReserveOf(uint64_t map_size) {
  return std::min(std::max(map_size / 8, kMapReserve), map_size / 2);
}

std::unexpected<Error> Invalid(const Insert& insert, const char* what) {
  return Fail(ErrorCode::kInvalid,
              "queue: insert of message " + FormatMessageId(insert.message.id) + ": " + what);
}

uint64_t TextBytes(const Message& m) {
  constexpr uint64_t kCutBytes = 10;
  constexpr uint64_t kSignatureBytes = 40;
  return m.sender.size() + m.tenant.size() + m.campaign.size() + m.user.size() + m.envid.size() +
         m.cuts.size() * kCutBytes + kSignatureBytes + m.signature.selectors.size() * 8;
}

Status CheckInsert(const Insert& insert, MessageId first_id) {
  const Message& m = insert.message;
  if (m.id < first_id || (m.id >> kMessageIdCountBits) != (first_id >> kMessageIdCountBits))
    return Invalid(insert, "its id is not of this run (first_id)");
  if (m.cuts.size() > kMaxCuts) return Invalid(insert, "more than 64 cuts");
  if (m.signature.selectors.size() > kMaxSigners) return Invalid(insert, "more than 8 signers");
  if (TextBytes(m) + kRecordOverhead > kMaxRecord) return Invalid(insert, "its texts are too long");
  if (insert.recipients.empty()) return Invalid(insert, "no recipients");
  if (insert.body_bytes() > UINT32_MAX / 2) return Invalid(insert, "a body over 2 GiB");
  if (insert.file && (insert.file->id() != m.id || insert.file->location().length == 0))
    return Invalid(insert, "its body file is another's, or not finished");
  const Recipient* before = nullptr;
  for (const Recipient& r : insert.recipients) {
    if (r.id.message != m.id) return Invalid(insert, "a recipient of another message");
    if (before != nullptr && r.id.index <= before->id.index)
      return Invalid(insert, "its recipients' indices do not ascend");
    if (r.address.size() > kMaxAddress || r.orcpt.size() > kMaxOrcpt ||
        r.last_reply.size() > kMaxReplyText)
      return Invalid(insert, "a recipient's texts are too long");
    before = &r;
  }
  return {};
}

}  // namespace

void Store::LookAtSpace() {
  // Also when nothing commits: an idle queue must notice that there is room again.
  if (map_reserve_failed_) ReserveMap();
  if (options_.min_free_bytes == 0) return;
  if (space_low_ || calls_ % kFreeSpaceCalls == 1)
    space_low_ = disk_->FreeBytes(options_.path) < options_.min_free_bytes;
}

uint64_t Store::BytesTaken() const {
  return segments_.disk_bytes() + state_.file_bytes + records_bytes_;
}

Status Store::AdmitSpace(const Expected& expected) {
  if (space_low_)
    return Fail(ErrorCode::kFull, options_.path + ": the file system has less than " +
                                      std::to_string(options_.min_free_bytes) +
                                      " octets free (queue.min_free_bytes): free some");
  if (map_reserve_failed_) return NoRoomToGrow();
  const uint64_t records = records_bytes_ + expected.records;
  if (records > env_->map_size() - ReserveOf(env_->map_size()))
    return Fail(ErrorCode::kFull,
                env_->file() + ": the queue's records fill queue.map_size; raise it and restart");
  if (BytesTaken() + expected.bodies + expected.records > options_.max_bytes)
    return Fail(ErrorCode::kFull, options_.path + ": the queue holds queue.max_bytes (" +
                                      std::to_string(options_.max_bytes) + ")");
  return {};
}

Status Store::Admit(const Transaction& transaction, Expected& expected) {
  if (expected.events + transaction.events.size() > kMaxEventsPerCommit)
    return Fail(ErrorCode::kInvalid, "queue: over a million events in one commit");
  Expected with = expected;
  with.events += transaction.events.size();
  with.records += transaction.events.size() * kEventBytes;
  for (const Insert& insert : transaction.inserts) {
    if (Status sane = CheckInsert(insert, first_id()); !sane) return sane;
    const uint64_t body = insert.body_bytes();
    with.bodies +=
        insert.file || body > kBodyBlock ? BodyFiles::Footprint(body) : body + sizeof(BodyHeader);
    with.records += TextBytes(insert.message) + kRecordOverhead;
    for (const Recipient& r : insert.recipients)
      with.records += r.address.size() + r.orcpt.size() + kRecordOverhead;
  }
  // A report that comes with an outcome is let in beyond the limits: without it the outcome, which
  // has happened, could not be written down either.
  const bool outcome = !transaction.finishes.empty() || !transaction.postpones.empty();
  if (!transaction.inserts.empty() && !outcome)
    if (Status room = AdmitSpace(with); !room) return room;
  expected = with;
  return {};
}

}  // namespace sluice::queue
