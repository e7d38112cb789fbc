// Warm-up over two shards: no day over its plan, whoever asks and whatever is restarted, and what
// is not used is there for others.

#include "engine/shard/warmup.h"

#include <gtest/gtest.h>

#include <array>
#include <memory>

#include "tests/shard/counting_queue.h"
#include "tests/sim/sim_clock.h"

namespace sluice::engine {
namespace {

using std::chrono::hours;
using std::chrono::seconds;

struct WarmShard {
  WarmShard(uint32_t number, const Clock& clock, Writer& writer, Reader& reader,
            std::span<Mailbox* const> list)
      : links(number, *list[number], writer, reader),
        out(list),
        warmup(number, clock, timers, links, out) {}

  TimerQueue timers;
  Links links;
  Switchboard out;
  Warmup warmup;
};

class WarmupTest : public ::testing::Test {
 protected:
  WarmupTest() {
    config_->pools.push_back({.name = "default", .members = {{"new", 1}, {"old", 1}}});
    config_->sources.push_back(
        {.name = "new", .address = {}, .public_address = {}, .ehlo = {}, .warmup = "100, 200"});
    config_->sources.push_back({.name = "old", .address = {}, .public_address = {}, .ehlo = {}});
    Begin({});
  }
  // A process: with what an earlier one wrote.
  void Begin(const std::vector<queue::Suspension>& kept) {
    for (uint32_t i = 0; i < 2; ++i)
      shards_[i] = std::make_unique<WarmShard>(i, clock_, writer_, reader_, list_);
    const std::array<Warmup*, 2> peers{&shards_[0]->warmup, &shards_[1]->warmup};
    for (auto& shard : shards_) {
      shard->warmup.Join(peers);
      shard->warmup.SetConfig(config_);
      shard->warmup.Load(kept);
    }
    next_day_ = TimeZone().DayAfter(clock_.Wall());
  }
  // Time passes, and what was said and written arrives.
  void Pass(Duration time) {
    clock_.MoveTo(clock_.Now() + time);
    for (int i = 0; i < 8; ++i) {
      for (auto& shard : shards_) {
        shard->timers.Run(clock_.Now());
        shard->warmup.Flush();
        ASSERT_TRUE(shard->out.Flush());
        ASSERT_TRUE(shard->links.Flush());
      }
      clock_.MoveTo(clock_.Now() + Writer::kGather);
      (void)writer_.Step();
      for (Mailbox& mailbox : mailbox_) mailbox.Run();
    }
  }
  Warmup& At(size_t shard) { return shards_[shard]->warmup; }
  bool Open(size_t shard, const std::string& source = "new") {
    return At(shard).Until(source, "@google", nullptr) <= clock_.Wall();
  }
  // Sends by pieces of `size` from the shards in turn, until nobody may; how many were sent.
  uint64_t SendAll(uint64_t size) {
    uint64_t sent = 0;
    for (int idle = 0; idle < 8;) {
      bool some = false;
      for (size_t i = 0; i < 2; ++i) {
        if (!Open(i) || !At(i).Take("new", "@google", size)) continue;
        sent += size;
        At(i).Count("new", "@google", {.tried = size, .deferred = deferred_ ? size : 0});
        some = true;
      }
      idle = some ? 0 : idle + 1;
      Pass(some ? Duration(1'000) : seconds(20));
    }
    return sent;
  }
  void NextDay() { Pass(TimeZone().DayAfter(clock_.Wall()) - clock_.Wall() + hours(1)); }
  WarmupView View() {
    for (auto& shard : shards_)
      for (const WarmupView& view : shard->warmup.Views())
        if (view.state.receiver == "@google") return view;
    return {};
  }

  sim::SimClock clock_;  // 08:00 UTC
  CountingQueue queue_;
  std::array<Mailbox, 2> mailbox_;
  std::array<Mailbox*, 2> list_{&mailbox_[0], &mailbox_[1]};
  Writer writer_{queue_, clock_, list_};
  Reader reader_{queue_};
  std::shared_ptr<config::Config> config_ = std::make_shared<config::Config>();
  std::array<std::unique_ptr<WarmShard>, 2> shards_;
  WallTime next_day_;
  bool deferred_ = false;
};

TEST_F(WarmupTest, GivesTheDaysCountAndNoMoreOverAllShards) {
  EXPECT_EQ(SendAll(1), 100u);
  std::string why;
  EXPECT_EQ(At(0).Until("new", "@google", &why), next_day_);
  EXPECT_EQ(why, "warm-up of source new at google: day 1 of 2, 100 of 100 today");
  EXPECT_TRUE(Open(0, "old")) << "what is over goes to the pool";
  NextDay();
  EXPECT_EQ(SendAll(7), 200u / 7 * 7) << "a day that went well";
  NextDay();
  EXPECT_TRUE(Open(0) || (Pass(seconds(2)), Open(0)));
  EXPECT_TRUE(At(0).Take("new", "@google", 1'000'000)) << "it is warm";
}

TEST_F(WarmupTest, DoesNotGoOnAfterABadDay) {
  deferred_ = true;
  EXPECT_EQ(SendAll(1), 100u);
  NextDay();
  EXPECT_EQ(View().state.step, 0u);
  EXPECT_EQ(SendAll(1), 100u);
  deferred_ = false;
  NextDay();
  EXPECT_EQ(SendAll(1), 100u);
  NextDay();
  EXPECT_EQ(View().state.step, 1u);
}

TEST_F(WarmupTest, GivesWhatOneShardDoesNotUseToTheOther) {
  (void)Open(0);
  Pass(Duration(0));
  ASSERT_TRUE(At(0).Take("new", "@google", 1));
  Pass(Duration(0));
  Pass(Warmup::kHold + seconds(1));
  Pass(seconds(1));
  EXPECT_EQ(View().state.given, 1u);
  EXPECT_EQ(SendAll(1), 99u);
}

TEST_F(WarmupTest, ForgetsNothingOverARestart) {
  EXPECT_EQ(SendAll(1), 100u);
  Begin(queue_.suspensions);
  EXPECT_EQ(SendAll(1), 0u);
  NextDay();
  EXPECT_EQ(View().state.step, 1u);
}

TEST_F(WarmupTest, KeepsThePoolWaitingWhereThatIsThePolicy) {
  config_->sources[0].warmup_overflow = config::Source::WarmupOverflow::kWait;
  Begin({});
  EXPECT_FALSE(Open(0, "old")) << "until it is known whether the new one may";
  Pass(Duration(0));
  EXPECT_TRUE(Open(0, "old"));
  EXPECT_EQ(SendAll(1), 100u);
  EXPECT_EQ(At(0).Until("old", "@google", nullptr), next_day_);
  (void)At(0).Until("old", "@yahoo", nullptr);
  Pass(Duration(0));
  EXPECT_LE(At(0).Until("old", "@yahoo", nullptr), clock_.Wall()) << "counted at each provider";
}

TEST_F(WarmupTest, BeginsOnItsDay) {
  config_->sources[0].warmup_start = "2026-11-23";
  Begin({});
  std::string why;
  EXPECT_EQ(At(0).Until("new", "@google", &why), next_day_ + hours(24));
  EXPECT_EQ(why, "warm-up of source new begins on 2026-11-23");
  NextDay();
  NextDay();
  EXPECT_EQ(SendAll(1), 100u);
}

TEST_F(WarmupTest, IsPausedResumedAndReset) {
  const auto carry = [this](WarmupOrder order, const std::string& source) {
    return At(0).Carry(order, source, "", "uid 0") + At(1).Carry(order, source, "", "uid 0");
  };
  EXPECT_EQ(SendAll(1), 100u);
  EXPECT_EQ(carry(WarmupOrder::kPause, "old"), 0u);
  EXPECT_EQ(carry(WarmupOrder::kPause, "new"), 1u);
  NextDay();
  EXPECT_EQ(View().state.step, 0u);
  EXPECT_EQ(carry(WarmupOrder::kResume, "new"), 1u);
  EXPECT_EQ(SendAll(1), 100u);
  NextDay();
  EXPECT_EQ(SendAll(1), 200u);
  EXPECT_EQ(carry(WarmupOrder::kReset, "new"), 1u);
  EXPECT_EQ(SendAll(1), 0u) << "the day has had its share";
  NextDay();
  EXPECT_EQ(SendAll(1), 100u);
}

TEST_F(WarmupTest, TakesThePlanOfTheProvider) {
  config_->sources[0].warmup_for = {{.provider = "google", .plan = "30"}};
  Begin({});
  EXPECT_EQ(SendAll(1), 30u);
}

}  // namespace
}  // namespace sluice::engine
