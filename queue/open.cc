// Opening and recovery: nothing is scanned, whatever the queue holds.

#include <sys/random.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <system_error>

#include "engine/base/check.h"
#include "queue/hash.h"
#include "queue/keys.h"
#include "queue/store.h"

namespace sluice::queue {
namespace {

constexpr std::string_view kFormatKey = "format";
constexpr std::string_view kSeedKey = "seed";
constexpr std::string_view kStateKey = "state";

// Runs are the upper 24 bits of a message id.
constexpr uint64_t kMaxRun = (uint64_t(1) << (64 - kMessageIdCountBits)) - 1;

QueueOptions Adjusted(QueueOptions options) {
  constexpr uint64_t kPage = 4096;
  options.segment_bytes = std::max(options.segment_bytes, options.max_bytes / kMaxSegments);
  options.segment_bytes = std::max(kPage, options.segment_bytes / kPage * kPage);
  return options;
}

Status MakeFolder(const std::string& given) {
  const std::filesystem::path path(given);
  std::error_code error;
  if (std::filesystem::is_directory(path, error)) return {};
  std::filesystem::create_directories(path, error);
  if (!error) std::filesystem::permissions(path, std::filesystem::perms::owner_all, error);
  if (error) return FailErrno("cannot make the folder of the queue, " + given, error.value());
  // Its name must last as long as what will be in it.
  const std::filesystem::path parent = std::filesystem::absolute(path, error).parent_path();
  if (!error) (void)SyncFolder(parent.string());
  return {};
}

std::unexpected<Error> Damaged(const std::string& file, std::string_view key) {
  return Fail(ErrorCode::kCorrupt, file + ": table meta, key " + std::string(key) +
                                       ": damaged; restore the folder from a copy");
}

Result<uint32_t> FormatOf(std::string_view text, const std::string& file) {
  uint64_t number = 0;
  if (text.empty() || text.size() > 9) return Damaged(file, kFormatKey);
  for (const char c : text) {
    if (c < '0' || c > '9') return Damaged(file, kFormatKey);
    number = number * 10 + uint64_t(c - '0');
  }
  return uint32_t(number);
}

uint64_t SystemDice() {
  uint64_t seed = 0;
  while (::getrandom(&seed, sizeof seed, 0) != sizeof seed) CHECK(errno == EINTR);
  return seed;
}

}  // namespace

Result<std::unique_ptr<Queue>> Queue::Open(const QueueOptions& options) {
  return Store::Open(options);
}

Store::Store(QueueOptions options, Fd lock, std::unique_ptr<LmdbEnv> env)
    : options_(std::move(options)),
      lock_(std::move(lock)),
      disk_(options_.disk != nullptr ? options_.disk : &own_disk_),
      env_(std::move(env)),
      segments_({options_.path, options_.segment_bytes, options_.sync}, disk_),
      files_({options_.path, options_.max_bytes, options_.min_free_bytes, options_.sync}, disk_) {}

Store::~Store() = default;

Result<std::unique_ptr<Queue>> Store::Open(const QueueOptions& given) {
  const QueueOptions options = Adjusted(given);
  if (Status made = MakeFolder(options.path); !made) return std::unexpected(made.error());
  Result<Fd> lock = LockFolder(options.path);
  if (!lock) return std::unexpected(lock.error());
  auto env = LmdbEnv::Open(options.path, options.map_size, options.sync);
  if (!env) return std::unexpected(env.error());
  std::unique_ptr<Store> store(new Store(options, std::move(*lock), std::move(*env)));
  if (Status recovered = store->Recover(); !recovered) return std::unexpected(recovered.error());
  if (options.sync)
    if (const int error = SyncFolder(options.path); error != 0)
      return FailErrno(options.path, error);
  return store;
}

Status Store::Recover() {
  Txn txn(*env_, Txn::Mode::kWrite);
  bool fresh = false;
  if (Status meta = ReadMeta(txn, fresh); !meta) return meta;
  std::vector<SegmentStore::Known> known;
  if (Status read = ReadSegments(txn, known); !read) return read;
  {
    Cursor last(txn, Table::kMessage);
    if (last.Last() && last.key().size() == kMessageKeySize)
      last_message_ = GetBig64(last.key().data());
  }

  if (state_.run >= kMaxRun)
    return Fail(ErrorCode::kInvalid,
                env_->file() +
                    ": opened 16,777,215 times, message ids are used up: drain this "
                    "queue and begin a new one");
  state_.run += 1;
  run_ = state_.run;
  if (fresh) {
    seed_ = options_.seed != 0 ? options_.seed : SystemDice();
    EncodeSeed(seed_, record_);
    txn.Put(Table::kMeta, kSeedKey, record_);
    txn.Put(Table::kMeta, kFormatKey, std::to_string(kFormat));
  }
  EncodeState(state_, record_);
  txn.Put(Table::kMeta, kStateKey, record_);
  DropDamagedSuspensions(txn);
  records_bytes_ = txn.BytesInUse();
  if (Status committed = txn.Commit(); !committed) return committed;

  if (Status recovered = segments_.Recover(known, state_.active_segment, state_.next_segment);
      !recovered)
    return recovered;
  state_.next_segment = segments_.next();
  if (Status made = files_.Open(); !made) return made;
  // Without this room a commit could fail in its middle, and what was delivered would not be
  // written down: better no start than mail sent twice after the next one.
  ReserveMap();
  if (map_reserve_failed_) return NoRoomToGrow();
  Publish();
  return {};
}

// `fresh`: there is nothing yet.
Status Store::ReadMeta(Txn& txn, bool& fresh) {
  const auto format = txn.Get(Table::kMeta, kFormatKey);
  if (txn.failed()) return txn.status();
  if (!format) {
    fresh = true;
    if (txn.Rows(Table::kMeta) != 0 || txn.Rows(Table::kMessage) != 0)
      return Damaged(env_->file(), kFormatKey);
    return {};
  }
  const Result<uint32_t> number = FormatOf(*format, env_->file());
  if (!number) return std::unexpected(number.error());
  if (*number > kFormat)
    return Fail(ErrorCode::kTooNew, options_.path + ": written by a newer version (queue format " +
                                        std::to_string(*number) + ", this program knows up to " +
                                        std::to_string(kFormat) +
                                        "); run that version or set another queue.path");
  const auto seed = txn.Get(Table::kMeta, kSeedKey);
  if (!seed || !DecodeSeed(*seed, seed_)) return Damaged(env_->file(), kSeedKey);
  const auto state = txn.Get(Table::kMeta, kStateKey);
  if (!state || !DecodeState(*state, state_)) return Damaged(env_->file(), kStateKey);
  return {};
}

Status Store::ReadSegments(Txn& txn, std::vector<SegmentStore::Known>& known) {
  Cursor row(txn, Table::kSegment);
  for (bool more = row.First(); more; more = row.Next()) {
    if (row.key().size() != kSegmentKeySize) continue;
    SegmentStore::Known k;
    k.row.number = GetBig32(row.key().data());
    if (!DecodeSegment(row.value(), k.row.number, k.row)) {
      // What of it lives is unknown: kept whole.
      k.row = {GetBig32(row.key().data()), options_.segment_bytes, options_.segment_bytes,
               options_.segment_bytes};
      k.pinned = true;
    }
    known.push_back(k);
  }
  return txn.status();
}

LaneId Store::LaneIdOf(const LaneKey& key) const { return HashLane(key, seed_); }

}  // namespace sluice::queue
