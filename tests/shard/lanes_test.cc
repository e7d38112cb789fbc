// Lanes over a real queue, with writer and reader stepped in random order: whatever is added comes
// out until it is finished, never twice at once, in spite of spills, refills from old snapshots,
// evictions and restarts.

#include "engine/shard/lanes.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <memory>
#include <set>

#include "engine/base/text.h"

namespace sluice::engine {
namespace {

class ManualClock final : public Clock {
 public:
  Instant Now() const override { return Instant(std::chrono::seconds(1)) + passed; }
  WallTime Wall() const override { return WallFromMicros(1'800'000'000'000'000) + passed; }
  Duration passed{};
};

// Lanes never touch the network.
class NoNet final : public io::Net {
 public:
  io::Stream* Connect(const io::ConnectParams&, io::StreamEvents*) override { return nullptr; }
  Result<std::unique_ptr<io::Listener>> Listen(const Endpoint&, AcceptFn) override {
    return Fail(ErrorCode::kInvalid, "no network here");
  }
  Result<std::shared_ptr<io::TlsServerContext>> MakeTlsServer(const std::string&,
                                                              const std::string&) override {
    return Fail(ErrorCode::kInvalid, "no network here");
  }
  std::shared_ptr<io::TlsClientContext> MakeTlsClient() override { return nullptr; }
};

// One process's worth of lanes, all of one site. Dropping it is a crash.
class Process final : public LanesOwner {
 public:
  Process(ManualClock& clock, Random& random, const std::string& path)
      : clock_(clock), random_(random) {
    queue::QueueOptions options;
    options.path = path;
    options.map_size = uint64_t(64) << 20;
    options.segment_bytes = uint64_t(1) << 20;
    options.max_bytes = uint64_t(64) << 20;
    options.min_free_bytes = 0;
    options.seed = 7;
    options.sync = false;
    auto opened = queue::Queue::Open(options);
    EXPECT_TRUE(opened) << opened.error().what;
    queue_ = std::move(*opened);
    next_id = queue_->first_id();
    writer_ = std::make_unique<Writer>(*queue_, clock_, list_);
    reader_ = std::make_unique<Reader>(*queue_);
    links_ = std::make_unique<Links>(0, mailbox_, *writer_, *reader_);
    site_ = std::make_unique<Site>("site", timers_, [] {});
    lanes_ = std::make_unique<Lanes>(context_, *queue_, *links_, *this);
  }

  // What the recovery does after a start.
  void Recover() {
    RecoverLanes();
    for (MessageId from = 0;;) {
      auto sweep = queue_->Orphans(from, 100);
      ASSERT_TRUE(sweep);
      for (queue::LoadedRecipient& found : sweep->found)
        lanes_->Add({MakeRef<SharedMessage>(found.message), found.recipient, {}, false});
      if (sweep->next == 0) return;
      from = sweep->next;
    }
  }
  void RecoverLanes() {
    const auto rows = queue_->Lanes(std::nullopt, 10'000);
    ASSERT_TRUE(rows);
    for (const queue::LaneRow& row : *rows) lanes_->AddSleeping(row);
  }

  void Accept(const std::string& domain, bool captured = false) {
    queue::Message message;
    message.id = next_id++;
    message.accepted = message.released = clock_.Wall();
    message.sender = "a@b.test";
    message.tenant = "t";
    message.recipients = 1;
    queue::Recipient recipient;
    recipient.id = {message.id, 0};
    recipient.address = "x@" + domain;
    recipient.due = captured ? queue::kCapturedDue : message.accepted;
    auto body = MakeRef<Body>(nullptr);
    body->Append("Subject: x\r\n\r\n");
    queue::Transaction transaction;
    transaction.inserts.push_back({message, {recipient}, body});
    links_->Submit(std::move(transaction), true,
                   [this, message, recipient, captured](queue::Committed committed) {
                     ASSERT_TRUE(committed.status) << committed.status.error().what;
                     durable.insert(recipient.id);
                     if (captured) return Capture(message, recipient);
                     lanes_->Add({MakeRef<SharedMessage>(message), recipient, {}, false});
                   });
  }

  // Recipients of one accepted message, in one turn.
  void AddAll(uint32_t recipients) {
    queue::Message message;
    message.id = next_id++;
    message.accepted = message.released = clock_.Wall();
    message.sender = "a@b.test";
    message.tenant = "t";
    message.recipients = recipients;
    queue::Transaction transaction;
    std::vector<queue::Recipient> all(recipients);
    for (uint32_t i = 0; i < recipients; ++i) {
      all[i].id = {message.id, i};
      all[i].address = "x@big.test";
      all[i].due = message.accepted;
    }
    auto body = MakeRef<Body>(nullptr);
    body->Append("Subject: x\r\n\r\n");
    transaction.inserts.push_back({message, all, body});
    ASSERT_TRUE(queue_->CommitAll({&transaction, 1}).front().status);
    const auto shared = MakeRef<SharedMessage>(message);
    for (queue::Recipient& recipient : all) {
      durable.insert(recipient.id);
      lanes_->Add({shared, std::move(recipient), {}, false});
    }
  }
  size_t changes() const { return links_->open(); }

  void Capture(const queue::Message& message, const queue::Recipient& recipient) {
    const queue::LaneKey key{std::string(DomainOf(recipient.address)), message.tenant, ""};
    lanes_->AddSleeping({{}, key, 1, recipient.due});
    captured_.push_back({recipient, message});
  }

  // Those of earlier runs.
  void FindCaptured() {
    const auto rows = queue_->Lanes(std::nullopt, 10'000);
    ASSERT_TRUE(rows);
    for (const queue::LaneRow& row : *rows) {
      auto found = queue_->Captured(row.id, 10'000);
      ASSERT_TRUE(found);
      std::ranges::move(*found, std::back_inserter(captured_));
    }
  }

  // Lets a captured one go, as `sluice captured release` does.
  void ReleaseOne() {
    if (captured_.empty()) return;
    queue::LoadedRecipient loaded = std::move(captured_.back());
    captured_.pop_back();
    const queue::LaneKey key{std::string(DomainOf(loaded.recipient.address)), "t", ""};
    const WallTime now = clock_.Wall();
    loaded.recipient.due = now;
    queue::Transaction transaction;
    transaction.releases.push_back({loaded.message.id, now});
    transaction.postpones.push_back({std::move(loaded.recipient), key});
    links_->Submit(std::move(transaction), true, [this, key, now](queue::Committed committed) {
      ASSERT_TRUE(committed.status) << committed.status.error().what;
      lanes_->Reschedule(key, now);
    });
  }

  // Takes one recipient, as a delivery would. False when none is ready.
  bool TakeOne() {
    while (!round_.empty()) {
      const LaneHandle handle = round_.front();
      round_.pop_front();
      Lane* lane = lanes_->Get(handle);
      if (lane == nullptr) continue;
      if (lane->ready() == 0) {
        if (lane->window) lane->window->active = false;
        lanes_->Tidy(handle);
        continue;
      }
      Waiting waiting = lanes_->Take(*lane);
      if (lane->ready() > 0) {
        round_.push_back(handle);
      } else {
        lane->window->active = false;
      }
      lanes_->Refill(*lane, handle);
      EXPECT_TRUE(out.insert(waiting.recipient.id).second) << "handed out twice at once";
      EXPECT_FALSE(finished.contains(waiting.recipient.id)) << "handed out after its end";
      seen.insert(waiting.recipient.id);
      flying_.push_back({handle, std::move(waiting)});
      return true;
    }
    return false;
  }

  // Ends one that is out: finished, due again later, or put back.
  void EndOne() {
    if (flying_.empty()) return;
    const size_t i = size_t(random_.Below(flying_.size()));
    auto [handle, waiting] = std::move(flying_[i]);
    flying_.erase(flying_.begin() + std::ptrdiff_t(i));
    const queue::RecipientId id = waiting.recipient.id;
    const bool indexed = waiting.indexed;
    out.erase(id);
    const uint64_t dice = random_.Below(10);
    if (dice == 0) return lanes_->PutBack(handle, std::move(waiting));
    Lane& lane = *lanes_->Get(handle);
    lanes_->Committing(lane);
    queue::Transaction transaction;
    if (dice < 4) {
      const WallTime due = clock_.Wall() + std::chrono::milliseconds(random_.Below(5'000));
      waiting.recipient.due = due;
      ++waiting.recipient.attempts;
      transaction.postpones.push_back({waiting.recipient, lane.key});
      return links_->Submit(std::move(transaction), false,
                            [this, handle, id, indexed, due](queue::Committed committed) {
                              ASSERT_TRUE(committed.status) << committed.status.error().what;
                              lanes_->Postponed(handle, id, indexed, due);
                            });
    }
    Finish(handle, id, indexed);
  }

  // Ends all that are out, for good.
  void FinishAll() {
    for (auto& [handle, waiting] : std::exchange(flying_, {})) {
      out.erase(waiting.recipient.id);
      lanes_->Committing(*lanes_->Get(handle));
      Finish(handle, waiting.recipient.id, waiting.indexed);
    }
  }
  void Finish(LaneHandle handle, queue::RecipientId id, bool indexed) {
    queue::Transaction transaction;
    transaction.finishes.push_back({id, lanes_->Get(handle)->id});
    links_->Submit(std::move(transaction), false,
                   [this, handle, id, indexed](queue::Committed committed) {
                     ASSERT_TRUE(committed.status) << committed.status.error().what;
                     finished.insert(id);
                     lanes_->Finished(handle, id, indexed);
                   });
  }

  void SuspendFor(Duration time) {
    site_->suspended_until = clock_.Now() + time;
    site_->failures = 1;  // a site in trouble keeps its lanes
    const std::vector<LaneHandle> lanes = site_->lanes;
    for (const LaneHandle handle : lanes)
      if (Lane* lane = lanes_->Get(handle)) lanes_->Evict(*lane, handle);
  }
  void Resume() {
    if (clock_.Now() >= site_->suspended_until) site_->failures = 0;
    const std::vector<LaneHandle> lanes = site_->lanes;
    for (const LaneHandle handle : lanes)
      if (Lane* lane = lanes_->Get(handle)) lanes_->Refill(*lane, handle);
  }

  void Turn() {
    timers_.Run(clock_.Now());
    mailbox_.Run();
    lanes_->SubmitSpills();
    links_->Flush();
  }
  void StepWriter() { writer_->Step(); }
  // The writer commits what waits while the reader is at work: before what it answers next is sent.
  void CommitWhileReading() {
    links_->Ask([this](queue::Queue&) -> Task {
      clock_.passed += Writer::kGather;
      writer_->Step();
      return [] {};
    });
    links_->Flush();
  }
  void Probe() { site_->probing = true; }
  void StepReader() { reader_->Step(); }
  bool quiet() const { return flying_.empty() && links_->open() == 0 && lanes_->size() == 0; }
  queue::QueueTotals totals() const { return queue_->totals(); }

  void OnLaneAwake(Lane& lane, LaneHandle handle) override {
    lane.site = site_.get();
    site_->lanes.push_back(handle);
  }
  void OnLaneAsleep(Lane& lane, LaneHandle handle) override {
    std::erase(site_->lanes, handle);
    lane.site = nullptr;
  }
  void OnReady(Lane& lane, LaneHandle handle) override {
    if (lane.window->active) return;
    lane.window->active = true;
    round_.push_back(handle);
  }
  void OnExpired(Lane&, LaneHandle, Waiting) override { FAIL() << "nothing is that old here"; }
  void OnDamaged(const Lane&, queue::RecipientId) override { FAIL() << "damaged"; }

  std::set<queue::RecipientId> durable;
  std::set<queue::RecipientId> finished;
  std::set<queue::RecipientId> out;
  std::set<queue::RecipientId> seen;
  MessageId next_id = 0;

 private:
  ManualClock& clock_;
  Random& random_;
  BodyBudget bodies_{size_t(1) << 20};
  TimerQueue timers_;
  NoNet no_net_;
  ShardContext context_{
      0, clock_, timers_, no_net_, random_, bodies_, std::make_shared<config::Config>()};
  Mailbox mailbox_;
  std::array<Mailbox*, 1> list_{&mailbox_};
  std::unique_ptr<queue::Queue> queue_;
  std::unique_ptr<Writer> writer_;
  std::unique_ptr<Reader> reader_;
  std::unique_ptr<Links> links_;
  std::unique_ptr<Site> site_;
  std::unique_ptr<Lanes> lanes_;
  std::deque<LaneHandle> round_;
  std::vector<std::pair<LaneHandle, Waiting>> flying_;
  std::vector<queue::LoadedRecipient> captured_;
};

class LanesTest : public ::testing::TestWithParam<uint64_t> {
 protected:
  LanesTest() : path_(::testing::TempDir() + "lanes_test_" + std::to_string(GetParam())) {
    std::filesystem::remove_all(path_);
  }
  ~LanesTest() override { std::filesystem::remove_all(path_); }

  void Play(Process& process, int steps, bool accept) {
    for (int i = 0; i < steps; ++i) {
      const uint64_t dice = random_.Below(100);
      if (accept && dice < 30) {
        for (int k = 0; k < 20; ++k)
          process.Accept(dice < 20 ? "big.test" : "d" + std::to_string(dice));
      } else if (dice < 60) {
        for (int k = 0; k < 10 && process.TakeOne(); ++k) {
        }
      } else if (dice < 85) {
        for (int k = 0; k < 12; ++k) process.EndOne();
      } else if (dice == 85) {
        process.SuspendFor(std::chrono::milliseconds(300));
      } else if (dice == 86) {
        process.Resume();
      } else if (accept && dice < 91) {
        process.Accept(dice == 87 ? "held.test" : "big.test", true);
      } else {
        process.ReleaseOne();
      }
      if (random_.Below(3) == 0) process.StepWriter();
      if (random_.Below(4) == 0) process.StepReader();
      clock_.passed += std::chrono::milliseconds(random_.Below(40));
      process.Turn();
    }
  }

  void Drain(Process& process) {
    for (int i = 0; i < 100'000 && !process.quiet(); ++i) {
      while (process.TakeOne()) {
      }
      for (int k = 0; k < 50; ++k) process.EndOne();
      for (int k = 0; k < 5; ++k) process.ReleaseOne();
      process.StepWriter();
      process.StepReader();
      clock_.passed += std::chrono::milliseconds(20);
      process.Resume();
      process.Turn();
    }
    EXPECT_TRUE(process.quiet());
  }

  void Turns(Process& process) {
    for (int i = 0; i < 5; ++i) {
      clock_.passed += Writer::kGather;
      process.StepWriter();
      process.Turn();
    }
  }
  // All on disk, none in memory.
  void AcceptSuspended(Process& process, int recipients) {
    process.SuspendFor(std::chrono::seconds(1));
    for (int i = 0; i < recipients; ++i) process.Accept("big.test");
    Turns(process);
  }
  void Wake(Process& process) {
    clock_.passed += std::chrono::seconds(2);
    process.Resume();
    process.Turn();
  }

  const std::string path_;
  ManualClock clock_;
  Random random_{GetParam()};
};

TEST_P(LanesTest, HandsOutEveryRecipientUntilItIsFinishedAndNeverTwiceAtOnce) {
  Process process(clock_, random_, path_);
  Play(process, 600, true);
  Drain(process);
  EXPECT_EQ(process.finished, process.durable);
  EXPECT_EQ(process.totals().recipients, 0u);
}

TEST_P(LanesTest, LosesNothingThatWasDurableInACrash) {
  std::set<queue::RecipientId> durable;
  std::set<queue::RecipientId> finished;
  std::set<queue::RecipientId> seen;
  for (int run = 0; run < 4; ++run) {
    Process process(clock_, random_, path_);
    process.finished = finished;  // none of them may come out again
    process.Recover();
    if (run == 3) process.FindCaptured();
    Play(process, 150, true);
    if (run == 3) {
      Drain(process);
      EXPECT_EQ(process.totals().recipients, 0u);
    }
    durable.merge(process.durable);
    seen.merge(process.seen);
    finished = process.finished;
  }
  for (const queue::RecipientId& id : durable) EXPECT_TRUE(seen.contains(id)) << id.message;
}

TEST_P(LanesTest, ComesBackToWhatWasDueWhenItsSiteWasSuspended) {
  Process process(clock_, random_, path_);
  AcceptSuspended(process, 10);
  Wake(process);  // the question is on its way to the reader
  process.SuspendFor(std::chrono::seconds(1));
  process.StepReader();
  Turns(process);
  EXPECT_FALSE(process.TakeOne());
  clock_.passed += std::chrono::seconds(2);
  Drain(process);
  EXPECT_EQ(process.finished.size(), 10u);
}

// A refill that was asked for passes over what is loaded; by its answer that is loaded no more.
TEST_P(LanesTest, ComesBackToWhatWasLetGoWhileARefillWasUnanswered) {
  Process process(clock_, random_, path_);
  process.Probe();
  AcceptSuspended(process, int(Lanes::kProbeWindow));
  Wake(process);
  process.StepReader();
  process.Turn();
  for (size_t i = 0; i < Lanes::kProbeWindow / 2 + 1; ++i) EXPECT_TRUE(process.TakeOne());
  process.Turn();  // the window is half empty: a refill is asked for
  process.SuspendFor(std::chrono::seconds(1));
  process.StepReader();
  process.FinishAll();
  Turns(process);
  clock_.passed += std::chrono::seconds(2);
  Drain(process);
  EXPECT_EQ(process.finished.size(), Lanes::kProbeWindow);
}

// The recovery reads lanes while the engine is at work already.
TEST_P(LanesTest, DropsALaneOfWhichARowWasCountedTwice) {
  Process process(clock_, random_, path_);
  AcceptSuspended(process, 1);
  Wake(process);
  process.StepReader();
  process.Turn();
  EXPECT_TRUE(process.TakeOne());
  process.RecoverLanes();
  process.Turn();  // a refill is asked for
  process.FinishAll();
  Drain(process);
  EXPECT_EQ(process.finished.size(), 1u);
}

// A thousand recipients of one message must not be a thousand changes.
TEST_P(LanesTest, SpillsManyRecipientsWithOneChange) {
  Process process(clock_, random_, path_);
  AcceptSuspended(process, 1);
  const size_t before = process.changes();
  process.SuspendFor(std::chrono::seconds(1));
  process.AddAll(1'200);
  process.Turn();
  EXPECT_EQ(process.changes() - before, 3u);
  Turns(process);
  clock_.passed += std::chrono::seconds(2);
  Drain(process);
  EXPECT_EQ(process.finished.size(), 1'201u);
}

TEST_P(LanesTest, CountsWhatIsCapturedWhileARefillIsUnanswered) {
  Process process(clock_, random_, path_);
  AcceptSuspended(process, 3);
  Wake(process);  // the question is on its way to the reader
  process.Accept("big.test", true);
  process.CommitWhileReading();
  process.StepReader();
  process.Turn();
  while (process.TakeOne()) {
  }
  process.FinishAll();
  Turns(process);
  EXPECT_EQ(process.finished.size(), 3u);
  Drain(process);
  EXPECT_EQ(process.finished.size(), 4u);
}

INSTANTIATE_TEST_SUITE_P(Seeds, LanesTest, ::testing::Range<uint64_t>(1, 5));

}  // namespace
}  // namespace sluice::engine
