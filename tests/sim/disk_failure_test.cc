// The whole engine on a disk that fails under it: what cannot be written down is not begun, and
// what has happened is written down also where there is no room for more.

#include <gtest/gtest.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <filesystem>
#include <memory>
#include <set>
#include <string>

#include "tests/queue/faulty_disk.h"
#include "tests/sim/receivers.h"
#include "tests/sim/sim_engine.h"

namespace sluice::sim {
namespace {

using namespace std::chrono_literals;

constexpr uint32_t kConnections = 3;

class DiskFailure : public ::testing::Test {
 protected:
  explicit DiskFailure(Manners manners = Manners::WellBehaved())
      : receiver_(fabric_, mailroom_, "mx.d.test", *IpAddress::Parse("9.0.0.1"), manners),
        sender_(fabric_, mailroom_, "mx.sender.test", *IpAddress::Parse("9.0.0.2"),
                Manners::WellBehaved()) {
    auto config = std::make_shared<config::Config>();
    config->hostname = "mta.sender.test";
    config->delivery.connections_per_path = kConnections;
    config->sources.push_back({.name = "default", .address = {}, .public_address = {}, .ehlo = ""});
    config->pools.push_back({.name = "default", .members = {{"default", 1}}});
    SimEngineOptions options;
    options.config = std::move(config);
    options.queue_path = folder_;
    options.disk = &disk_;
    options.address = *IpAddress::Parse("192.0.2.1");
    options.fill_zone = [](dns::FakeDns& dns) {
      dns.AddMx("d.test", {{10, "mx.d.test"}});
      dns.AddA("mx.d.test", "9.0.0.1");
      dns.AddMx("sender.test", {{10, "mx.sender.test"}});
      dns.AddA("mx.sender.test", "9.0.0.2");
    };
    engine_ = std::make_unique<SimEngine>(world_, fabric_, std::move(options), record_);
    engine_->Start();
  }
  ~DiskFailure() override {
    engine_.reset();
    std::filesystem::remove_all(folder_);
  }

  void Submit(int messages) {
    for (int i = 0; i < messages; ++i)
      world_.ScheduleIn(Duration(i * 100), [this, i] { SubmitOne(i); });
    ASSERT_TRUE(world_.RunUntil([&] { return durable_.size() == size_t(messages); }, 1min));
  }
  void SubmitOne(int i) {
    engine_->Submit("news@sender.test", {"user" + std::to_string(i) + "@d.test"}, "", "x\r\n",
                    [this](MessageId id) { durable_.insert(id); });
  }
  size_t Taken() const { return mailroom_.all().size(); }
  bool Empty() const {
    return engine_->totals().recipients == 0 && engine_->totals().outbox_rows == 0;
  }
  void ExpectOneFinalEach(queue::EventType type) {
    for (const MessageId id : durable_) {
      const auto fate = record_.fates().find({id, 0});
      ASSERT_NE(fate, record_.fates().end());
      EXPECT_EQ(fate->second.finals, 1);
      EXPECT_EQ(fate->second.final, type);
    }
    EXPECT_TRUE(record_.faults().empty());
  }

  const std::string folder_ =
      (std::filesystem::temp_directory_path() / ("sluice-sim-disk-" + std::to_string(::getpid())))
          .string();
  queue::FaultyDisk disk_;
  SimWorld world_{7};
  SimFabric fabric_{world_};
  Mailroom mailroom_{world_};
  EventRecord record_{world_};
  Receiver receiver_;
  Receiver sender_;
  std::unique_ptr<SimEngine> engine_;
  std::set<MessageId> durable_;
};

TEST_F(DiskFailure, BeginsNothingThatCouldNotBeWrittenDown) {
  Submit(300);
  ASSERT_TRUE(world_.RunUntil([&] { return Taken() >= 20; }, 1min));
  disk_.commit_error = EIO;
  const size_t before = Taken();
  world_.RunFor(10min);
  // What was under way ends; every connection may have had one more in its hands.
  const size_t unwritten = Taken() - before;
  EXPECT_LE(unwritten, 2 * kConnections);
  EXPECT_LT(Taken(), 100u);
  engine_->Crash(false);
  disk_.commit_error = 0;
  engine_->Start();
  ASSERT_TRUE(world_.RunUntil([&] { return Empty(); }, 1h));
  ExpectOneFinalEach(queue::EventType::kDelivered);
  // Beside those, only what was answered in the moment of the failure.
  EXPECT_LE(mailroom_.CountDuplicates(), unwritten + 2 * kConnections);
}

class DiskFullOfBounces : public DiskFailure {
 protected:
  DiskFullOfBounces() : DiskFailure(Refusing()) {}
  static Manners Refusing() {
    Manners manners = Manners::WellBehaved();
    manners.rcpt_5xx = 1;
    return manners;
  }
};

TEST_F(DiskFullOfBounces, AreRecordedEvenWhereTheirReportsFindNoRoom) {
  Submit(100);
  disk_.write_error = ENOSPC;
  ASSERT_TRUE(world_.RunUntil([&] { return Empty(); }, 1h));
  ExpectOneFinalEach(queue::EventType::kBounced);
  EXPECT_LT(Taken(), 100u);  // reports
}

TEST_F(DiskFullOfBounces, AreRecordedWhateverKeepsTheirReportsFromTheDisk) {
  Submit(100);
  disk_.write_error = EIO;
  ASSERT_TRUE(world_.RunUntil([&] { return Empty(); }, 1h));
  ExpectOneFinalEach(queue::EventType::kBounced);
  EXPECT_LT(Taken(), 100u);
}

}  // namespace
}  // namespace sluice::sim
