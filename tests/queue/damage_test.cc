// Damage on disk, foreign versions, second processes: told clearly, survived where possible.
// Method: rows are changed behind the queue's back, through the same LMDB door; body files as plain
// files.

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <string>
#include <vector>

#include "queue/disk.h"
#include "queue/keys.h"
#include "queue/lmdb_env.h"
#include "tests/queue/queue_fixture.h"

namespace sluice::queue {
namespace {

class QueueDamage : public QueueTest {
 protected:
  // Runs `change` on the closed queue's tables.
  void Tamper(const std::function<void(Txn&)>& change) {
    Close();
    auto env = LmdbEnv::Open(options_.path, options_.map_size, true);
    ASSERT_TRUE(env);
    Txn txn(**env, Txn::Mode::kWrite);
    change(txn);
    ASSERT_TRUE(txn.Commit());
  }
  // Opens, reads everything, writes; false as soon as something tells of damage.
  bool LookAtAll() {
    auto queue = Queue::Open(options_);
    if (!queue) return false;
    const auto lanes = (*queue)->Lanes(std::nullopt, 1000);
    if (!lanes) return false;
    std::vector<RecipientId> damaged;
    for (const LaneRow& lane : *lanes)
      if (!(*queue)->Due(lane.id, WallTime::max(), 1000, &damaged)) return false;
    const auto orphans = (*queue)->Orphans(0, 1000);
    if (!orphans || !(*queue)->Outbox(0, 0, 1000)) return false;
    for (const LoadedRecipient& found : orphans->found)
      if (!(*queue)->Load(found.recipient.id)) return false;
    Transaction finish = Of(MakeInsert((*queue)->first_id(), {"new@example.com"}));
    (*queue)->FreeOutbox(1000, 0);
    const auto committed = (*queue)->CommitAll(std::span(&finish, 1));
    return committed[0].status && damaged.empty() && orphans->damaged.empty();
  }
  void TurnABit(Table table, std::string_view key) {
    Tamper([&](Txn& txn) {
      const auto value = txn.Get(table, key);
      ASSERT_TRUE(value);
      std::string turned(*value);
      turned.back() = char(turned.back() ^ 4);
      txn.Put(table, key, turned);
    });
  }
};

TEST_F(QueueDamage, OfARecipientIsToldWithTableAndKeyAndSkippedByTheOthers) {
  Open();
  const RecipientId bad = Put("a@example.com"), good = Put("a@example.com");
  Postpone(bad, After(10));
  Postpone(good, After(20));
  TurnABit(Table::kRecipient, RecipientKey(bad).view());
  Open();
  const Error error = queue_->Load(bad).error();
  EXPECT_EQ(error.code, ErrorCode::kCorrupt);
  EXPECT_NE(error.what.find("table recipient"), std::string::npos);
  EXPECT_NE(error.what.find(FormatMessageId(bad.message) + "/0"), std::string::npos);
  std::vector<RecipientId> damaged;
  const auto due = queue_->Due(AllLanes()[0].id, After(100), 10, &damaged);
  ASSERT_TRUE(due);
  ASSERT_EQ(due->size(), 1u);
  EXPECT_EQ((*due)[0].recipient.id, good);
  EXPECT_EQ(damaged, std::vector<RecipientId>{bad});
  // Only the transaction that needs it fails.
  std::vector<Transaction> batch(2);
  batch[0].finishes.push_back({bad, {}});
  batch[1].finishes.push_back({good, {}});
  const std::vector<Committed> committed = queue_->CommitAll(batch);
  EXPECT_EQ(committed[0].status.error().code, ErrorCode::kCorrupt);
  EXPECT_TRUE(committed[1].status);
}

TEST_F(QueueDamage, OfAMessageIsToldForEachOfItsRecipients) {
  Open();
  const MessageId bad = next_id_++;
  ASSERT_TRUE(CommitOne(Of(MakeInsert(bad, {"a@x.example", "b@x.example"}))).status);
  const RecipientId good = Put();
  TurnABit(Table::kMessage, MessageKey(bad).view());
  Open();
  const auto sweep = queue_->Orphans(0, 100);
  ASSERT_TRUE(sweep);
  ASSERT_EQ(sweep->found.size(), 1u);
  EXPECT_EQ(sweep->found[0].recipient.id, good);
  EXPECT_EQ(sweep->damaged, (std::vector<RecipientId>{{bad, 0}, {bad, 1}}));
  Transaction finish;
  finish.finishes.push_back({{bad, 0}, {}});
  const Committed committed = CommitOne(finish);
  EXPECT_EQ(committed.status.error().code, ErrorCode::kCorrupt);
  EXPECT_NE(committed.status.error().what.find("table message"), std::string::npos);
}

TEST_F(QueueDamage, OfALaneRowIsMendedFromItsDueRows) {
  Open();
  std::vector<RecipientId> ids;
  for (int i = 0; i < 5; ++i) {
    ids.push_back(Put("a@example.com"));
    Postpone(ids.back(), After(50 + i));
  }
  const LaneId lane = AllLanes()[0].id;
  TurnABit(Table::kLane, LaneRowKey(lane).view());
  Open();
  std::vector<LaneRow> lanes = AllLanes();
  ASSERT_EQ(lanes.size(), 1u);
  EXPECT_EQ(lanes[0].key, (LaneKey{"example.com", "crm", "spring"}));
  EXPECT_EQ(lanes[0].waiting, 5u);
  EXPECT_EQ(lanes[0].next_due, After(50));
  Finish(ids[0]);  // writes it anew
  lanes = AllLanes();
  ASSERT_EQ(lanes.size(), 1u);
  EXPECT_EQ(lanes[0].key, (LaneKey{"example.com", "crm", "spring"}));
  EXPECT_EQ(lanes[0].waiting, 4u);
  EXPECT_EQ(lanes[0].next_due, After(51));
}

TEST_F(QueueDamage, OfAnOutboxRowBecomesAnAlert) {
  Open();
  for (int i = 0; i < 3; ++i) {
    Transaction t;
    t.events.push_back(MakeEvent(EventType::kDelivered, {1, 0}));
    ASSERT_TRUE(CommitOne(t).status);
  }
  const std::vector<OutboxRow> rows = AllOutbox();
  TurnABit(Table::kOutbox, OutboxKey(rows[1].commit, rows[1].part).view());
  Open();
  const std::vector<OutboxRow> now = AllOutbox();
  ASSERT_EQ(now.size(), 3u);
  EXPECT_EQ(now[1].items[0].event.type, EventType::kAlert);
  EXPECT_NE(now[1].items[0].event.text.find("table outbox"), std::string::npos);
  EXPECT_GT(now[1].items[0].id, now[0].items[0].id);
  EXPECT_LT(now[1].items[0].id, now[2].items[0].id);
}

TEST_F(QueueDamage, OfASegmentRowKeepsItsBodies) {
  Open();
  const RecipientId id = Put("a@example.com", 5000);
  const BodyLocation body = queue_->Load(id)->message.body;
  TurnABit(Table::kSegment, SegmentKey(body.segment).view());
  for (int i = 0; i < 3; ++i) {
    Open();
    EXPECT_EQ(BodyOf(id), ContentOf(id.message, 5000));
    const RecipientId other = Put("a@example.com", 60'000);
    EXPECT_EQ(BodyOf(other), ContentOf(other.message, 60'000));
    Finish(other);
    TidyAll();
  }
}

TEST_F(QueueDamage, OfABodyIsToldWhenAllOfItIsRead) {
  Open();
  const RecipientId id = Put("a@example.com", 5000);
  const BodyLocation body = queue_->Load(id)->message.body;
  {
    std::fstream file(options_.path + "/body-00000001.seg",
                      std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(std::streamoff(body.offset) + 2500);
    file.put('\xff');
  }
  const Result<std::string> read = queue_->ReadBody(body, 0, body.length);
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, ErrorCode::kCorrupt);
  EXPECT_NE(read.error().what.find("body-00000001.seg"), std::string::npos);
}

TEST_F(QueueDamage, OfABodyStopsTheCopyingOutOfItsSegmentOnly) {
  Open();
  const RecipientId bad = Put("a@example.com", 3000), good = Put("a@example.com", 3000);
  std::vector<RecipientId> done;
  for (int i = 0; i < 60; ++i) done.push_back(Put("a@example.com", 3000));
  for (const RecipientId& id : done) Finish(id);
  const BodyLocation body = queue_->Load(bad)->message.body;
  {
    std::fstream file(options_.path + "/body-00000001.seg",
                      std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(std::streamoff(body.offset) + 5);
    file.put('\xff');
  }
  TidyAll();
  EXPECT_EQ(queue_->Load(bad)->message.body, body);
  EXPECT_EQ(BodyOf(good), ContentOf(good.message, 3000));
  Finish(bad);
  Finish(good);
  EXPECT_EQ(queue_->totals().body_bytes, 0u);
}

TEST_F(QueueDamage, OfAMissingBodyFileIsToldWithItsName) {
  Open();
  const RecipientId id = Put("a@example.com", 5000);
  Close();
  std::filesystem::remove(options_.path + "/body-00000001.seg");
  Open();
  const BodyLocation body = queue_->Load(id)->message.body;
  const Result<std::string> read = queue_->ReadBody(body, 0, body.length);
  ASSERT_FALSE(read);
  EXPECT_NE(read.error().what.find("body-00000001.seg"), std::string::npos);
}

TEST_F(QueueDamage, OfTheStateIsRefusedAtOpen) {
  Open();
  Put();
  for (const char* key : {"state", "seed"}) {
    std::string sound;
    Tamper([&](Txn& txn) { sound = std::string(*txn.Get(Table::kMeta, key)); });
    TurnABit(Table::kMeta, key);
    const Status opened = TryOpen();
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().code, ErrorCode::kCorrupt);
    EXPECT_NE(opened.error().what.find("table meta, key " + std::string(key)), std::string::npos);
    Tamper([&](Txn& txn) { txn.Put(Table::kMeta, key, sound); });
  }
  Open();
}

TEST_F(QueueDamage, RefusesAQueueOfANewerVersion) {
  Open();
  const RecipientId id = Put();
  Tamper([](Txn& txn) { txn.Put(Table::kMeta, "format", "2"); });
  const Status opened = TryOpen();
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, ErrorCode::kTooNew);
  EXPECT_NE(opened.error().what.find("newer version"), std::string::npos);
  EXPECT_NE(opened.error().what.find(options_.path), std::string::npos);
  Tamper([](Txn& txn) { txn.Put(Table::kMeta, "format", "x"); });
  EXPECT_EQ(TryOpen().error().code, ErrorCode::kCorrupt);
  Tamper([](Txn& txn) { txn.Put(Table::kMeta, "format", "1"); });
  Open();
  EXPECT_EQ(BodyOf(id), ContentOf(id.message, 100));
}

TEST_F(QueueDamage, RefusesAFileThatIsNoQueue) {
  std::filesystem::create_directories(options_.path);
  std::ofstream(options_.path + "/data.mdb") << std::string(20'000, 'x');
  const Status opened = TryOpen();
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, ErrorCode::kCorrupt);
  EXPECT_NE(opened.error().what.find("data.mdb"), std::string::npos);
}

// What a disk does to pages it loses. The child looks at everything and writes; it must come to its
// end, whatever it hears.
TEST_F(QueueDamage, OfAnyRecordPageIsToldAndEndsNothing) {
  Open();
  for (int i = 0; i < 60; ++i) {
    const RecipientId id = Put("a@d" + std::to_string(i % 20) + ".example");
    if (i % 2 == 0) Postpone(id, After(i));
    if (i % 10 == 0) Finish(id);
  }
  Close();
  constexpr size_t kPage = 4096;
  const std::string path = options_.path + "/data.mdb";
  std::string sound;
  {
    std::ifstream in(path, std::ios::binary);
    sound.assign(std::istreambuf_iterator<char>(in), {});
  }
  int told = 0;
  for (size_t page = 2; page * kPage < sound.size(); ++page) {
    const std::string_view before = std::string_view(sound).substr(page * kPage, kPage);
    if (before.find_first_not_of('\0') == std::string_view::npos) continue;
    std::fstream(path, std::ios::in | std::ios::out | std::ios::binary)
        .seekp(std::streamoff(page * kPage))
        .write(std::string(kPage, '\0').data(), kPage);
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      ::alarm(30);
      ::_exit(LookAtAll() ? 0 : 1);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_TRUE(WIFEXITED(status)) << "page " << page << ": signal " << WTERMSIG(status);
    told += WIFEXITED(status) ? WEXITSTATUS(status) : 0;
    std::ofstream(path, std::ios::binary) << sound;
  }
  EXPECT_GT(told, 5);
  Open();
}

TEST_F(QueueDamage, RefusesARecordFileThatWasCutShort) {
  Open();
  for (int i = 0; i < 100; ++i) Put();
  Close();
  std::filesystem::resize_file(options_.path + "/data.mdb", 8192);
  const Status opened = TryOpen();
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, ErrorCode::kCorrupt);
  EXPECT_NE(opened.error().what.find("data.mdb: cut short"), std::string::npos);
}

TEST_F(QueueDamage, RefusesAPathThatIsNoFolder) {
  std::ofstream(options_.path) << "a file";
  const Status opened = TryOpen();
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, ErrorCode::kIo);
  EXPECT_NE(opened.error().what.find(options_.path), std::string::npos);
}

TEST_F(QueueDamage, NamesTheOwnerOfWhatItMayNotTouch) {
  struct stat info{};
  ASSERT_EQ(::stat(folder_.path().c_str(), &info), 0);
  EXPECT_EQ(FailErrno(folder_.path() + "/lock", EACCES).error().what,
            folder_.path() + "/lock: Permission denied")
      << "our own: the mode is to blame";
  if (::geteuid() == 0) {
    ASSERT_EQ(::chown(folder_.path().c_str(), 54'321, 54'321), 0);
    EXPECT_EQ(FailErrno(folder_.path() + "/lock", EACCES).error().what,
              folder_.path() +
                  "/lock: Permission denied; it belongs to uid 54321, and this runs as user "
                  "\"root\": run it as the owner, or give the whole folder away with chown -R");
  } else {
    EXPECT_NE(FailErrno("/etc/passwd", EACCES).error().what.find("user \"root\""),
              std::string::npos);
  }
}

TEST_F(QueueDamage, RefusesASecondOpenOfTheSameQueue) {
  Open();
  const auto second = Queue::Open(options_);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::kBusy);
  Put();
}

// The child only looks: exit status 0 when it was refused with our pid.
TEST_F(QueueDamage, RefusesASecondProcessAndNamesTheFirst) {
  Open();
  const std::string first = std::to_string(::getpid());
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    const auto second = Queue::Open(options_);
    const bool told = !second && second.error().code == ErrorCode::kBusy &&
                      second.error().what.find("process " + first) != std::string::npos;
    ::_exit(told ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  Close();
  Open();
}

}  // namespace
}  // namespace sluice::queue
