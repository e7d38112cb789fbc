#include "queue/disk.h"

#include <fcntl.h>
#include <limits.h>
#include <pwd.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <utility>

namespace sluice::queue {

int Disk::WriteAll(int fd, std::span<iovec> pieces, uint64_t offset) {
  while (!pieces.empty()) {
    const int count = int(std::min<size_t>(pieces.size(), IOV_MAX));
    ssize_t n = ::pwritev(fd, pieces.data(), count, off_t(offset));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return errno;
    offset += uint64_t(n);
    while (!pieces.empty() && size_t(n) >= pieces.front().iov_len) {
      n -= ssize_t(pieces.front().iov_len);
      pieces = pieces.subspan(1);
    }
    if (n > 0) {
      pieces.front().iov_base = static_cast<char*>(pieces.front().iov_base) + n;
      pieces.front().iov_len -= size_t(n);
    }
  }
  return 0;
}

void Disk::StartWriteback(int fd, uint64_t offset, uint64_t length) {
  ::sync_file_range(fd, off64_t(offset), off64_t(length), SYNC_FILE_RANGE_WRITE);
}

int Disk::ReadAt(int fd, std::span<char> into, uint64_t offset) {
  while (!into.empty()) {
    const ssize_t n = ::pread(fd, into.data(), into.size(), off_t(offset));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return errno;
    if (n == 0) return ENODATA;
    into = into.subspan(size_t(n));
    offset += uint64_t(n);
  }
  return 0;
}

int Disk::SyncData(int fd) { return ::fdatasync(fd) == 0 ? 0 : errno; }

int Disk::Reserve(int fd, uint64_t offset, uint64_t length) {
  return ::posix_fallocate(fd, off_t(offset), off_t(length));
}

uint64_t Disk::FreeBytes(const std::string& path) {
  struct statvfs stat;
  if (::statvfs(path.c_str(), &stat) != 0) return UINT64_MAX;
  return uint64_t(stat.f_bavail) * stat.f_frsize;
}

bool IsNoSpace(int error) { return error == ENOSPC || error == EDQUOT || error == EFBIG; }

namespace {

// "user "sluice"", or "uid 1234" where nobody has that number.
std::string UserOf(uid_t uid) {
  std::array<char, 16384> room;
  passwd entry{};
  passwd* found = nullptr;
  if (::getpwuid_r(uid, &entry, room.data(), room.size(), &found) == 0 && found != nullptr)
    return std::string("user \"") + found->pw_name + "\"";
  return "uid " + std::to_string(uid);
}

// Whose the file is, or the folder that it should be made in. Empty: ours, or nobody can tell.
std::string WhoseIs(const std::string& path) {
  struct stat info{};
  const std::string folder = path.substr(0, path.rfind('/') + 1);
  if (::stat(path.c_str(), &info) != 0 && (folder.empty() || ::stat(folder.c_str(), &info) != 0))
    return {};
  if (info.st_uid == ::geteuid()) return {};
  return "; it belongs to " + UserOf(info.st_uid) + ", and this runs as " + UserOf(::geteuid()) +
         ": run it as the owner, or give the whole folder away with chown -R";
}

}  // namespace

std::unexpected<Error> FailErrno(const std::string& path, int error) {
  std::string text = path + ": " + std::strerror(error);
  if (error == EACCES || error == EPERM) text += WhoseIs(path);
  return Fail(IsNoSpace(error) ? ErrorCode::kFull : ErrorCode::kIo, std::move(text));
}

int SyncFolder(const std::string& path) {
  const Fd fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd.valid() || ::fsync(fd.get()) != 0) return errno;
  return 0;
}

Fd& Fd::operator=(Fd&& other) noexcept {
  if (this == &other) return *this;
  if (fd_ >= 0) ::close(fd_);
  fd_ = other.Take();
  return *this;
}

Fd::~Fd() {
  if (fd_ >= 0) ::close(fd_);
}

Result<Fd> LockFolder(const std::string& folder) {
  const std::string path = folder + "/lock";
  Fd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!fd.valid()) return FailErrno(path, errno);
  std::array<char, 32> text{};
  if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return FailErrno(path, errno);
    const ssize_t n = ::pread(fd.get(), text.data(), text.size() - 1, 0);
    const long pid = n > 0 ? std::strtol(text.data(), nullptr, 10) : 0;
    return Fail(ErrorCode::kBusy, folder + ": this queue is in use by process " +
                                      (pid > 0 ? std::to_string(pid) : std::string("unknown")) +
                                      "; stop it first, or set another queue.path");
  }
  const std::string pid = std::to_string(::getpid()) + "\n";
  if (::ftruncate(fd.get(), 0) != 0 ||
      ::pwrite(fd.get(), pid.data(), pid.size(), 0) != ssize_t(pid.size()))
    return FailErrno(path, errno);
  return fd;
}

}  // namespace sluice::queue
