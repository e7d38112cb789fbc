// queue/segments.h — bodies in append-only, preallocated, recycled files.
//
// PURPOSE   One group of bodies is staged, written with few pwritev calls, and synced; then the
//           records that name them commit. What no record names is garbage and is never looked at,
//           so a crash costs nothing. Before each body lies a small header (its message id), so
//           that compaction can walk a file without an index.
// FLOW      Stage... Write, Sync -> (the records commit) -> Commit; or Abort. Free at any time
//           between. Changes tells which segment rows the same transaction must write.
// RECYCLING A segment without live octets leaves with the commit that freed the last of them. Its
//           file then waits in a pool of spares, keeps its blocks, and is renamed for a new number;
//           numbers never repeat. A reader who still holds a file that was recycled under him
//           notices (`retired`, set before the first new octet is written) and gets kNotFound: he
//           must Load the recipient again, which gives the body's new place.
// THREADS   Read from any thread; all else belongs to the writer. `mutex_` guards the set of files.
// LIMITS    kMaxSegments files (descriptors), kMaxSpares spares.
// TESTS     tests/queue/segments_test.cc

#ifndef SLUICE_QUEUE_SEGMENTS_H_
#define SLUICE_QUEUE_SEGMENTS_H_

#include <sys/uio.h>

#include <atomic>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/body.h"
#include "engine/base/error.h"
#include "engine/base/message_id.h"
#include "engine/base/ref.h"
#include "queue/codec.h"
#include "queue/disk.h"
#include "queue/records.h"

namespace sluice::queue {

// Empty files kept for the next segments: a commit's worth of turnover, 256 MiB at most.
inline constexpr size_t kMaxSpares = 4;
// One descriptor each. With a larger queue.max_bytes the segments grow instead.
inline constexpr uint64_t kMaxSegments = 1024;

// Lies before each body. Never changes without a new magic.
struct BodyHeader {
  uint32_t magic = 0;
  uint32_t length = 0;
  uint64_t message = 0;
  uint64_t checksum = 0;
};
inline constexpr uint32_t kBodyMagic = 0x31594442;  // "BDY1"
static_assert(sizeof(BodyHeader) == 24);

struct SegmentOptions {
  std::string path;
  uint64_t segment_bytes = 0;
  bool sync = true;
};

class SegmentStore {
 public:
  SegmentStore(SegmentOptions options, Disk* disk);
  ~SegmentStore();
  SegmentStore(const SegmentStore&) = delete;
  SegmentStore& operator=(const SegmentStore&) = delete;

  // Once, before all else: what the segment table says. Files that it does not name become spares
  // or go. A row that could not be read is given with `pinned`: its file is kept as it is for good.
  struct Known {
    SegmentRow row;
    bool pinned = false;
  };
  Status Recover(const std::vector<Known>& known, uint32_t active, uint32_t next);

  // ---- the writer's group ----
  // Gives a body its place. Its octets must live until Write. kFull, kIo: no file could be made.
  Result<BodyLocation> Stage(MessageId id, const Body* content);
  Result<BodyLocation> Stage(MessageId id, std::string_view content);
  Status Write();
  // Everything staged is on disk, names of files included. An error: nobody knows what is.
  Status Sync();
  // A body that is named by no record any more (or was staged in vain).
  void Free(const BodyLocation& body);
  // Rows that changed, and numbers of rows to delete.
  void Changes(std::vector<SegmentRow>& put, std::vector<uint32_t>& gone);
  void Commit();
  void Abort();

  uint32_t active() const { return active_; }
  uint32_t next() const { return next_; }
  // Octets that count: sealed files whole, the active one as far as it is used.
  uint64_t disk_bytes() const { return disk_bytes_; }

  // ---- compaction, the writer's ----
  // A sealed segment with less than `live_percent` of its octets live, the emptiest first.
  std::optional<uint32_t> NearlyEmpty(uint64_t live_percent) const;
  // The body whose header lies at `offset`; `offset` moves behind it. None: the end. kCorrupt: what
  // lies there is no body.
  struct Found {
    BodyHeader header;
    BodyLocation body;
  };
  Result<std::optional<Found>> Walk(uint32_t segment, uint64_t& offset);
  // Never tries to compact it again (it holds octets that could not be read).
  void Pin(uint32_t segment);
  // All bodies were walked and copied out, in this group: the segment goes with it, unless its
  // count says that something still lives there.
  void SealEmptied(uint32_t segment);

  // ---- any thread ----
  Result<std::string> Read(const BodyLocation& body, uint32_t offset, uint32_t length);

 private:
  // An open file, shared with the readers that are in the middle of it.
  class File : public RefCounted<File> {
   public:
    explicit File(std::string where) : path(std::move(where)) {}
    const std::string path;
    Fd fd;  // opened under mutex_
    std::atomic<bool> retired{false};
  };
  struct Segment {
    SegmentRow row;            // as last committed
    SegmentRow staged;         // with this group's changes
    uint64_t virgin_from = 0;  // blocks from here on were never written
    bool dirty = false;
    bool pinned = false;
    Ref<File> file;
  };
  // The octets of one group for one segment.
  struct Run {
    Segment* segment;
    uint64_t offset;
    uint64_t length;
    size_t first_piece;
  };

  std::string PathOf(uint32_t number) const;
  Status Adopt(const std::string& name);
  // Room for `length` octets in the active segment; makes a new one when needed.
  Result<Segment*> Room(uint64_t length);
  Result<Segment*> Activate(uint64_t size);
  Result<BodyLocation> Place(MessageId id, uint64_t length, uint64_t checksum);
  int ZeroAhead(Segment& segment, uint64_t group_bytes);
  void Touch(Segment& segment);
  void Retire(uint32_t number);
  Segment* Find(uint32_t number);
  Status OpenFile(File& file);
  void CountDiskBytes();

  // Constant after construction.
  const SegmentOptions options_;
  Disk* const disk_;

  std::mutex mutex_;
  std::map<uint32_t, std::unique_ptr<Segment>> segments_;  // shape: written under mutex_

  // The writer's.
  std::vector<std::string> spares_;  // paths of empty files of segment_bytes
  uint64_t spare_serial_ = 0;
  uint32_t active_ = 0;
  uint32_t next_ = 1;
  uint64_t disk_bytes_ = 0;
  bool folder_dirty_ = false;
  std::vector<Segment*> dirty_;
  std::vector<Run> runs_;
  std::vector<iovec> pieces_;
  std::deque<BodyHeader> headers_;  // stable addresses for pieces_
};

}  // namespace sluice::queue

#endif  // SLUICE_QUEUE_SEGMENTS_H_
