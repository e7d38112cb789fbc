// Goal: every event of the outbox reaches the sink at least once, and rows are freed only when it
// is durable there. Method: a real queue, a sink in memory that fails on demand.

#include "engine/events/exporter.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "tests/events/sample_events.h"

namespace sluice::engine {
namespace {

namespace fs = std::filesystem;

// What was flushed survives in `kept`, which belongs to the test.
class MemorySink final : public EventSink {
 public:
  struct Disk {
    std::vector<uint64_t> kept;
    bool full = false;
  };
  explicit MemorySink(Disk& disk) : disk_(disk) {}

  void Append(uint64_t id, const queue::Event&) override { waiting_.push_back(id); }
  Status Flush() override {
    const std::vector<uint64_t> waiting = std::move(waiting_);
    waiting_.clear();
    if (disk_.full) return Fail(ErrorCode::kFull, "disk full");
    disk_.kept.insert(disk_.kept.end(), waiting.begin(), waiting.end());
    return {};
  }

 private:
  Disk& disk_;
  std::vector<uint64_t> waiting_;
};

class ExporterTest : public testing::Test {
 protected:
  ExporterTest() {
    std::string name = (fs::temp_directory_path() / "sluice-exporter-XXXXXX").string();
    EXPECT_NE(mkdtemp(name.data()), nullptr);
    folder_ = name;
    OpenQueue();
  }
  ~ExporterTest() override {
    queue_.reset();
    fs::remove_all(folder_);
  }

  void OpenQueue() {
    queue::QueueOptions options;
    options.path = (folder_ / "queue").string();
    options.map_size = uint64_t(64) << 20;
    options.segment_bytes = uint64_t(1) << 20;
    options.min_free_bytes = 0;
    options.sync = false;
    auto queue = queue::Queue::Open(options);
    ASSERT_TRUE(queue) << queue.error().what;
    queue_ = std::move(*queue);
  }
  Exporter Make() {
    return Exporter(*queue_, std::make_unique<MemorySink>(disk_),
                    [this](uint64_t commit, uint32_t part) {
                      ++freed_;
                      queue_->FreeOutbox(commit, part);
                    });
  }
  // Commits one transaction of `events` events.
  void Commit(size_t events) {
    std::vector<queue::Transaction> batch(1);
    for (size_t i = 0; i < events; ++i) batch[0].events.push_back(SampleDelivered());
    ASSERT_TRUE(queue_->CommitAll(batch).at(0).status);
    committed_ += events;
  }
  std::set<uint64_t> Distinct() const { return {disk_.kept.begin(), disk_.kept.end()}; }

  fs::path folder_;
  std::unique_ptr<queue::Queue> queue_;
  MemorySink::Disk disk_;
  int freed_ = 0;
  size_t committed_ = 0;
};

TEST_F(ExporterTest, TellsEachEventOnceWhenNothingFails) {
  Exporter exporter = Make();
  Commit(3);
  Commit(1);
  EXPECT_FALSE(exporter.Step());
  EXPECT_EQ(disk_.kept.size(), 4u);
  EXPECT_EQ(freed_, 1);
  EXPECT_FALSE(exporter.Step()) << "freed, but not yet deleted rows are not told again";
  EXPECT_EQ(disk_.kept.size(), 4u);
  Commit(2);
  (void)exporter.Step();
  EXPECT_EQ(disk_.kept.size(), 6u);
  EXPECT_EQ(Distinct().size(), 6u);
}

TEST_F(ExporterTest, SaysThatThereIsMoreAfterAFullRound) {
  Exporter exporter = Make();
  for (size_t i = 0; i < Exporter::kRowsPerStep + 5; ++i) Commit(1);
  EXPECT_TRUE(exporter.Step());
  EXPECT_FALSE(exporter.Step());
  EXPECT_EQ(disk_.kept.size(), committed_);
}

TEST_F(ExporterTest, KeepsTheRowsWhileTheSinkFails) {
  Exporter exporter = Make();
  Commit(3);
  disk_.full = true;
  EXPECT_FALSE(exporter.Step());
  EXPECT_EQ(freed_, 0);
  ASSERT_FALSE(exporter.health());
  EXPECT_EQ(exporter.health().error().what, "disk full");
  Commit(1);
  EXPECT_FALSE(exporter.Step());
  disk_.full = false;
  EXPECT_FALSE(exporter.Step());
  EXPECT_TRUE(exporter.health());
  EXPECT_EQ(disk_.kept.size(), 4u);
  EXPECT_EQ(Distinct().size(), 4u);
}

TEST_F(ExporterTest, TellsAgainWithTheSameIdWhatWasNotFreedBeforeACrash) {
  Commit(3);
  {
    Exporter exporter = Make();
    (void)exporter.Step();
  }
  const std::set<uint64_t> before = Distinct();
  queue_.reset();  // the freeing never reached the disk
  OpenQueue();
  Exporter exporter = Make();
  (void)exporter.Step();
  Commit(1);
  (void)exporter.Step();
  EXPECT_GE(disk_.kept.size(), 4u);
  EXPECT_EQ(Distinct().size(), 4u);
  for (uint64_t id : before) EXPECT_TRUE(Distinct().contains(id));
}

TEST_F(ExporterTest, TellsNothingTwiceAcrossARestartOnceFreed) {
  Commit(3);
  {
    Exporter exporter = Make();
    (void)exporter.Step();
  }
  Commit(1);  // carries the freeing
  queue_.reset();
  OpenQueue();
  Exporter exporter = Make();
  (void)exporter.Step();
  EXPECT_EQ(disk_.kept.size(), 4u);
}

}  // namespace
}  // namespace sluice::engine
