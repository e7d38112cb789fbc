// Goal: the event log holds whole lines, each at least once, through crashes, full disks, rotation
// and people who move files. Method: a real folder, a clock by hand, a file size limit as the full
// disk.

#include "engine/events/event_log.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>
#include <vector>

#include "tests/events/sample_events.h"

namespace sluice::engine {
namespace {

namespace fs = std::filesystem;

class HandClock final : public Clock {
 public:
  Instant Now() const override { return Instant(now); }
  WallTime Wall() const override { return SampleTime() + now; }
  Duration now{0};
};

class EventLogTest : public testing::Test {
 protected:
  EventLogTest() {
    std::string name = (fs::temp_directory_path() / "sluice-events-XXXXXX").string();
    EXPECT_NE(mkdtemp(name.data()), nullptr);
    folder_ = name;
    options_.log = (folder_ / "logs" / "events.jsonl").string();
  }
  ~EventLogTest() override { fs::remove_all(folder_); }

  std::unique_ptr<EventLog> Open() {
    auto log = EventLog::Open(options_, clock_);
    EXPECT_TRUE(log) << log.error().what;
    return log ? std::move(*log) : nullptr;
  }
  static std::string Read(const fs::path& file) {
    std::ifstream in(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  }
  std::string Current() const { return Read(options_.log); }
  static size_t Lines(const std::string& text) { return size_t(std::ranges::count(text, '\n')); }
  // Names of all files, sorted.
  std::vector<std::string> Files() const {
    std::vector<std::string> out;
    for (const auto& entry : fs::directory_iterator(folder_ / "logs"))
      out.push_back(entry.path().filename().string());
    std::ranges::sort(out);
    return out;
  }
  void Put(EventLog& log, uint64_t id) {
    queue::Event event = SampleDelivered();
    event.time = clock_.Wall();
    log.Append(id, event);
  }

  fs::path folder_;
  config::Events options_;
  HandClock clock_;
};

TEST_F(EventLogTest, WritesWhatIsFlushedAndNothingBefore) {
  const auto log = Open();
  Put(*log, 1);
  EXPECT_EQ(Current(), "");
  EXPECT_TRUE(log->Flush());
  EXPECT_EQ(Lines(Current()), 1u);
  Put(*log, 2);
  Put(*log, 3);
  EXPECT_TRUE(log->Flush());
  EXPECT_EQ(Lines(Current()), 3u);
  EXPECT_NE(Current().find("{\"id\":\"3\""), std::string::npos);
}

TEST_F(EventLogTest, GoesOnBehindWhatIsThere) {
  {
    const auto log = Open();
    Put(*log, 1);
    EXPECT_TRUE(log->Flush());
  }
  const auto log = Open();
  Put(*log, 2);
  EXPECT_TRUE(log->Flush());
  EXPECT_EQ(Lines(Current()), 2u);
}

TEST_F(EventLogTest, TakesBackALineThatACrashCutShort) {
  {
    const auto log = Open();
    Put(*log, 1);
    EXPECT_TRUE(log->Flush());
  }
  const std::string whole = Current();
  std::ofstream(options_.log, std::ios::app) << R"({"id":"2","time":"2026-)";
  const auto log = Open();
  EXPECT_EQ(Current(), whole);
  Put(*log, 2);
  EXPECT_TRUE(log->Flush());
  EXPECT_EQ(Lines(Current()), 2u);
}

TEST_F(EventLogTest, TakesBackAFirstLineThatACrashCutShort) {
  fs::create_directories(folder_ / "logs");
  std::ofstream(options_.log) << R"({"id":"2)";
  const auto log = Open();
  EXPECT_EQ(Current(), "");
}

TEST_F(EventLogTest, LeavesNoHalfLineOnAFullDisk) {
  const auto log = Open();
  Put(*log, 1);
  EXPECT_TRUE(log->Flush());
  const std::string whole = Current();

  signal(SIGXFSZ, SIG_IGN);
  rlimit before{};
  getrlimit(RLIMIT_FSIZE, &before);
  rlimit small = before;
  small.rlim_cur = whole.size() + 100;  // room for a part of the next line
  setrlimit(RLIMIT_FSIZE, &small);
  Put(*log, 2);
  const Status full = log->Flush();
  setrlimit(RLIMIT_FSIZE, &before);

  ASSERT_FALSE(full);
  EXPECT_NE(full.error().what.find(options_.log), std::string::npos);
  EXPECT_EQ(Current(), whole) << "what was written of the line is taken back";
  Put(*log, 2);
  EXPECT_TRUE(log->Flush());
  EXPECT_EQ(Lines(Current()), 2u);
}

TEST_F(EventLogTest, RotatesBySizeAndKeepsAsManyAsAsked) {
  options_.rotate_bytes = 300;
  options_.keep_files = 2;
  const auto log = Open();
  for (uint64_t id = 1; id <= 5; ++id) {
    Put(*log, id);
    EXPECT_TRUE(log->Flush());
  }
  EXPECT_EQ(Files(), (std::vector<std::string>{"events-20261121T075100-4.jsonl",
                                               "events-20261121T075100-5.jsonl", "events.jsonl"}));
  EXPECT_NE(Read(folder_ / "logs" / "events-20261121T075100-5.jsonl").find("{\"id\":\"5\""),
            std::string::npos);
  EXPECT_EQ(Current(), "");
}

TEST_F(EventLogTest, RotatesByTheAgeOfTheFirstLineAcrossRestarts) {
  options_.rotate_after = std::chrono::hours(24);
  {
    const auto log = Open();
    Put(*log, 1);
    EXPECT_TRUE(log->Flush());
  }
  clock_.now = std::chrono::hours(23);
  auto log = Open();
  Put(*log, 2);
  EXPECT_TRUE(log->Flush());
  EXPECT_EQ(Files().size(), 1u);
  clock_.now = std::chrono::hours(25);
  Put(*log, 3);
  EXPECT_TRUE(log->Flush());
  EXPECT_EQ(Files(), (std::vector<std::string>{"events-20261122T085100-1.jsonl", "events.jsonl"}));
}

TEST_F(EventLogTest, LeavesOtherFilesOfTheFolderAlone) {
  options_.rotate_bytes = 1;
  options_.keep_files = 1;
  fs::create_directories(folder_ / "logs");
  for (const char* name : {"events-old.jsonl", "events-20261121T075100-x.jsonl", "other.jsonl"})
    std::ofstream(folder_ / "logs" / name) << "x\n";
  const auto log = Open();
  for (uint64_t id = 1; id <= 4; ++id) {
    Put(*log, id);
    EXPECT_TRUE(log->Flush());
  }
  EXPECT_EQ(Files().size(), 3u + 2u);
}

TEST_F(EventLogTest, BeginsAnewWhenSomebodyMovedTheFileAway) {
  const auto log = Open();
  Put(*log, 1);
  EXPECT_TRUE(log->Flush());
  fs::rename(options_.log, options_.log + ".moved");
  Put(*log, 2);
  EXPECT_TRUE(log->Flush());
  EXPECT_EQ(Lines(Current()), 1u);
  EXPECT_NE(Current().find("{\"id\":\"2\""), std::string::npos);
}

TEST_F(EventLogTest, BelongsToOneWriter) {
  const auto log = Open();
  const auto second = EventLog::Open(options_, clock_);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::kBusy);
  EXPECT_NE(second.error().what.find("another process writes the event log"), std::string::npos);
  Put(*log, 1);
  EXPECT_TRUE(log->Flush());
}

TEST_F(EventLogTest, SaysThatItsFolderCannotBeMade) {
  std::ofstream(folder_ / "logs") << "a file";
  const auto log = EventLog::Open(options_, clock_);
  ASSERT_FALSE(log);
  EXPECT_NE(log.error().what.find("cannot make the folder of the event log " + options_.log),
            std::string::npos)
      << log.error().what;
}

TEST_F(EventLogTest, SaysWhyItCannotOpen) {
  fs::create_directories(options_.log);
  const auto log = EventLog::Open(options_, clock_);
  ASSERT_FALSE(log);
  EXPECT_EQ(log.error().what, "cannot open the event log " + options_.log + ": Is a directory");
}

}  // namespace
}  // namespace sluice::engine
