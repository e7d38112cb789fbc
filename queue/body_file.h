// queue/body_file.h — a large body in a file of its own, written while it arrives.
//
// PURPOSE   What is larger than kBodyBlock never lies in memory as a whole: its pieces go to
//           bodies/<message id> as they come, and it leaves by windows. Small bodies share segment
//           files (segments.h).
// FORMAT    [room of kBodyHeadroom, what stands in front at its end][content][a checksum for each
//           block of kBodyBlock]. The record's checksum is that of the table of checksums, so that
//           every window is checked, whatever its size. The name is the message's id: nothing is
//           renamed, and a file that no record names is found by its name.
// FLOW      Create -> Append... -> Finish (synced, its name too) -> Insert.file. Dropped before a
//           commit has kept it, the file goes.
// THREADS   BodyFile: one thread at a time, never a loop's (it waits for the disk); size() is its
//           owner's. BodyFiles: Create and Read from any thread, the rest is the writer's.
// TESTS     tests/queue/body_file_test.cc

#ifndef SLUICE_QUEUE_BODY_FILE_H_
#define SLUICE_QUEUE_BODY_FILE_H_

#include <dirent.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/body.h"
#include "engine/base/error.h"
#include "engine/base/message_id.h"
#include "engine/base/ref.h"
#include "queue/disk.h"
#include "queue/records.h"

namespace sluice::queue {

// Bodies over this have files of their own; windows of them are read and checked by blocks.
inline constexpr uint32_t kBodyBlock = 256 * 1024;
// What can be put in front of a body once all of it is there.
inline constexpr uint32_t kBodyHeadroom = 16 * 1024;
// BodyLocation.segment of a body file; the offset is the message's id then.
inline constexpr uint32_t kOwnFile = UINT32_MAX;

class BodyFiles;

class BodyFile : public RefCounted<BodyFile> {
 public:
  ~BodyFile();

  // Writes `piece` behind what is there. kFull: no room, on the disk or in queue.max_bytes.
  Status Append(const Body& piece);
  // The content is whole. Puts `front` (kBodyHeadroom at most) before it, writes the checksums,
  // syncs all of it. Once.
  Status Finish(std::string_view front);

  // A record names it, or may: it stays when this object goes.
  void Keep();

  MessageId id() const { return id_; }
  // After Finish.
  const BodyLocation& location() const { return location_; }

 private:
  friend class BodyFiles;
  BodyFile(BodyFiles& files, MessageId id, std::string path, Fd fd)
      : files_(files), id_(id), path_(std::move(path)), fd_(std::move(fd)) {}
  Result<std::vector<char>> Table(uint64_t from, uint32_t length);
  void CountArriving(uint64_t octets);

  BodyFiles& files_;
  const MessageId id_;
  const std::string path_;
  Fd fd_;
  uint64_t written_ = 0;  // of content
  uint64_t counted_ = 0;  // of files_.arriving_
  bool kept_ = false;
  BodyLocation location_;
};

struct BodyFilesOptions {
  std::string queue_path;
  uint64_t max_bytes = 0;
  uint64_t min_free_bytes = 0;
  bool sync = true;
};

class BodyFiles {
 public:
  // `disk` outlives this, and this every BodyFile.
  BodyFiles(BodyFilesOptions options, Disk* disk);
  ~BodyFiles();
  BodyFiles(const BodyFiles&) = delete;
  BodyFiles& operator=(const BodyFiles&) = delete;

  // Makes the folder.
  Status Open();

  // ---- any thread ----
  Result<Ref<BodyFile>> Create(MessageId id);
  // Octets [offset, offset + length) of the body, checked. kNotFound: it is gone.
  Result<std::string> Read(const BodyLocation& body, uint32_t offset, uint32_t length);

  // ---- the writer's ----
  // The octets that the rest of the queue takes: what is left of max_bytes is for arriving files.
  void SetTaken(uint64_t octets) { taken_.store(octets, std::memory_order_relaxed); }
  void Remove(MessageId id);
  // What a file of a body of this length takes, about.
  static uint64_t Footprint(uint64_t length);
  // Looks at the files of earlier runs, some at a time: those whose message is not `known` go.
  // False: all were looked at.
  bool SweepSome(MessageId first_of_run, const std::function<bool(MessageId)>& known);

 private:
  friend class BodyFile;
  std::string PathOf(MessageId id) const;
  Status Admit(uint64_t octets);

  const BodyFilesOptions options_;
  const std::string folder_;
  Disk* const disk_;
  std::atomic<uint64_t> arriving_{0};  // octets of files that no commit has kept
  std::atomic<uint64_t> taken_{0};
  struct CloseDir {
    void operator()(DIR* dir) const;
  };
  std::unique_ptr<DIR, CloseDir> sweep_;
  bool swept_ = false;
};

}  // namespace sluice::queue

#endif  // SLUICE_QUEUE_BODY_FILE_H_
