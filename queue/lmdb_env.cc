#include "queue/lmdb_env.h"

#include <lmdb.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstdio>

#include "engine/base/check.h"

namespace sluice::queue {
namespace {

// Reader threads and control calls at once; a slot is 64 octets.
constexpr unsigned kMaxReaders = 512;

constexpr std::array<const char*, kTables> kTableNames = {
    "meta", "message", "recipient", "lane", "due", "outbox", "segment", "suspension", "order"};

MDB_val ValOf(std::string_view bytes) { return {bytes.size(), const_cast<char*>(bytes.data())}; }
std::string_view ViewOf(const MDB_val& val) {
  return {static_cast<const char*>(val.mv_data), val.mv_size};
}

ErrorCode CodeOf(int rc) {
  switch (rc) {
    case MDB_MAP_FULL:
    case ENOSPC:
    case EDQUOT:
      return ErrorCode::kFull;
    case MDB_CORRUPTED:
    case MDB_PAGE_NOTFOUND:
    case MDB_INVALID:
    case MDB_VERSION_MISMATCH:
      return ErrorCode::kCorrupt;
    default:
      return ErrorCode::kIo;
  }
}

std::unexpected<Error> FailRc(const std::string& file, int rc) {
  std::string what = file + ": " + mdb_strerror(rc);
  if (rc == MDB_MAP_FULL) what += "; raise queue.map_size";
  if (rc == MDB_INVALID || rc == MDB_VERSION_MISMATCH)
    what += "; this is no queue file of this program: restore it, or move the folder away";
  if (rc == MDB_CORRUPTED || rc == MDB_PAGE_NOTFOUND)
    what += "; the file is damaged: restore the folder from a copy";
  return Fail(CodeOf(rc), std::move(what));
}

// LMDB ends the process after this: its pages contradict each other, and nothing that is read from
// them could be trusted. The error names what to do; standard error is all there is by then.
void OnContradiction(MDB_env* env, const char* what) {
  const char* folder = nullptr;
  if (mdb_env_get_path(env, &folder) != 0 || folder == nullptr) folder = "the queue";
  std::fprintf(stderr, "%s/data.mdb: damaged (%s); restore the folder from a copy\n", folder, what);
}

}  // namespace

const char* TableName(Table table) { return kTableNames[size_t(table)]; }

Result<std::unique_ptr<LmdbEnv>> LmdbEnv::Open(const std::string& path, uint64_t map_size,
                                               bool sync) {
  std::unique_ptr<LmdbEnv> env(new LmdbEnv(path + "/data.mdb"));
  // NOTLS: read transactions belong to calls, not to threads. Not NORDAHEAD: after a cold start,
  // with 300,000 messages waiting, reading ahead brings the first 5,000 due rows in 90 ms instead
  // of 890; it would only lose with far more records than memory, and they are small.
  unsigned flags = MDB_NOTLS;
  if (!sync) flags |= MDB_NOSYNC;

  int rc = mdb_env_create(&env->env_);
  if (rc == 0) rc = mdb_env_set_assert(env->env_, OnContradiction);
  if (rc == 0) rc = mdb_env_set_maxdbs(env->env_, unsigned(kTables));
  if (rc == 0) rc = mdb_env_set_maxreaders(env->env_, kMaxReaders);
  if (rc == 0) rc = mdb_env_set_mapsize(env->env_, map_size);
  if (rc == 0) rc = mdb_env_open(env->env_, path.c_str(), flags, 0600);
  if (rc == 0) rc = mdb_env_get_fd(env->env_, &env->data_fd_);
  // A file that was cut short would end the process (SIGBUS) at the first page that is missing.
  struct stat file;
  if (rc == 0 && ::fstat(env->data_fd_, &file) == 0 &&
      uint64_t(file.st_size) < env->high_water_bytes())
    return Fail(ErrorCode::kCorrupt, env->file_ + ": cut short; restore the folder from a copy");
  MDB_txn* txn = nullptr;
  if (rc == 0) rc = mdb_txn_begin(env->env_, nullptr, 0, &txn);
  for (size_t i = 0; rc == 0 && i < kTables; ++i)
    rc = mdb_dbi_open(txn, kTableNames[i], MDB_CREATE, &env->dbi_[i]);
  if (rc == 0) {
    rc = mdb_txn_commit(txn);
  } else if (txn != nullptr) {
    mdb_txn_abort(txn);
  }
  if (rc != 0) return FailRc(env->file_, rc);

  MDB_envinfo info;
  mdb_env_info(env->env_, &info);
  env->map_size_ = info.me_mapsize;
  return env;
}

LmdbEnv::~LmdbEnv() {
  if (env_ != nullptr) mdb_env_close(env_);
}

uint64_t LmdbEnv::high_water_bytes() const {
  MDB_envinfo info;
  MDB_stat stat;
  mdb_env_info(env_, &info);
  mdb_env_stat(env_, &stat);
  return (uint64_t(info.me_last_pgno) + 1) * stat.ms_psize;
}

Txn::Txn(LmdbEnv& env, Mode mode) : env_(env) {
  rc_ = mdb_txn_begin(env.env_, nullptr, mode == Mode::kRead ? MDB_RDONLY : 0, &txn_);
  if (rc_ != 0) txn_ = nullptr;
}

Txn::~Txn() {
  if (txn_ != nullptr) mdb_txn_abort(txn_);
}

std::optional<std::string_view> Txn::Get(Table table, std::string_view key) {
  if (failed()) return std::nullopt;
  MDB_val k = ValOf(key), v;
  const int rc = mdb_get(txn_, env_.dbi_[size_t(table)], &k, &v);
  if (rc == 0) return ViewOf(v);
  if (rc != MDB_NOTFOUND) Keep(rc);
  return std::nullopt;
}

void Txn::Put(Table table, std::string_view key, std::string_view value) {
  if (failed()) return;
  MDB_val k = ValOf(key), v = ValOf(value);
  Keep(mdb_put(txn_, env_.dbi_[size_t(table)], &k, &v, 0));
}

void Txn::Append(Table table, std::string_view key, std::string_view value) {
  if (failed()) return;
  MDB_val k = ValOf(key), v = ValOf(value);
  Keep(mdb_put(txn_, env_.dbi_[size_t(table)], &k, &v, MDB_APPEND));
}

bool Txn::Delete(Table table, std::string_view key) {
  if (failed()) return false;
  MDB_val k = ValOf(key);
  const int rc = mdb_del(txn_, env_.dbi_[size_t(table)], &k, nullptr);
  if (rc != 0 && rc != MDB_NOTFOUND) Keep(rc);
  return rc == 0;
}

uint64_t Txn::Rows(Table table) {
  if (failed()) return 0;
  MDB_stat stat;
  const int rc = mdb_stat(txn_, env_.dbi_[size_t(table)], &stat);
  if (rc != 0) {
    Keep(rc);
    return 0;
  }
  return stat.ms_entries;
}

uint64_t Txn::BytesInUse() {
  if (failed()) return 0;
  constexpr unsigned kFreeList = 0;  // LMDB's own table of free pages
  uint64_t bytes = 0;
  const auto add = [&](unsigned dbi) {
    MDB_stat stat;
    if (mdb_stat(txn_, dbi, &stat) != 0) return;
    bytes += (stat.ms_branch_pages + stat.ms_leaf_pages + stat.ms_overflow_pages) * stat.ms_psize;
  };
  add(kFreeList);
  for (const unsigned dbi : env_.dbi_) add(dbi);
  return bytes;
}

bool Txn::full() const { return rc_ == MDB_MAP_FULL; }

Status Txn::status() const {
  if (rc_ == 0) return {};
  return FailRc(env_.file_, rc_);
}

Status Txn::Commit() {
  if (failed()) return status();
  CHECK(txn_ != nullptr);
  rc_ = mdb_txn_commit(txn_);
  txn_ = nullptr;  // LMDB frees it, committed or not
  return status();
}

Cursor::Cursor(Txn& txn, Table table) : txn_(txn) {
  if (txn.failed()) return;
  const int rc = mdb_cursor_open(txn.txn_, txn.env_.dbi_[size_t(table)], &cursor_);
  if (rc != 0) cursor_ = nullptr;
  txn.Keep(rc);
}

Cursor::~Cursor() {
  // LMDB frees the cursors of a write transaction itself when that has ended; ours end before it.
  if (cursor_ != nullptr) mdb_cursor_close(cursor_);
}

bool Cursor::Move(int op) {
  if (txn_.failed()) return false;
  MDB_val k = ValOf(key_), v{};
  const int rc = mdb_cursor_get(cursor_, &k, &v, MDB_cursor_op(op));
  if (rc != 0) {
    if (rc != MDB_NOTFOUND) txn_.Keep(rc);
    return false;
  }
  key_ = ViewOf(k);
  value_ = ViewOf(v);
  return true;
}

bool Cursor::First() { return Move(MDB_FIRST); }
bool Cursor::Last() { return Move(MDB_LAST); }
bool Cursor::Next() { return Move(MDB_NEXT); }

bool Cursor::AtLeast(std::string_view key) {
  key_ = key;
  return Move(MDB_SET_RANGE);
}

void Cursor::Delete() {
  if (!txn_.failed()) txn_.Keep(mdb_cursor_del(cursor_, 0));
}

}  // namespace sluice::queue
