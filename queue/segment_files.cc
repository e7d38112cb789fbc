// The files under the segments: made, opened, adopted, recycled, read.

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <utility>

#include "engine/base/check.h"
#include "queue/hash.h"
#include "queue/segments.h"

namespace sluice::queue {
namespace {

constexpr std::string_view kBodyPrefix = "body-";
constexpr std::string_view kSparePrefix = "spare-";
constexpr std::string_view kSuffix = ".seg";

std::string NumberedName(std::string_view prefix, uint64_t number) {
  char digits[24];
  std::snprintf(digits, sizeof digits, "%08llu", static_cast<unsigned long long>(number));
  return std::string(prefix) + digits + std::string(kSuffix);
}

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

Status SegmentStore::OpenFile(File& file) {
  if (file.fd.valid()) return {};
  Fd fd(::open(file.path.c_str(), O_RDWR | O_CLOEXEC));
  if (!fd.valid()) return FailErrno(file.path, errno);
  file.fd = std::move(fd);
  return {};
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
  const int error = disk_->ReadAt(file->fd.get(), out, body.offset + offset);
  if (error == ENODATA)
    return Fail(ErrorCode::kCorrupt, file->path + ": shorter than its records say");
  if (error != 0) return FailErrno(file->path, error);
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
