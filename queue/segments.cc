// Groups of bodies: staged, written, synced; what they take and free; walking for compaction.

#include "queue/segments.h"

#include <algorithm>
#include <array>
#include <utility>

#include "engine/base/check.h"
#include "queue/hash.h"

namespace sluice::queue {
namespace {

// The sync of a small group after its first write to preallocated blocks costs half as much again
// (175 us against 110 us here), for the file system must note that they hold data now. So small
// groups write zeros ahead, this much at a time; large ones would only write everything twice.
constexpr uint64_t kZeroStep = uint64_t(1) << 20;
constexpr uint64_t kSmallGroup = uint64_t(64) << 10;
constexpr size_t kZeroBlock = size_t(64) << 10;

uint64_t Footprint(const BodyLocation& body) { return body.length + sizeof(BodyHeader); }

}  // namespace

SegmentStore::Segment* SegmentStore::Find(uint32_t number) {
  const auto it = segments_.find(number);
  return it == segments_.end() ? nullptr : it->second.get();
}

void SegmentStore::Touch(Segment& segment) {
  if (segment.dirty) return;
  segment.dirty = true;
  dirty_.push_back(&segment);
}

Result<SegmentStore::Segment*> SegmentStore::Room(uint64_t length) {
  Segment* segment = Find(active_);
  if (segment != nullptr && segment->staged.size - segment->staged.used >= length) {
    const std::lock_guard lock(mutex_);
    if (Status opened = OpenFile(*segment->file); !opened) return std::unexpected(opened.error());
    return segment;
  }
  return Activate(std::max(options_.segment_bytes, length));
}

Result<BodyLocation> SegmentStore::Place(MessageId id, uint64_t length, uint64_t checksum) {
  const uint64_t whole = length + sizeof(BodyHeader);
  if (whole > UINT32_MAX) return Fail(ErrorCode::kInvalid, "queue: a body over 4 GiB");
  Result<Segment*> room = Room(whole);
  if (!room) return std::unexpected(room.error());
  Segment& segment = **room;
  const uint64_t offset = segment.staged.used;
  if (runs_.empty() || runs_.back().segment != &segment)
    runs_.push_back({&segment, offset, 0, pieces_.size()});
  CHECK(runs_.back().offset + runs_.back().length == offset);
  runs_.back().length += whole;
  segment.staged.used += whole;
  segment.staged.live += whole;
  CHECK(segment.staged.used <= segment.staged.size);
  Touch(segment);
  headers_.push_back({kBodyMagic, uint32_t(length), id, checksum});
  pieces_.push_back({&headers_.back(), sizeof(BodyHeader)});
  return BodyLocation{segment.row.number, uint32_t(length), offset + sizeof(BodyHeader), checksum};
}

Result<BodyLocation> SegmentStore::Stage(MessageId id, const Body* content) {
  if (content == nullptr) return Stage(id, std::string_view());
  Result<BodyLocation> place = Place(id, content->size(), BodyChecksum(*content));
  if (!place) return place;
  content->ForEachPiece(0, content->size(), [this](std::string_view piece) {
    pieces_.push_back({const_cast<char*>(piece.data()), piece.size()});
  });
  return place;
}

Result<BodyLocation> SegmentStore::Stage(MessageId id, std::string_view content) {
  Result<BodyLocation> place = Place(id, content.size(), BodyChecksum(content));
  if (!place) return place;
  if (!content.empty()) pieces_.push_back({const_cast<char*>(content.data()), content.size()});
  return place;
}

Status SegmentStore::Write() {
  for (size_t i = 0; i < runs_.size(); ++i) {
    const Run& run = runs_[i];
    const size_t end = i + 1 < runs_.size() ? runs_[i + 1].first_piece : pieces_.size();
    File& file = *run.segment->file;
    const std::span<iovec> pieces(pieces_.data() + run.first_piece, end - run.first_piece);
    if (const int error = disk_->WriteAll(file.fd.get(), pieces, run.offset); error != 0)
      return FailErrno(file.path, error);
    if (const int error = ZeroAhead(*run.segment, run.length); error != 0)
      return FailErrno(file.path, error);
    if (options_.sync) disk_->StartWriteback(file.fd.get(), run.offset, run.length);
  }
  return {};
}

int SegmentStore::ZeroAhead(Segment& segment, uint64_t group_bytes) {
  segment.virgin_from = std::max(segment.virgin_from, segment.staged.used);
  const bool near = segment.virgin_from < segment.staged.used + kSmallGroup;
  if (!options_.sync || group_bytes > kSmallGroup || !near) return 0;
  static const std::array<char, kZeroBlock> kZeros{};
  uint64_t left = std::min(kZeroStep, segment.row.size - segment.virgin_from);
  const uint64_t from = segment.virgin_from;
  segment.virgin_from += left;
  std::vector<iovec> blocks;
  while (left > 0) {
    const size_t n = size_t(std::min<uint64_t>(left, kZeroBlock));
    blocks.push_back({const_cast<char*>(kZeros.data()), n});
    left -= n;
  }
  return disk_->WriteAll(segment.file->fd.get(), blocks, from);
}

Status SegmentStore::Sync() {
  if (!options_.sync) return {};
  for (const Run& run : runs_) {
    File& file = *run.segment->file;
    if (const int error = disk_->SyncData(file.fd.get()); error != 0)
      return FailErrno(file.path, error);
  }
  if (folder_dirty_) {
    if (const int error = SyncFolder(options_.path); error != 0)
      return FailErrno(options_.path, error);
    folder_dirty_ = false;
  }
  return {};
}

void SegmentStore::Free(const BodyLocation& body) {
  Segment* segment = Find(body.segment);
  if (segment == nullptr) return;
  Touch(*segment);
  if (segment->staged.live < Footprint(body)) {
    segment->pinned = true;  // its count is wrong: better a file too many than a body lost
    return;
  }
  segment->staged.live -= Footprint(body);
}

void SegmentStore::Changes(std::vector<SegmentRow>& put, std::vector<uint32_t>& gone) {
  for (const Segment* segment : dirty_) {
    const bool empty = segment->staged.live == 0 && !segment->pinned;
    if (empty && segment->row.number != active_) {
      gone.push_back(segment->row.number);
    } else {
      put.push_back(segment->staged);
    }
  }
}

void SegmentStore::Commit() {
  std::vector<uint32_t> gone;
  for (Segment* segment : dirty_) {
    segment->dirty = false;
    segment->row = segment->staged;
    if (segment->row.live == 0 && !segment->pinned && segment->row.number != active_)
      gone.push_back(segment->row.number);
  }
  dirty_.clear();
  for (const uint32_t number : gone) Retire(number);
  runs_.clear();
  pieces_.clear();
  headers_.clear();
  CountDiskBytes();
}

void SegmentStore::Abort() {
  std::vector<Segment*> sealed;
  for (Segment* segment : dirty_) {
    segment->dirty = false;
    segment->staged = segment->row;
    // Sealed empty by a group that failed: nothing else would ever touch it again.
    const bool idle = segment->row.live == 0 && !segment->pinned;
    if (idle && segment->row.number != active_) sealed.push_back(segment);
  }
  dirty_.clear();
  for (Segment* segment : sealed) Touch(*segment);
  runs_.clear();
  pieces_.clear();
  headers_.clear();
}

std::optional<uint32_t> SegmentStore::NearlyEmpty(uint64_t live_percent) const {
  std::optional<uint32_t> best;
  uint64_t best_live = UINT64_MAX;
  for (const auto& [number, segment] : segments_) {
    if (number == active_ || segment->pinned) continue;
    const SegmentRow& row = segment->row;
    if (row.live * 100 >= row.size * live_percent || row.live >= best_live) continue;
    best = number;
    best_live = row.live;
  }
  return best;
}

Result<std::optional<SegmentStore::Found>> SegmentStore::Walk(uint32_t number, uint64_t& offset) {
  Segment* segment = Find(number);
  if (segment == nullptr || offset >= segment->row.used) return std::optional<Found>();
  {
    const std::lock_guard lock(mutex_);
    if (Status opened = OpenFile(*segment->file); !opened) return std::unexpected(opened.error());
  }
  Found found;
  const std::span<char> header(reinterpret_cast<char*>(&found.header), sizeof found.header);
  if (const int error = disk_->ReadAt(segment->file->fd.get(), header, offset); error != 0)
    return FailErrno(segment->file->path, error);
  const uint64_t end = offset + sizeof found.header + found.header.length;
  if (found.header.magic != kBodyMagic || end > segment->row.used)
    return Fail(ErrorCode::kCorrupt,
                segment->file->path + ": no body header at octet " + std::to_string(offset));
  found.body = {number, found.header.length, offset + sizeof found.header, found.header.checksum};
  offset = end;
  return std::optional<Found>(found);
}

void SegmentStore::Pin(uint32_t number) {
  if (Segment* segment = Find(number)) segment->pinned = true;
}

void SegmentStore::SealEmptied(uint32_t number) {
  Segment* segment = Find(number);
  if (segment == nullptr) return;
  Touch(*segment);
  if (segment->staged.live != 0) segment->pinned = true;
}

}  // namespace sluice::queue
