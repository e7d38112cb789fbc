// tests/tools/blast_sink_test.cc — the load source against the sink over loopback.
//
// METHOD  A sink on its own thread, a blast on this one; both must count the same.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <utility>

#include "engine/base/check.h"
#include "engine/io/self_signed.h"
#include "tools/blast/blast.h"
#include "tools/sink/sink_recorder.h"
#include "tools/sink/sink_shard.h"

namespace sluice::tools {
namespace {

class RunningSink {
 public:
  explicit RunningSink(const SinkOptions& options)
      : policy_(MakePolicy(options)), shared_(policy_) {
    auto recorder = MakeRecorder(options.capture, options.maildir);
    CHECK(recorder.has_value());
    shard_ = std::make_unique<SinkShard>(shared_, *std::move(recorder), [] {});
    if (!options.tls_cert.empty())
      CHECK(shard_->LoadTls(options.tls_cert, options.tls_key).has_value());
    auto at = shard_->Listen(*Endpoint::Parse("127.0.0.1:0"));
    CHECK(at.has_value());
    at_ = at->ToString();
    thread_ = std::thread([this] { shard_->loop().Run(); });
  }
  ~RunningSink() { Stop(); }
  void Stop() {
    if (!thread_.joinable()) return;
    shard_->loop().Stop();
    thread_.join();
  }
  const std::string& at() const { return at_; }
  const SinkStats& stats() const { return shard_->stats(); }

 private:
  static SinkPolicy MakePolicy(const SinkOptions& options) {
    auto made = SinkPolicy::Make(options, !options.tls_cert.empty());
    CHECK(made.has_value());
    return *std::move(made);
  }
  const SinkPolicy policy_;
  SinkShared shared_;
  std::unique_ptr<SinkShard> shard_;
  std::string at_;
  std::thread thread_;
};

class Folder {
 public:
  Folder() {
    path_ = std::filesystem::temp_directory_path().string() + "/sluice-test-XXXXXX";
    CHECK(mkdtemp(path_.data()) != nullptr);
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

BlastOptions Options(const RunningSink& sink) {
  BlastOptions options;
  options.to = sink.at();
  options.messages = 2000;
  options.connections = 10;
  options.domain_count = 7;
  options.quiet = true;
  options.timeout_s = 20;
  return options;
}

int Lines(const std::string& path) {
  std::ifstream in(path);
  std::string line;
  int lines = 0;
  while (std::getline(in, line)) ++lines;
  return lines;
}

TEST(BlastIntoSink, DeliversAllInLockStepPipelinedAndChunked) {
  for (const auto& [pipelining, bdat] : {std::pair(false, false), std::pair(true, false),
                                         std::pair(false, true), std::pair(true, true)}) {
    const Folder folder;
    SinkOptions sink_options;
    sink_options.capture = folder / "capture";
    RunningSink sink(sink_options);
    BlastOptions options = Options(sink);
    options.pipelining = pipelining;
    options.bdat = bdat;
    options.dots = true;
    options.recipients = 3;
    options.per_connection = 90;
    options.log = folder / "log";
    const BlastReport report = RunBlast(options);
    sink.Stop();
    EXPECT_TRUE(report.ok) << report.error;
    EXPECT_EQ(report.accepted, 2000);
    EXPECT_EQ(report.recipients_accepted, 6000);
    EXPECT_GE(report.connections, 2000 / 90);
    EXPECT_EQ(sink.stats().messages, 2000);
    EXPECT_EQ(sink.stats().recipients, 6000);
    EXPECT_EQ(sink.stats().bare_lf, 0);
    EXPECT_EQ(sink.stats().domains.size(), 7U);
    EXPECT_EQ(Lines(folder / "capture"), 2000);
    EXPECT_EQ(Lines(folder / "log"), 2000);
  }
}

TEST(BlastIntoSink, SendsTheSameBodyWhateverTheWay) {
  std::set<std::string> hashes;
  for (const auto& [pipelining, bdat] : {std::pair(false, false), std::pair(true, true)}) {
    const Folder folder;
    SinkOptions sink_options;
    sink_options.capture = folder / "capture";
    RunningSink sink(sink_options);
    BlastOptions options = Options(sink);
    options.messages = 20;
    options.pipelining = pipelining;
    options.bdat = bdat;
    options.dots = true;
    EXPECT_TRUE(RunBlast(options).ok);
    std::ifstream in(folder / "capture");
    for (std::string line; std::getline(in, line);) {
      const size_t at = line.find("body_sha256");
      ASSERT_NE(at, std::string::npos);
      hashes.insert(line.substr(at, 14 + 64));
    }
  }
  EXPECT_EQ(hashes.size(), 1U);
}

TEST(BlastIntoSink, GoesOnAfterDropsAnd421) {
  SinkOptions sink_options;
  sink_options.drop_after_data = 1;
  sink_options.max_messages_per_connection = 50;
  RunningSink sink(sink_options);
  BlastOptions options = Options(sink);
  options.retry = true;
  const BlastReport report = RunBlast(options);
  sink.Stop();
  EXPECT_EQ(report.accepted + report.unknown, 2000) << report.error;
  EXPECT_GT(report.unknown, 0);
  EXPECT_EQ(report.unknown, sink.stats().dropped);
  EXPECT_EQ(report.accepted, sink.stats().messages);
  EXPECT_FALSE(report.ok);
}

TEST(BlastIntoSink, CountsRefusalsByReply) {
  SinkOptions sink_options;
  sink_options.replies = {"rcpt@d0.test:100:550 5.1.1 unknown", "dot@d1.test:100:451 4.3.0 later"};
  RunningSink sink(sink_options);
  const BlastReport report = RunBlast(Options(sink));
  EXPECT_FALSE(report.ok);
  EXPECT_EQ(report.accepted + report.refused, 2000);
  EXPECT_EQ(report.not_sent, 0);
  EXPECT_EQ(report.replies.size(), 2U);
  EXPECT_EQ(report.replies.at("550 5.1.1 unknown"), report.recipients_refused);
}

TEST(BlastIntoSink, WorksInsideTlsAndWithLateReplies) {
  const Folder folder;
  SinkOptions sink_options;
  sink_options.tls_cert = folder / "cert";
  sink_options.tls_key = folder / "key";
  sink_options.latency_ms = 1;
  ASSERT_TRUE(
      io::WriteSelfSigned(sink_options.tls_cert, sink_options.tls_key, "sink.test").has_value());
  RunningSink sink(sink_options);
  BlastOptions options = Options(sink);
  options.messages = 100;
  options.tls = "starttls";
  const BlastReport report = RunBlast(options);
  EXPECT_TRUE(report.ok) << report.error;
  EXPECT_EQ(sink.stats().tls, report.connections);
}

TEST(BlastIntoSink, ReportsAServerThatIsNotThere) {
  BlastOptions options;
  {
    RunningSink sink({});
    options.to = sink.at();
  }
  options.messages = 10;
  options.connections = 3;
  options.quiet = true;
  const BlastReport report = RunBlast(options);
  EXPECT_FALSE(report.ok);
  EXPECT_EQ(report.not_sent, 10);
  EXPECT_FALSE(report.error.empty());
  options.retry = true;
  options.retry_for_s = 0.3;
  EXPECT_EQ(RunBlast(options).not_sent, 10);
  options.to = "nowhere";
  EXPECT_FALSE(RunBlast(options).error.empty());
}

}  // namespace
}  // namespace sluice::tools
