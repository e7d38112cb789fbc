// Idle work, one bounded slice a call: outbox rows that may go, bodies copied out of nearly empty
// segments.

#include <deque>
#include <string>

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

struct Moved {
  MessageId id;
  std::string record;
  std::string content;
  MessageHead head;
  BodyLocation from;
};

}  // namespace

bool Store::Tidy() {
  if (broken_) return false;
  if (free_pending_) {
    std::vector<Committed> none;
    Error error{};
    if (RunGroup({}, none, error) != Outcome::kDone) return false;
    if (free_pending_) return true;
  }
  return CompactSlice();
}

bool Store::CompactSlice() {
  if (!compacting_) {
    const bool tight = segments_.disk_bytes() > options_.max_bytes / 2;
    compacting_ = segments_.NearlyEmpty(tight ? kLivePercentWhenTight : kLivePercent);
    compact_offset_ = 0;
    if (!compacting_) return false;
  }
  const uint32_t segment = *compacting_;
  BeginGroup();
  Txn txn(*env_, Txn::Mode::kWrite);
  std::deque<Moved> moved;
  uint64_t bytes = 0;
  uint64_t offset = compact_offset_;
  bool end = false;
  for (size_t seen = 0; seen < kSliceBodies && bytes < kSliceBytes && !end; ++seen) {
    const Result<std::optional<SegmentStore::Found>> found = segments_.Walk(segment, offset);
    if (!found) {
      segments_.Pin(segment);
      compacting_.reset();
      segments_.Abort();
      return true;
    }
    if (!*found) {
      end = true;
      break;
    }
    const MessageId id = (*found)->header.message;
    const auto record = txn.Get(Table::kMessage, MessageKey(id).view());
    MessageHead head;
    if (!record || !DecodeMessageHead(*record, id, head) || head.body != (*found)->body) continue;
    Result<std::string> content = segments_.Read(head.body, 0, head.body.length);
    if (!content) {
      segments_.Pin(segment);
      compacting_.reset();
      segments_.Abort();
      return true;
    }
    moved.push_back({id, std::string(*record), std::move(*content), head, head.body});
    const Result<BodyLocation> place = segments_.Stage(id, std::string_view(moved.back().content));
    if (!place) {
      segments_.Abort();
      return false;  // no room now
    }
    moved.back().head.body = *place;
    bytes += head.body.length;
  }
  if (!segments_.Write()) {
    segments_.Abort();
    return false;
  }
  for (Moved& m : moved) {
    PatchMessageHead(m.record, m.id, m.head);
    txn.Put(Table::kMessage, MessageKey(m.id).view(), m.record);
    segments_.Free(m.from);
  }
  if (end) {
    segments_.SealEmptied(segment);
    compacting_.reset();
  }
  group_.changed = end || !moved.empty();
  Error error{};
  if (EndGroup(txn, error) != Outcome::kDone) return false;
  compact_offset_ = offset;
  return true;
}

}  // namespace sluice::queue
