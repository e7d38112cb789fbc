#include "queue/segments.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
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

constexpr std::string_view kBodyPrefix = "body-";
constexpr std::string_view kSparePrefix = "spare-";
constexpr std::string_view kSuffix = ".seg";

std::string NumberedName(std::string_view prefix, uint64_t number) {
  char digits[24];
  std::snprintf(digits, sizeof digits, "%08llu", static_cast<unsigned long long>(number));
  return std::string(prefix) + digits + std::string(kSuffix);
}

uint64_t Footprint(const BodyLocation& body) { return body.length + sizeof(BodyHeader); }

}  // namespace

SegmentStore::SegmentStore(SegmentOptions options, Disk* disk)
    : options_(std::move(options)), disk_(disk) {}

SegmentStore::~SegmentStore() = default;

std::string SegmentStore::PathOf(uint32_t number) const {
  return options_.path + "/" + NumberedName(kBodyPrefix, number);
}

Status SegmentStore::Recover(const std::vector<Known>& known, uint32_t active, uint32_t next) {
  next_ = next;
  active_ = 0;
  for (const Known& k : known) {
    auto segment = std::make_unique<Segment>();
    segment->row = segment->staged = k.row;
    segment->virgin_from = k.row.used;
    segment->pinned = k.pinned;
    segment->file = MakeRef<File>(PathOf(k.row.number));
    // A number in use is never given again, whatever the state row says.
    next_ = std::max(next_, k.row.number + 1);
    if (k.row.number == active && !k.pinned) active_ = active;
    segments_[k.row.number] = std::move(segment);
  }
  CountDiskBytes();

  DIR* dir = ::opendir(options_.path.c_str());
  if (dir == nullptr) return FailErrno(options_.path, errno);
  std::vector<std::string> names;
  while (const dirent* entry = ::readdir(dir)) names.emplace_back(entry->d_name);
  ::closedir(dir);
  std::sort(names.begin(), names.end());
  for (const std::string& name : names)
    if (Status adopted = Adopt(name); !adopted) return adopted;
  return {};
}

// A body file that no row names: what a commit freed, or what never committed.
Status SegmentStore::Adopt(const std::string& name) {
  const std::string_view view(name);
  if (!view.ends_with(kSuffix)) return {};
  const bool spare = view.starts_with(kSparePrefix);
  if (!spare && !view.starts_with(kBodyPrefix)) return {};
  const std::string path = options_.path + "/" + name;
  for (const auto& [number, segment] : segments_)
    if (segment->file->path == path) return {};

  struct stat st;
  const bool fits =
      ::stat(path.c_str(), &st) == 0 && uint64_t(st.st_size) == options_.segment_bytes;
  if (!fits || spares_.size() >= kMaxSpares) {
    if (::unlink(path.c_str()) != 0) return FailErrno(path, errno);
    return {};
  }
  // Under its old name it could collide with a number given later.
  std::string to;
  do {
    to = options_.path + "/" + NumberedName(kSparePrefix, spare_serial_++);
  } while (to != path && ::access(to.c_str(), F_OK) == 0);
  if (to != path && ::rename(path.c_str(), to.c_str()) != 0) return FailErrno(path, errno);
  spares_.push_back(std::move(to));
  return {};
}

SegmentStore::Segment* SegmentStore::Find(uint32_t number) {
  const auto it = segments_.find(number);
  return it == segments_.end() ? nullptr : it->second.get();
}

Status SegmentStore::OpenFile(File& file) {
  if (file.fd.valid()) return {};
  Fd fd(::open(file.path.c_str(), O_RDWR | O_CLOEXEC));
  if (!fd.valid()) return FailErrno(file.path, errno);
  file.fd = std::move(fd);
  return {};
}

void SegmentStore::Touch(Segment& segment) {
  if (segment.dirty) return;
  segment.dirty = true;
  dirty_.push_back(&segment);
}

Result<SegmentStore::Segment*> SegmentStore::Activate(uint64_t size) {
  const uint32_t number = next_;
  const std::string path = PathOf(number);
  auto file = MakeRef<File>(path);
  uint64_t virgin_from = 0;
  if (size == options_.segment_bytes && !spares_.empty()) {
    const std::string spare = std::move(spares_.back());
    spares_.pop_back();
    if (::rename(spare.c_str(), path.c_str()) != 0) return FailErrno(spare, errno);
    virgin_from = size;
    if (Status opened = OpenFile(*file); !opened) return std::unexpected(opened.error());
  } else {
    file->fd = Fd(::open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
    if (!file->fd.valid()) return FailErrno(path, errno);
    int error = 0;
    if (options_.sync) {
      error = disk_->Reserve(file->fd.get(), 0, size);
    } else if (::ftruncate(file->fd.get(), off_t(size)) != 0) {
      error = errno;
    }
    if (error != 0) {
      ::unlink(path.c_str());
      return FailErrno(path, error);
    }
  }
  folder_dirty_ = true;
  auto segment = std::make_unique<Segment>();
  segment->row = segment->staged = {number, size, 0, 0};
  segment->virgin_from = virgin_from;
  segment->file = std::move(file);
  Segment* made = segment.get();
  {
    const std::lock_guard lock(mutex_);
    segments_[number] = std::move(segment);
  }
  // The old one is sealed; it may be empty already.
  if (Segment* old = Find(active_)) Touch(*old);
  next_ = number + 1;
  active_ = number;
  return made;
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
  for (Segment* segment : dirty_) {
    segment->dirty = false;
    segment->staged = segment->row;
  }
  dirty_.clear();
  runs_.clear();
  pieces_.clear();
  headers_.clear();
}

// Its file becomes a spare, or goes. Both only now that the commit which freed it is durable.
void SegmentStore::Retire(uint32_t number) {
  std::unique_ptr<Segment> segment;
  {
    const std::lock_guard lock(mutex_);
    const auto it = segments_.find(number);
    CHECK(it != segments_.end());
    segment = std::move(it->second);
    segments_.erase(it);
  }
  segment->file->retired.store(true);
  const std::string& path = segment->file->path;
  if (segment->row.size == options_.segment_bytes && spares_.size() < kMaxSpares) {
    std::string to;
    do {
      to = options_.path + "/" + NumberedName(kSparePrefix, spare_serial_++);
    } while (::access(to.c_str(), F_OK) == 0);
    if (::rename(path.c_str(), to.c_str()) == 0) {
      spares_.push_back(std::move(to));
      return;
    }
  }
  ::unlink(path.c_str());  // failing, it is found again at the next start
}

void SegmentStore::CountDiskBytes() {
  disk_bytes_ = 0;
  for (const auto& [number, segment] : segments_)
    disk_bytes_ += number == active_ ? segment->row.used : segment->row.size;
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
  const ssize_t n =
      ::pread(segment->file->fd.get(), &found.header, sizeof found.header, off_t(offset));
  if (n < 0) return FailErrno(segment->file->path, errno);
  const uint64_t end = offset + sizeof found.header + found.header.length;
  if (size_t(n) != sizeof found.header || found.header.magic != kBodyMagic ||
      end > segment->row.used)
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

Result<std::string> SegmentStore::Read(const BodyLocation& body, uint32_t offset, uint32_t length) {
  if (offset > body.length || length > body.length - offset)
    return Fail(ErrorCode::kInvalid, "queue: a read beyond the end of the body");
  Ref<File> file;
  {
    const std::lock_guard lock(mutex_);
    Segment* segment = Find(body.segment);
    if (segment == nullptr)
      return Fail(ErrorCode::kNotFound,
                  PathOf(body.segment) + ": the body has moved or gone; load its record again");
    if (Status opened = OpenFile(*segment->file); !opened) return std::unexpected(opened.error());
    file = segment->file;
  }
  std::string out(length, '\0');
  for (size_t done = 0; done < length;) {
    const ssize_t n = ::pread(file->fd.get(), out.data() + done, length - done,
                              off_t(body.offset + offset + done));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return FailErrno(file->path, errno);
    if (n == 0) return Fail(ErrorCode::kCorrupt, file->path + ": shorter than its records say");
    done += size_t(n);
  }
  // Recycled while we read: what came may be another's.
  if (file->retired.load())
    return Fail(ErrorCode::kNotFound,
                file->path + ": the body has moved or gone; load its record again");
  if (length == body.length && BodyChecksum(std::string_view(out)) != body.checksum)
    return Fail(ErrorCode::kCorrupt, file->path + ": damaged body at octet " +
                                         std::to_string(body.offset) + ", length " +
                                         std::to_string(body.length));
  return out;
}

}  // namespace sluice::queue
