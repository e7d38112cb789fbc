// queue/disk.h — the seam to the file system: what tests make fail, and the lock file.
//
// PURPOSE   Body files are written through a Disk, so that a test can fill the disk or break a sync
//           at will. LMDB does its own writing; AllowCommit stands in for its faults.
// THREADS   ReadAt is called by any thread, all else by the writer.

#ifndef SLUICE_QUEUE_DISK_H_
#define SLUICE_QUEUE_DISK_H_

#include <sys/uio.h>

#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "engine/base/error.h"

namespace sluice::queue {

// The real one. Each method returns 0 or an errno.
class Disk {
 public:
  virtual ~Disk() = default;
  // Writes all of `pieces` at `offset`. Pieces are used up (their bases and lengths change).
  virtual int WriteAll(int fd, std::span<iovec> pieces, uint64_t offset);
  // Asks the kernel to begin writing a range out; only a hint.
  virtual void StartWriteback(int fd, uint64_t offset, uint64_t length);
  virtual int SyncData(int fd);
  // Reads all of `into` from `offset`; ENODATA when the file is shorter.
  virtual int ReadAt(int fd, std::span<char> into, uint64_t offset);
  // Makes room on disk for [offset, offset + length), and the file at least that long.
  virtual int Reserve(int fd, uint64_t offset, uint64_t length);
  // What is free for us on the file system of `path`; UINT64_MAX when it cannot tell.
  virtual uint64_t FreeBytes(const std::string& path);
  // Asked right before each LMDB commit.
  virtual int AllowCommit() { return 0; }
};

// "<path>: <what the system said>", and whose it is where that is why; kFull where there is no room,
// else kIo.
std::unexpected<Error> FailErrno(const std::string& path, int error);
bool IsNoSpace(int error);

// Makes names in a folder durable: files made, renamed.
int SyncFolder(const std::string& path);

// Owns a file descriptor.
class Fd {
 public:
  Fd() = default;
  explicit Fd(int fd) : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(other.Take()) {}
  Fd& operator=(Fd&& other) noexcept;
  ~Fd();

  int get() const { return fd_; }
  bool valid() const { return fd_ >= 0; }

 private:
  int Take() {
    const int fd = fd_;
    fd_ = -1;
    return fd;
  }
  int fd_ = -1;
};

// Holds FOLDER/lock for this process; kBusy names the process that has it.
Result<Fd> LockFolder(const std::string& folder);

}  // namespace sluice::queue

#endif  // SLUICE_QUEUE_DISK_H_
