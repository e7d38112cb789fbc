// tests/shard/lanes_process.h — one process's worth of lanes over a real queue, driven by hand.

#ifndef SLUICE_TESTS_SHARD_LANES_PROCESS_H_
#define SLUICE_TESTS_SHARD_LANES_PROCESS_H_

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <deque>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "engine/base/text.h"
#include "engine/shard/lanes.h"
#include "tests/shard/no_net.h"

namespace sluice::engine {

class ManualClock final : public Clock {
 public:
  Instant Now() const override { return Instant(std::chrono::seconds(1)) + passed; }
  WallTime Wall() const override { return WallFromMicros(1'800'000'000'000'000) + passed; }
  Duration passed{};
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
    site_ = std::make_unique<Site>("site", "default", timers_, nodes_, [] {}, [] {});
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
        if (lane->window) lane->window->queued = kNoPlace;
        lanes_->Tidy(handle);
        continue;
      }
      Waiting waiting = lanes_->Take(*lane);
      if (lane->ready() > 0) {
        round_.push_back(handle);
      } else {
        lane->window->queued = kNoPlace;
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
      transaction.postpones.push_back({waiting.recipient, lane.key.ToKey()});
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

  void OnLaneAwake(Lane& lane, LaneHandle handle) override { site_->AddLane(lane, handle); }
  void OnLaneAsleep(Lane& lane, LaneHandle) override {
    site_->DropLane(lane, [this](LaneHandle other) -> Lane& { return *lanes_->Get(other); });
  }
  void OnReady(Lane& lane, LaneHandle handle) override {
    if (lane.window->queued != kNoPlace) return;
    lane.window->queued = 0;
    round_.push_back(handle);
  }
  bool MayExpireHere(const Lane&, Waiting&) override { return true; }
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
  QueueNodes nodes_{[](std::string_view) { return 1u; }};
  std::unique_ptr<Site> site_;
  std::unique_ptr<Lanes> lanes_;
  std::deque<LaneHandle> round_;
  std::vector<std::pair<LaneHandle, Waiting>> flying_;
  std::vector<queue::LoadedRecipient> captured_;
};

}  // namespace sluice::engine

#endif  // SLUICE_TESTS_SHARD_LANES_PROCESS_H_
