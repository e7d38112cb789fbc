// tests/queue/faulty_disk.h — a disk that fails when told to.

#ifndef SLUICE_TESTS_QUEUE_FAULTY_DISK_H_
#define SLUICE_TESTS_QUEUE_FAULTY_DISK_H_

#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <utility>

#include "queue/disk.h"

namespace sluice::queue {

class FaultyDisk final : public Disk {
 public:
  int write_error = 0;
  int sync_error = 0;
  int reserve_error = 0;
  int records_reserve_error = 0;  // of data.mdb only
  int commit_error = 0;
  uint64_t free_bytes = UINT64_MAX;
  uint64_t syncs = 0;  // of body files, so far
  // Runs once, when a reader is about to read: what may happen under him.
  std::function<void()> before_read;

  int WriteAll(int fd, std::span<iovec> pieces, uint64_t offset) override {
    if (write_error == 0) return Disk::WriteAll(fd, pieces, offset);
    // As a full disk does it: a part is written.
    if (!pieces.empty()) Disk::WriteAll(fd, pieces.first(1), offset);
    return write_error;
  }
  int SyncData(int fd) override {
    syncs += 1;
    return sync_error != 0 ? sync_error : Disk::SyncData(fd);
  }
  int Reserve(int fd, uint64_t offset, uint64_t length) override {
    const std::string link = "/proc/self/fd/" + std::to_string(fd);
    if (records_reserve_error != 0 && std::filesystem::read_symlink(link).filename() == "data.mdb")
      return records_reserve_error;
    return reserve_error != 0 ? reserve_error : Disk::Reserve(fd, offset, length);
  }
  int ReadAt(int fd, std::span<char> into, uint64_t offset) override {
    if (auto run = std::exchange(before_read, nullptr)) run();
    return Disk::ReadAt(fd, into, offset);
  }
  uint64_t FreeBytes(const std::string& path) override {
    return free_bytes != UINT64_MAX ? free_bytes : Disk::FreeBytes(path);
  }
  int AllowCommit() override { return commit_error; }
};

}  // namespace sluice::queue

#endif  // SLUICE_TESTS_QUEUE_FAULTY_DISK_H_
