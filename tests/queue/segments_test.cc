// Body files: recycled when empty, copied out when nearly so, and never read wrong meanwhile.
// Method: small segments, much churn; readers on other threads that know only old locations.

#include "queue/segments.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "engine/base/random.h"
#include "tests/queue/faulty_disk.h"
#include "tests/queue/queue_fixture.h"

namespace sluice::queue {
namespace {

class QueueSegments : public QueueTest {
 protected:
  size_t SegmentFiles() const { return FilesWith("body-"); }
  size_t SpareFiles() const { return FilesWith("spare-"); }
  size_t FilesWith(const std::string& prefix) const {
    size_t n = 0;
    for (const auto& entry : std::filesystem::directory_iterator(options_.path))
      n += entry.path().filename().string().starts_with(prefix);
    return n;
  }
};

TEST_F(QueueSegments, AreRecycledInTheSteadyStateAndDoNotGrowInNumber) {
  Open();
  for (int i = 0; i < 200; ++i) {
    const RecipientId id = Put("a@example.com", 9000);
    EXPECT_EQ(BodyOf(id), ContentOf(id.message, 9000));
    Finish(id);
    ASSERT_LE(SegmentFiles(), 2u);
    ASSERT_LE(SpareFiles(), kMaxSpares);
  }
  EXPECT_EQ(queue_->totals().body_bytes, 0u);
  EXPECT_LE(queue_->totals().disk_bytes, uint64_t(300'000));
}

TEST_F(QueueSegments, ForgetsEmptyOnesBeyondThePool) {
  Open();
  std::vector<RecipientId> ids;
  for (int i = 0; i < 100; ++i) ids.push_back(Put("a@example.com", 20'000));
  EXPECT_GE(SegmentFiles(), 30u);
  for (const RecipientId& id : ids) Finish(id);
  EXPECT_LE(SegmentFiles(), 1u);
  EXPECT_LE(SpareFiles(), kMaxSpares);
  Open();
  EXPECT_LE(SegmentFiles(), 1u);
  EXPECT_LE(SpareFiles(), kMaxSpares);
  EXPECT_LE(queue_->totals().disk_bytes, uint64_t(300'000));
  const RecipientId id = Put("a@example.com", 20'000);
  EXPECT_EQ(BodyOf(id), ContentOf(id.message, 20'000));
}

TEST_F(QueueSegments, HoldABodyLargerThanASegment) {
  Open();
  const RecipientId small = Put("a@example.com", 100);
  const RecipientId large = Put("a@example.com", 1'000'000);
  const RecipientId next = Put("a@example.com", 100);
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(BodyOf(small), ContentOf(small.message, 100));
    EXPECT_EQ(BodyOf(large), ContentOf(large.message, 1'000'000));
    EXPECT_EQ(BodyOf(next), ContentOf(next.message, 100));
    Open();
  }
  Finish(large);
  EXPECT_LT(queue_->totals().disk_bytes, uint64_t(400'000));
}

TEST_F(QueueSegments, HoldEmptyBodies) {
  Open();
  const RecipientId id = Put("a@example.com", 0);
  Insert none = MakeInsert(next_id_++, {"a@example.com"}, 0);
  none.content = {};
  const RecipientId without = none.recipients[0].id;
  ASSERT_TRUE(CommitOne(Of(none)).status);
  EXPECT_EQ(BodyOf(id), "");
  EXPECT_EQ(BodyOf(without), "");
  Finish(id);
  Finish(without);
}

TEST_F(QueueSegments, GiveAnyPartOfABodyAndRefuseMore) {
  Open();
  const RecipientId id = Put("a@example.com", 5000);
  const BodyLocation body = queue_->Load(id)->message.body;
  const std::string content = ContentOf(id.message, 5000);
  EXPECT_EQ(*queue_->ReadBody(body, 0, 10), content.substr(0, 10));
  EXPECT_EQ(*queue_->ReadBody(body, 4990, 10), content.substr(4990));
  EXPECT_EQ(*queue_->ReadBody(body, 5000, 0), "");
  EXPECT_EQ(queue_->ReadBody(body, 4990, 11).error().code, ErrorCode::kInvalid);
  EXPECT_EQ(queue_->ReadBody(body, 5001, 0).error().code, ErrorCode::kInvalid);
}

TEST_F(QueueSegments, CopyNearlyEmptyOnesOutWhenIdle) {
  Open();
  std::vector<RecipientId> kept, done;
  for (int i = 0; i < 400; ++i) {
    const RecipientId id = Put("a@example.com", 3000);
    (i % 21 == 0 ? kept : done).push_back(id);
  }
  for (const RecipientId& id : done) Finish(id);
  const uint64_t before = queue_->totals().disk_bytes;
  TidyAll();
  EXPECT_LT(queue_->totals().disk_bytes, before / 4);
  EXPECT_EQ(queue_->totals().body_bytes, kept.size() * 3000);
  EXPECT_FALSE(queue_->Tidy());
  for (int i = 0; i < 2; ++i) {
    for (const RecipientId& id : kept) ASSERT_EQ(BodyOf(id), ContentOf(id.message, 3000));
    Open();
  }
  for (const RecipientId& id : kept) Finish(id);
  EXPECT_EQ(queue_->totals().body_bytes, 0u);
  TidyAll();
  EXPECT_LE(SegmentFiles(), 1u);
}

TEST_F(QueueSegments, AreCopiedOutEarlierWhenSpaceIsTight) {
  options_.max_bytes = uint64_t(2) << 20;
  Open();
  std::vector<RecipientId> ids;
  for (int i = 0; i < 500; ++i) ids.push_back(Put("a@example.com", 3000));
  for (size_t i = 0; i < ids.size(); ++i)
    if (i % 3 != 0) Finish(ids[i]);
  TidyAll();
  EXPECT_LE(queue_->totals().disk_bytes, options_.max_bytes * 6 / 10);
  for (size_t i = 0; i < ids.size(); i += 3)
    ASSERT_EQ(BodyOf(ids[i]), ContentOf(ids[i].message, 3000));
}

TEST_F(QueueSegments, TellTheReaderOfAMovedBodyToLoadAgain) {
  Open();
  const RecipientId kept = Put("a@example.com", 3000);
  const BodyLocation old = queue_->Load(kept)->message.body;
  std::vector<RecipientId> done;
  for (int i = 0; i < 60; ++i) done.push_back(Put("a@example.com", 3000));
  for (const RecipientId& id : done) Finish(id);
  TidyAll();
  const BodyLocation now = queue_->Load(kept)->message.body;
  ASSERT_NE(now, old);
  EXPECT_EQ(queue_->ReadBody(old, 0, 10).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(BodyOf(kept), ContentOf(kept.message, 3000));
}

// The worst case made certain: between finding the file and reading it, its segment is emptied,
// recycled and written over.
TEST_F(QueueSegments, AreNoticedWhenRecycledInTheMiddleOfARead) {
  FaultyDisk disk;
  options_.disk = &disk;
  Open();
  const RecipientId id = Put("a@example.com", 3000);
  const BodyLocation body = queue_->Load(id)->message.body;
  disk.before_read = [&] {
    Finish(id);
    for (int i = 0; i < 300; ++i) Finish(Put("a@example.com", 3000));
  };
  const Result<std::string> got = queue_->ReadBody(body, 0, 3000);
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().code, ErrorCode::kNotFound) << got.error().what;
  // The same without the checksum's help.
  const RecipientId other = Put("a@example.com", 3000);
  const BodyLocation place = queue_->Load(other)->message.body;
  disk.before_read = [&] {
    Finish(other);
    for (int i = 0; i < 300; ++i) Finish(Put("a@example.com", 3000));
  };
  const Result<std::string> part = queue_->ReadBody(place, 1, 2000);
  ASSERT_FALSE(part);
  EXPECT_EQ(part.error().code, ErrorCode::kNotFound);
}

// A body staged for a transaction that failed lies in the file under an id that lives elsewhere.
TEST_F(QueueSegments, CopyOnlyTheBodyThatTheRecordNames) {
  Open();
  const MessageId id = next_id_++;
  std::vector<Transaction> batch(2);
  batch[0] = Of(MakeInsert(next_id_++, {"a@example.com"}, 2000));
  batch[1] = Of(MakeInsert(id, {"a@example.com"}, 500));
  batch[1].finishes.push_back({{id, 77}, {}});
  const std::vector<Committed> committed = queue_->CommitAll(batch);
  ASSERT_TRUE(committed[0].status);
  ASSERT_FALSE(committed[1].status);
  ASSERT_TRUE(CommitOne(Of(MakeInsert(id, {"a@example.com"}, 1500))).status);
  std::vector<RecipientId> done = {{batch[0].inserts[0].message.id, 0}};
  for (int i = 0; i < 60; ++i) done.push_back(Put("a@example.com", 3000));
  for (const RecipientId& r : done) Finish(r);
  const BodyLocation before = queue_->Load({id, 0})->message.body;
  TidyAll();
  EXPECT_NE(queue_->Load({id, 0})->message.body, before);
  EXPECT_EQ(BodyOf({id, 0}), ContentOf(id, 1500));
  EXPECT_EQ(queue_->totals().body_bytes, 1500u);
  Finish({id, 0});
  TidyAll();
  EXPECT_LE(SegmentFiles(), 1u);
}

TEST_F(QueueSegments, ForgetTheBodiesOfTransactionsThatFailed) {
  Open();
  for (int i = 0; i < 100; ++i) {
    std::vector<Transaction> batch(2);
    batch[0] = Of(MakeInsert(next_id_++, {"a@example.com"}, 5000));
    batch[1] = Of(MakeInsert(next_id_++, {"a@example.com"}, 5000));
    batch[1].finishes.push_back({{1, 1}, {}});
    const std::vector<Committed> committed = queue_->CommitAll(batch);
    ASSERT_TRUE(committed[0].status);
    ASSERT_FALSE(committed[1].status);
    Finish({batch[0].inserts[0].message.id, 0});
    ASSERT_LE(SegmentFiles(), 2u);
  }
}

TEST_F(QueueSegments, ForgetTheBodiesOfGroupsThatFailed) {
  FaultyDisk disk;
  options_.disk = &disk;
  Open();
  for (int i = 0; i < 100; ++i) {
    disk.write_error = ENOSPC;
    ASSERT_FALSE(CommitOne(Of(MakeInsert(next_id_++, {"a@example.com"}, 5000))).status);
    disk.write_error = 0;
    const RecipientId id = Put("a@example.com", 2000);
    EXPECT_EQ(BodyOf(id), ContentOf(id.message, 2000));
    Finish(id);
    ASSERT_LE(SegmentFiles(), 2u);
  }
}

TEST_F(QueueSegments, SurviveChurnWithTidyingAndReopening) {
  Random dice(77);
  Open();
  std::map<RecipientId, size_t> open;
  for (int step = 0; step < 3000; ++step) {
    if (open.size() < 100 || dice.Below(2) == 0) {
      const size_t size = dice.Below(8000);
      open[Put("a@example.com", size)] = size;
    } else {
      const auto at = std::next(open.begin(), ptrdiff_t(dice.Below(open.size())));
      Finish(at->first);
      open.erase(at);
    }
    if (dice.Below(4) == 0) queue_->Tidy();
    if (step % 500 == 499) {
      Open();
      uint64_t live = 0;
      for (const auto& [id, size] : open) {
        ASSERT_EQ(BodyOf(id), ContentOf(id.message, size));
        live += size;
      }
      EXPECT_EQ(queue_->totals().body_bytes, live);
    }
  }
  for (const auto& [id, size] : open) Finish(id);
  TidyAll();
  EXPECT_LE(SegmentFiles(), 1u);
}

// Readers hold locations while the writer finishes, recycles and compacts under them: what they
// read is right, or they are told to look again.
TEST_F(QueueSegments, NeverShowAReaderWrongOctets) {
  Open();
  std::mutex mutex;
  std::map<RecipientId, BodyLocation> shared;  // guarded by mutex
  std::atomic<bool> stop{false};
  std::atomic<uint64_t> right{0}, gone{0}, wrong{0};
  const auto read = [&](uint64_t seed) {
    Random dice(seed);
    while (!stop.load()) {
      RecipientId id;
      BodyLocation body;
      {
        const std::lock_guard lock(mutex);
        if (shared.empty()) continue;
        const auto at = std::next(shared.begin(), ptrdiff_t(dice.Below(shared.size())));
        id = at->first;
        body = at->second;
      }
      const uint32_t from = uint32_t(dice.Below(2)) * 100;  // with and without a checksum
      const Result<std::string> got = queue_->ReadBody(body, from, body.length - from);
      if (got) {
        const bool same = *got == ContentOf(id.message, body.length).substr(from);
        (same ? right : wrong).fetch_add(1);
      } else if (got.error().code == ErrorCode::kNotFound) {
        gone.fetch_add(1);
      } else {
        wrong.fetch_add(1);
      }
    }
  };
  std::thread one(read, 1), two(read, 2);
  Random dice(3);
  std::vector<RecipientId> open;
  for (int step = 0; step < 3000; ++step) {
    const RecipientId id = Put("a@example.com", 4000);
    open.push_back(id);
    {
      // Locations of old messages stay known to the readers for a while after they are gone.
      const std::lock_guard lock(mutex);
      shared[id] = queue_->Load(id)->message.body;
      if (shared.size() > 300) shared.erase(shared.begin());
    }
    if (open.size() > 150) {
      const size_t at = dice.Below(20) == 0 ? dice.Below(open.size()) : 0;
      Finish(open[at]);
      open.erase(open.begin() + ptrdiff_t(at));
    }
    if (dice.Below(4) == 0) queue_->Tidy();
  }
  stop.store(true);
  one.join();
  two.join();
  EXPECT_EQ(wrong.load(), 0u);
  EXPECT_GT(right.load(), 0u);
}

TEST_F(QueueSegments, AdoptFilesThatNoRecordNames) {
  Open();
  const RecipientId id = Put();
  Close();
  std::ofstream(options_.path + "/body-00000999.seg") << "left by a crash";
  std::ofstream(options_.path + "/note.txt") << "not ours";
  Open();
  EXPECT_EQ(SegmentFiles(), 1u);
  EXPECT_TRUE(std::filesystem::exists(options_.path + "/note.txt"));
  EXPECT_EQ(BodyOf(id), ContentOf(id.message, 100));
}

}  // namespace
}  // namespace sluice::queue
