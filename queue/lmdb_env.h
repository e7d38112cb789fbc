// queue/lmdb_env.h — LMDB behind a narrow door: tables, transactions, cursors.
//
// PURPOSE   The only place that knows LMDB. A transaction remembers its first failure: later calls
//           do nothing, and Commit() gives that failure, so that callers check once.
// THREADS   Write transactions on one thread at a time (LMDB's own lock), read transactions on any.
// LIFETIME  Views into the map live until the next write of the transaction or its end: decode at
//           once, keep nothing. No transaction outlives the function that opened it.
// LIMITS    The map is reserved once; when it is full, full() tells, and nothing was written.
// BUGS      LMDB trusts its own pages: a bit that turned in a branch page, not in a record of ours,
//           may end the process; then the folder must be restored from a copy.

#ifndef SLUICE_QUEUE_LMDB_ENV_H_
#define SLUICE_QUEUE_LMDB_ENV_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "engine/base/error.h"

struct MDB_cursor;
struct MDB_env;
struct MDB_txn;

namespace sluice::queue {

enum class Table : uint8_t {
  kMeta,
  kMessage,
  kRecipient,
  kLane,
  kDue,
  kOutbox,
  kSegment,
  kSuspension,
  kOrder,
  kCount
};
inline constexpr size_t kTables = size_t(Table::kCount);
const char* TableName(Table table);

class LmdbEnv {
 public:
  // Opens or makes data.mdb in `path`, with all tables.
  static Result<std::unique_ptr<LmdbEnv>> Open(const std::string& path, uint64_t map_size,
                                               bool sync);
  ~LmdbEnv();
  LmdbEnv(const LmdbEnv&) = delete;
  LmdbEnv& operator=(const LmdbEnv&) = delete;

  int data_fd() const { return data_fd_; }  // of data.mdb, for preallocation only
  uint64_t map_size() const { return map_size_; }
  // The end of what was ever used of data.mdb.
  uint64_t high_water_bytes() const;
  const std::string& file() const { return file_; }

 private:
  friend class Txn;
  friend class Cursor;
  explicit LmdbEnv(std::string file) : file_(std::move(file)) {}

  const std::string file_;
  MDB_env* env_ = nullptr;
  std::array<unsigned, kTables> dbi_{};
  uint64_t map_size_ = 0;
  int data_fd_ = -1;
};

class Txn {
 public:
  enum class Mode : uint8_t { kRead, kWrite };
  Txn(LmdbEnv& env, Mode mode);
  ~Txn();  // ends without committing
  Txn(const Txn&) = delete;
  Txn& operator=(const Txn&) = delete;

  // None: no such key, or the transaction has failed.
  std::optional<std::string_view> Get(Table table, std::string_view key);
  void Put(Table table, std::string_view key, std::string_view value);
  // As Put, for a key larger than all that the table ever held: no search, full pages.
  void Append(Table table, std::string_view key, std::string_view value);
  bool Delete(Table table, std::string_view key);

  uint64_t Rows(Table table);
  // Pages that hold something now, in octets, of all tables and the free list.
  uint64_t BytesInUse();

  bool failed() const { return rc_ != 0; }
  bool full() const;  // it failed because the map is full
  Status status() const;
  Status Commit();

 private:
  friend class Cursor;
  void Keep(int rc) {
    if (rc_ == 0) rc_ = rc;
  }

  LmdbEnv& env_;
  MDB_txn* txn_ = nullptr;
  int rc_ = 0;
};

// Walks one table. Dies before its transaction.
class Cursor {
 public:
  Cursor(Txn& txn, Table table);
  ~Cursor();
  Cursor(const Cursor&) = delete;
  Cursor& operator=(const Cursor&) = delete;

  // Each is false at the end, or when the transaction has failed.
  bool First();
  bool Last();
  bool Next();
  bool AtLeast(std::string_view key);  // the first row whose key is not less

  std::string_view key() const { return key_; }
  std::string_view value() const { return value_; }
  void Delete();  // Next() then goes to the row after

 private:
  bool Move(int op);

  Txn& txn_;
  MDB_cursor* cursor_ = nullptr;
  std::string_view key_;
  std::string_view value_;
};

}  // namespace sluice::queue

#endif  // SLUICE_QUEUE_LMDB_ENV_H_
