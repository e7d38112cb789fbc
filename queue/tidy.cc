// Idle work, one bounded slice a call: outbox rows that may go, bodies copied out of nearly empty
// segments.

#include <string>
#include <utility>

#include "queue/keys.h"
#include "queue/store.h"

namespace sluice::queue {
namespace {

// One slice: a few milliseconds, so that an insert that comes in meanwhile hardly waits.
constexpr size_t kSliceBodies = 256;
constexpr uint64_t kSliceBytes = uint64_t(1) << 20;

// Copy a segment out when less than this lives in it...
constexpr uint64_t kLivePercent = 10;
// ...and earlier when more than half of queue.max_bytes is taken: then space is worth the copying.
constexpr uint64_t kLivePercentWhenTight = 50;

}  // namespace

bool Store::Tidy() {
  if (broken_) return false;
  if (free_pending_) {
    std::vector<Committed> none;
    Error error{};
    if (RunGroup({}, none, error) != Outcome::kDone) return false;
    if (free_pending_) return true;
  }
  return SweepFiles() || CompactSlice();
}

// Body files of earlier runs that no commit kept: the process died while they arrived.
bool Store::SweepFiles() {
  return files_.SweepSome(first_id(), [this](MessageId id) {
    Txn txn(*env_, Txn::Mode::kRead);
    return txn.Get(Table::kMessage, MessageKey(id).view()).has_value() || txn.failed();
  });
}

bool Store::CompactSlice() {
  if (!compacting_) {
    const bool tight = segments_.disk_bytes() > options_.max_bytes / 2;
    compacting_ = segments_.NearlyEmpty(tight ? kLivePercentWhenTight : kLivePercent);
    compact_offset_ = 0;
    if (!compacting_) return false;
  }
  BeginGroup();
  Txn txn(*env_, Txn::Mode::kWrite);
  std::deque<Moved> moved;
  uint64_t offset = compact_offset_;
  const Collected collected = CollectLive(txn, offset, moved);
  if (collected == Collected::kUnreadable) {
    segments_.Pin(*compacting_);
    compacting_.reset();
  }
  if (collected == Collected::kUnreadable || collected == Collected::kNoRoom ||
      !segments_.Write()) {
    segments_.Abort();
    return collected == Collected::kUnreadable;
  }
  for (Moved& m : moved) {
    PatchMessageHead(m.record, m.id, m.head);
    txn.Put(Table::kMessage, MessageKey(m.id).view(), m.record);
    segments_.Free(m.from);
  }
  const bool end = collected == Collected::kEnd;
  if (end) {
    segments_.SealEmptied(*compacting_);
    compacting_.reset();
  }
  group_.changed = end || !moved.empty();
  Error error{};
  if (EndGroup(txn, error) != Outcome::kDone) return false;
  compact_offset_ = offset;
  return true;
}

// Walks on from `offset`; what still lives is read, and staged to be written elsewhere.
Store::Collected Store::CollectLive(Txn& txn, uint64_t& offset, std::deque<Moved>& moved) {
  uint64_t bytes = 0;
  for (size_t seen = 0; seen < kSliceBodies && bytes < kSliceBytes; ++seen) {
    const Result<std::optional<SegmentStore::Found>> found = segments_.Walk(*compacting_, offset);
    if (!found) return Collected::kUnreadable;
    if (!*found) return Collected::kEnd;
    const MessageId id = (*found)->header.message;
    const auto record = txn.Get(Table::kMessage, MessageKey(id).view());
    MessageHead head;
    if (!record || !DecodeMessageHead(*record, id, head) || head.body != (*found)->body) continue;
    Result<std::string> content = segments_.Read(head.body, 0, head.body.length);
    if (!content) return Collected::kUnreadable;
    moved.push_back({id, std::string(*record), std::move(*content), head, head.body});
    Moved& m = moved.back();
    const Result<BodyLocation> place = segments_.Stage(id, std::string_view(m.content));
    if (!place) return Collected::kNoRoom;
    m.head.body = *place;
    bytes += head.body.length;
  }
  return Collected::kMore;
}

}  // namespace sluice::queue
