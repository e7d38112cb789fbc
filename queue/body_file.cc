#include "queue/body_file.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <utility>

#include "engine/base/check.h"
#include "queue/hash.h"

namespace sluice::queue {
namespace {

using Checksum = uint64_t;

// Names looked at in one slice of idle work.
constexpr int kSweepNames = 256;

uint64_t TableBytes(uint64_t length) {
  return (length + kBodyBlock - 1) / kBodyBlock * sizeof(Checksum);
}

std::unexpected<Error> Gone(const std::string& path) {
  return Fail(ErrorCode::kNotFound, path + ": the body is gone");
}

std::unexpected<Error> Damaged(const std::string& path, const char* what) {
  return Fail(ErrorCode::kCorrupt, path + ": damaged body: " + what);
}

}  // namespace

// ---- one file ----

BodyFile::~BodyFile() {
  files_.arriving_.fetch_sub(counted_, std::memory_order_relaxed);
  if (!kept_) ::unlink(path_.c_str());  // failing, the next start finds it
}

void BodyFile::CountArriving(uint64_t octets) {
  counted_ += octets;
  files_.arriving_.fetch_add(octets, std::memory_order_relaxed);
}

void BodyFile::Keep() {
  kept_ = true;
  files_.arriving_.fetch_sub(std::exchange(counted_, 0), std::memory_order_relaxed);
}

Status BodyFile::Append(const Body& piece) {
  CHECK(location_.length == 0);
  if (Status room = files_.Admit(piece.size()); !room) return room;
  CountArriving(piece.size());
  std::vector<iovec> pieces;
  piece.ForEachPiece(0, piece.size(), [&](std::string_view part) {
    pieces.push_back({const_cast<char*>(part.data()), part.size()});
  });
  const uint64_t at = kBodyHeadroom + written_;
  if (const int error = files_.disk_->WriteAll(fd_.get(), pieces, at); error != 0)
    return FailErrno(path_, error);
  // The disk works while the rest comes in, so that Finish finds little to do.
  if (files_.options_.sync) files_.disk_->StartWriteback(fd_.get(), at, piece.size());
  written_ += piece.size();
  return {};
}

// The checksums of the blocks of what lies at `from`. Read back (from memory, mostly): with
// something put in front, the blocks are known only at the end.
Result<std::vector<char>> BodyFile::Table(uint64_t from, uint32_t length) {
  std::vector<char> table;
  table.reserve(TableBytes(length));
  std::vector<char> block(std::min(length, kBodyBlock));
  for (uint32_t at = 0; at < length; at += kBodyBlock) {
    const std::span<char> part(block.data(), std::min(kBodyBlock, length - at));
    if (const int error = files_.disk_->ReadAt(fd_.get(), part, from + at); error != 0)
      return FailErrno(path_, error);
    const Checksum sum = BodyChecksum(std::string_view(part.data(), part.size()));
    const char* octets = reinterpret_cast<const char*>(&sum);
    table.insert(table.end(), octets, octets + sizeof sum);
  }
  return table;
}

Status BodyFile::Finish(std::string_view front) {
  CHECK(front.size() <= kBodyHeadroom);
  CHECK(location_.length == 0);
  if (written_ + front.size() > UINT32_MAX / 2)
    return Fail(ErrorCode::kInvalid, "queue: a body over 2 GiB");
  const uint64_t from = kBodyHeadroom - front.size();
  const auto length = uint32_t(written_ + front.size());
  Disk& disk = *files_.disk_;
  iovec piece{const_cast<char*>(front.data()), front.size()};
  if (!front.empty())
    if (const int error = disk.WriteAll(fd_.get(), {&piece, 1}, from); error != 0)
      return FailErrno(path_, error);
  Result<std::vector<char>> table = Table(from, length);
  if (!table) return std::unexpected(table.error());
  piece = {table->data(), table->size()};
  if (const int error = disk.WriteAll(fd_.get(), {&piece, 1}, from + length); error != 0)
    return FailErrno(path_, error);
  if (files_.options_.sync) {
    if (const int error = disk.SyncData(fd_.get()); error != 0) return FailErrno(path_, error);
    if (const int error = SyncFolder(files_.folder_); error != 0)
      return FailErrno(files_.folder_, error);
  }
  fd_ = {};
  location_ = {kOwnFile, length, id_, Hash64({table->data(), table->size()}, id_)};
  return {};
}

// ---- all of them ----

BodyFiles::BodyFiles(BodyFilesOptions options, Disk* disk)
    : options_(std::move(options)), folder_(options_.queue_path + "/bodies"), disk_(disk) {}

BodyFiles::~BodyFiles() = default;

void BodyFiles::CloseDir::operator()(DIR* dir) const { ::closedir(dir); }

Status BodyFiles::Open() {
  if (::mkdir(folder_.c_str(), 0700) != 0 && errno != EEXIST) return FailErrno(folder_, errno);
  return {};
}

std::string BodyFiles::PathOf(MessageId id) const { return folder_ + "/" + FormatMessageId(id); }

uint64_t BodyFiles::Footprint(uint64_t length) {
  return kBodyHeadroom + length + TableBytes(length);
}

Status BodyFiles::Admit(uint64_t octets) {
  if (taken_.load(std::memory_order_relaxed) + arriving_.load(std::memory_order_relaxed) + octets >
      options_.max_bytes)
    return Fail(ErrorCode::kFull, options_.queue_path + ": the queue holds queue.max_bytes (" +
                                      std::to_string(options_.max_bytes) + ")");
  if (options_.min_free_bytes > 0 && disk_->FreeBytes(folder_) < options_.min_free_bytes)
    return Fail(ErrorCode::kFull, folder_ + ": the file system has less than " +
                                      std::to_string(options_.min_free_bytes) +
                                      " octets free (queue.min_free_bytes): free some");
  return {};
}

Result<Ref<BodyFile>> BodyFiles::Create(MessageId id) {
  const std::string path = PathOf(id);
  Fd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  if (!fd.valid()) return FailErrno(path, errno);
  return Ref<BodyFile>(new BodyFile(*this, id, path, std::move(fd)));
}

Result<std::string> BodyFiles::Read(const BodyLocation& body, uint32_t offset, uint32_t length) {
  if (offset > body.length || length > body.length - offset)
    return Fail(ErrorCode::kInvalid, "queue: a read beyond the end of the body");
  const std::string path = PathOf(body.offset);
  const Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.valid()) return errno == ENOENT ? Gone(path) : FailErrno(path, errno);

  struct stat st;
  if (::fstat(fd.get(), &st) != 0) return FailErrno(path, errno);
  std::vector<char> table(TableBytes(body.length));
  const uint64_t behind = body.length + table.size();
  if (uint64_t(st.st_size) < behind || uint64_t(st.st_size) - behind > kBodyHeadroom)
    return Damaged(path, "its length is not what its record says");
  const uint64_t from = uint64_t(st.st_size) - behind;
  if (const int error = disk_->ReadAt(fd.get(), table, from + body.length); error != 0)
    return FailErrno(path, error);
  if (Hash64({table.data(), table.size()}, body.offset) != body.checksum)
    return Damaged(path, "its checksums");
  if (length == 0) return std::string();

  // Whole blocks are read, and what was not asked for is cut off at the end.
  const uint32_t first = offset / kBodyBlock * kBodyBlock;
  const uint32_t end = uint32_t(std::min<uint64_t>(
      (uint64_t(offset) + length - 1) / kBodyBlock * kBodyBlock + kBodyBlock, body.length));
  std::string out(end - first, '\0');
  if (const int error = disk_->ReadAt(fd.get(), out, from + first); error != 0)
    return FailErrno(path, error);
  for (uint32_t at = first; at < end; at += kBodyBlock) {
    Checksum sum = 0;
    std::memcpy(&sum, table.data() + at / kBodyBlock * sizeof sum, sizeof sum);
    const auto block = std::string_view(out).substr(at - first, kBodyBlock);
    if (BodyChecksum(block) != sum) return Damaged(path, "a block of it");
  }
  out.erase(0, offset - first);
  out.resize(length);
  return out;
}

void BodyFiles::Remove(MessageId id) { ::unlink(PathOf(id).c_str()); }

bool BodyFiles::SweepSome(MessageId first_of_run, const std::function<bool(MessageId)>& known) {
  if (swept_) return false;
  if (!sweep_) {
    // Not opendir: TSan does not see that open a file, and minds who had its number before.
    const int fd = ::open(folder_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0) sweep_.reset(::fdopendir(fd));
    if (fd >= 0 && !sweep_) ::close(fd);
  }
  for (int i = 0; sweep_ && i < kSweepNames; ++i) {
    const dirent* entry = ::readdir(sweep_.get());
    if (entry == nullptr) break;
    const auto id = ParseMessageId(entry->d_name);
    const bool old = id && *id < first_of_run;
    if (old && !known(*id)) Remove(*id);
    if (i + 1 == kSweepNames) return true;
  }
  sweep_.reset();
  swept_ = true;
  return false;
}

}  // namespace sluice::queue
