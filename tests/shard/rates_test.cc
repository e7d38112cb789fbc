// Rates over several shards in virtual time: at most the rate and its burst in any window, and at
// most one message short of it while there is work, whoever shares it, whatever comes back unused,
// through reloads.

#include "engine/shard/rates.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <optional>

#include "engine/base/random.h"
#include "tests/sim/sim_clock.h"

namespace sluice::engine {
namespace {

constexpr Duration kSecond{1'000'000};

// Shards whose messages to each other take up to three milliseconds.
class RatesTest : public ::testing::Test {
 protected:
  struct OneShard {
    OneShard(uint32_t index, const Clock& clock, std::span<Mailbox* const> mailboxes)
        : out(mailboxes), rates(index, clock, timers, out) {}
    TimerQueue timers;
    Switchboard out;
    Rates rates;
    Instant runs = kNever;  // its mailbox
  };

  void Make(size_t count) {
    for (size_t i = 0; i < count; ++i) {
      mailboxes_.push_back(std::make_unique<Mailbox>());
      list_.push_back(mailboxes_.back().get());
    }
    for (size_t i = 0; i < count; ++i)
      shards_.push_back(std::make_unique<OneShard>(uint32_t(i), clock_, list_));
    std::vector<Rates*> peers;
    for (auto& shard : shards_) peers.push_back(&shard->rates);
    for (auto& shard : shards_) shard->rates.Join(peers);
    for (size_t i = 0; i < count; ++i)
      mailboxes_[i]->SetWake([this, i] {
        shards_[i]->runs = std::min(shards_[i]->runs, clock_.Now() + Duration(dice_.Below(3'000)));
      });
  }

  void Flush() {
    for (auto& shard : shards_) ASSERT_TRUE(shard->out.Flush());
  }

  Instant Next() const {
    Instant next = kNever;
    for (const auto& shard : shards_) next = std::min({next, shard->timers.next(), shard->runs});
    return next;
  }

  // The next thing that happens, not after `end`. False: nothing does before.
  bool Step(Instant end) {
    Flush();
    const Instant next = Next();
    if (next > end) return false;
    clock_.MoveTo(std::max(next, clock_.Now()));
    for (size_t i = 0; i < shards_.size(); ++i) {
      if (shards_[i]->runs <= clock_.Now()) {
        shards_[i]->runs = kNever;
        mailboxes_[i]->Run();
      }
      shards_[i]->timers.Run(clock_.Now());
    }
    return true;
  }
  void RunUntil(Instant end) {
    while (Step(end)) {
    }
    clock_.MoveTo(std::max(end, clock_.Now()));
  }

  sim::SimClock clock_;
  Random dice_{1};
  std::vector<std::unique_ptr<Mailbox>> mailboxes_;
  std::vector<Mailbox*> list_;
  std::vector<std::unique_ptr<OneShard>> shards_;
};

// Those who use one rate: each has a backlog and connections that are busy for a while.
class RateUsers {
 public:
  struct User {
    size_t shard;
    std::string name;
    uint64_t backlog = 0;
    uint32_t free = 4;  // connections
    std::unique_ptr<Timer> done;
    std::vector<Instant> busy_until;
  };

  RateUsers(std::vector<Rates*> rates, std::vector<TimerQueue*> timers, const Clock& clock,
            Random& dice, RateKey key)
      : rates_(std::move(rates)),
        timers_(std::move(timers)),
        clock_(clock),
        dice_(dice),
        key_(std::move(key)) {
    for (Rates* one : rates_)
      one->OnOpen([this](const std::string& who) { Try(*users_.at(std::stoul(who))); });
  }

  User& Add(size_t shard) {
    auto& user = *users_.emplace_back(std::make_unique<User>());
    user.shard = shard;
    user.name = std::to_string(users_.size() - 1);
    user.done = std::make_unique<Timer>(*timers_[shard], [this, &user] { OnDone(user); });
    return user;
  }

  void Try(User& user) {
    Rates& rates = *rates_[user.shard];
    while (user.backlog > 0 && user.free > 0) {
      if (!rates.Take(key_, 1)) return rates.Wait(key_, user.name, 1, Duration(0));
      uses.push_back(clock_.Now());
      --user.backlog;
      --user.free;
      const auto most = uint64_t(std::max<int64_t>(1, busy.count()));
      user.busy_until.push_back(clock_.Now() + Duration(dice_.Below(most)));
      user.done->Set(std::ranges::min(user.busy_until));
    }
  }

  void SetRate(const config::Rate& rate) {
    key_.rate = rate;
    for (Rates* one : rates_) one->Renew();
    for (auto& user : users_) Try(*user);
  }
  const config::Rate& rate() const { return key_.rate; }
  std::vector<std::unique_ptr<User>>& all() { return users_; }

  std::vector<Instant> uses;
  Duration busy{0};  // how long a connection is, at most

 private:
  void OnDone(User& user) {
    const Instant now = clock_.Now();
    user.free += uint32_t(std::erase_if(user.busy_until, [now](Instant t) { return t <= now; }));
    if (!user.busy_until.empty()) user.done->Set(std::ranges::min(user.busy_until));
    Try(user);
  }

  std::vector<Rates*> rates_;
  std::vector<TimerQueue*> timers_;
  const Clock& clock_;
  Random& dice_;
  RateKey key_;
  std::vector<std::unique_ptr<User>> users_;
};

// The largest excess, in units, over rate x (window + slack) + burst, of all windows.
double Excess(const std::vector<Instant>& uses, const config::Rate& rate) {
  const double gap = double(rate.per.count()) / double(rate.count);
  const double slack = std::clamp(gap / 100, 10'000.0, 1'000'000.0);
  double most = -1e300;
  double worst = -1e300;
  for (size_t i = 0; i < uses.size(); ++i) {
    const double x = double(MicrosOf(uses[i])) - double(i) * gap;
    most = std::max(most, x);
    worst = std::max(worst, (most - x - double(rate.burst - 1) * gap - slack) / gap);
  }
  return worst;
}

// How many units the worst window of `length` uses is short of the rate.
double Shortage(const std::vector<Instant>& uses, const config::Rate& rate, size_t length) {
  const double gap = double(rate.per.count()) / double(rate.count);
  double worst = 0;
  for (size_t i = length; i < uses.size(); ++i)
    worst = std::max(worst, double((uses[i] - uses[i - length]).count()) / gap - double(length));
  return worst;
}

config::Rate RandomRate(Random& dice) {
  static constexpr int64_t kPeriods[] = {1, 60, 3'600, 86'400};
  for (;;) {
    const config::Rate rate{.count = 1 + dice.Below(20'000),
                            .per = kSecond * kPeriods[dice.Below(4)],
                            .burst = dice.Below(2) == 0 ? 1 : 1 + dice.Below(50)};
    if (rate.per_second() <= 5'000 && rate.per_second() >= 3.0 / 3'600) return rate;
  }
}

class RatesRun : public RatesTest {
 protected:
  RateUsers MakeUsers(const config::Rate& rate) {
    std::vector<Rates*> rates;
    std::vector<TimerQueue*> timers;
    for (auto& shard : shards_) {
      rates.push_back(&shard->rates);
      timers.push_back(&shard->timers);
    }
    return {rates, timers, clock_, dice_, {"a|site", rate}};
  }
  static Duration TimeOf(const config::Rate& rate, double units) {
    return Duration(int64_t(double(rate.per.count()) / double(rate.count) * units));
  }
};

TEST_F(RatesRun, KeepsEveryRateExactlyWhoeverSharesIt) {
  const config::Rate kRates[] = {{.count = 3, .per = 3'600 * kSecond, .burst = 1},
                                 {.count = 1, .per = 10 * kSecond, .burst = 1},
                                 {.count = 200'000, .per = 86'400 * kSecond, .burst = 1},
                                 {.count = 100, .per = kSecond, .burst = 20},
                                 {.count = 5'000, .per = kSecond, .burst = 1}};
  Make(2);
  for (const config::Rate& rate : kRates) {
    for (auto& shard : shards_) shard->rates.Renew();
    RateUsers users = MakeUsers(rate);
    for (size_t i = 0; i < 4; ++i) users.Add(i % 2).backlog = 10'000;
    const Instant begin = clock_.Now();
    for (auto& user : users.all()) users.Try(*user);
    RunUntil(begin + TimeOf(rate, 3'000));
    EXPECT_LE(Excess(users.uses, rate), 1e-6) << config::FormatRate(rate);
    EXPECT_LE(Shortage(users.uses, rate, 1'000), 1) << config::FormatRate(rate);
    EXPECT_GE(users.uses.size(), 2'999u) << config::FormatRate(rate);
    RunUntil(clock_.Now() + 40 * 86'400 * kSecond);
  }
}

// Work comes and goes, connections are busy, slots go back: the bound holds all the time.
TEST_F(RatesRun, NeverExceedsARateWhileWorkComesAndGoes) {
  Make(3);
  for (int run = 0; run < 60; ++run) {
    for (auto& shard : shards_) shard->rates.Renew();
    const config::Rate rate = RandomRate(dice_);
    RateUsers users = MakeUsers(rate);
    users.busy = TimeOf(rate, double(dice_.Below(20)));
    for (size_t i = 0; i < 6; ++i) users.Add(i % 3);
    for (int part = 0; part < 100; ++part) {
      auto& user = *users.all()[dice_.Below(6)];
      user.backlog = dice_.Below(3) == 0 ? 0 : dice_.Below(40);
      users.Try(user);
      RunUntil(clock_.Now() + TimeOf(rate, double(dice_.Below(40))));
    }
    EXPECT_LE(Excess(users.uses, rate), 1e-6) << run << ": " << config::FormatRate(rate);
    EXPECT_GT(users.uses.size(), 100u);
    RunUntil(clock_.Now() + 40 * 86'400 * kSecond);
  }
}

// A reload takes effect at once, and what was counted before it counts.
TEST_F(RatesRun, KeepsTheBoundThroughReloads) {
  Make(2);
  for (int run = 0; run < 60; ++run) {
    for (auto& shard : shards_) shard->rates.Renew();
    RateUsers users = MakeUsers(RandomRate(dice_));
    for (size_t i = 0; i < 4; ++i) users.Add(i % 2).backlog = 1'000'000;
    for (auto& user : users.all()) users.Try(*user);
    // A bucket of liquid beside it, which leaks at the rate in force.
    double used = 0;
    for (int part = 0; part < 20; ++part) {
      const size_t seen = users.uses.size();
      Instant last = clock_.Now();
      RunUntil(clock_.Now() + TimeOf(users.rate(), 1 + double(dice_.Below(300))));
      const double per_us = users.rate().per_second() / 1e6;
      const double slack = std::clamp(0.01 / per_us, 10'000.0, 1'000'000.0);
      const double top = double(users.rate().burst) + slack * per_us;
      for (size_t i = seen; i <= users.uses.size(); ++i) {
        const Instant at = i < users.uses.size() ? users.uses[i] : clock_.Now();
        used = std::max(0.0, used - double((at - last).count()) * per_us);
        last = at;
        if (i == users.uses.size()) break;
        used += 1;
        ASSERT_LE(used, top + 1e-3) << run << ": " << config::FormatRate(users.rate());
      }
      used = std::min(used, double(users.rate().burst));  // what the slack let go is forgiven
      users.SetRate(RandomRate(dice_));
    }
    RunUntil(clock_.Now() + TimeOf(users.rate(), 2'000));
    EXPECT_LE(Shortage({users.uses.end() - 1'001, users.uses.end()}, users.rate(), 1'000), 1);
    for (auto& user : users.all()) user->backlog = 0;
    RunUntil(clock_.Now() + 40 * 86'400 * kSecond);
  }
}

TEST_F(RatesRun, GivesWhatOneShardDoesNotUseToTheOther) {
  Make(2);
  const config::Rate rate{.count = 1'000, .per = kSecond, .burst = 1};
  RateUsers users = MakeUsers(rate);
  users.Add(0).backlog = 1'000'000;
  auto& fitful = users.Add(1);
  users.Try(*users.all()[0]);
  const Instant begin = clock_.Now();
  for (int i = 0; i < 100; ++i) {
    fitful.backlog = 1;
    users.Try(fitful);
    RunUntil(clock_.Now() + Duration(100'000));
  }
  EXPECT_GE(double(users.uses.size()), 0.99 * 1'000 * double((clock_.Now() - begin).count()) / 1e6);
}

TEST_F(RatesRun, ServesThoseWhoWaitInTurn) {
  Make(1);
  RateUsers users = MakeUsers({.count = 10, .per = kSecond, .burst = 1});
  for (size_t i = 0; i < 5; ++i) users.Add(0).backlog = 1'000;
  for (auto& user : users.all()) users.Try(*user);
  RunUntil(clock_.Now() + 50 * kSecond);
  for (auto& user : users.all()) EXPECT_NEAR(double(1'000 - user->backlog), 100, 2);
}

// Who waits must not depend on those before them to ask for more.
TEST_F(RatesRun, ServesThoseWhoWaitAfterTheOthersHaveNoMore) {
  Make(3);
  for (const Duration gap : {Duration(2'000), Duration(20'000), kSecond, 100 * kSecond}) {
    for (auto& shard : shards_) shard->rates.Renew();
    RateUsers users = MakeUsers({.count = 1, .per = gap, .burst = 1});
    for (size_t i = 0; i < 30; ++i) users.Add(i % 3).backlog = 1;
    for (auto& user : users.all()) users.Try(*user);
    RunUntil(clock_.Now() + 35 * gap + kSecond);
    EXPECT_EQ(users.uses.size(), 30u) << gap.count();
  }
}

TEST_F(RatesTest, WakesWhoWantsSeveralOnceThereAreAsMany) {
  Make(2);
  Rates& rates = shards_[0]->rates;
  const RateKey key{"a|site", {.count = 1, .per = kSecond, .burst = 60}};
  size_t woken = 0;
  bool taken = false;
  rates.OnOpen([&](const std::string&) {
    ++woken;
    if (!rates.Take(key, 60)) return rates.Wait(key, "many", 60, Duration(0));
    taken = true;
  });
  while (!rates.Take(key, 60)) RunUntil(clock_.Now() + Duration(1'000));
  ASSERT_FALSE(rates.Take(key, 60));
  rates.Wait(key, "many", 60, Duration(0));
  RunUntil(clock_.Now() + 70 * kSecond);
  EXPECT_TRUE(taken);
  EXPECT_LE(woken, 5u);
}

TEST_F(RatesTest, WakesOneOfManyForASlotAndAheadOfIt) {
  Make(1);
  Rates& rates = shards_[0]->rates;
  const RateKey key{"a|site", {.count = 1, .per = 10 * kSecond, .burst = 1}};
  ASSERT_TRUE(rates.Take(key, 1));
  const Instant began = clock_.Now();
  std::vector<Duration> woken;
  rates.OnOpen([&](const std::string&) { woken.push_back(clock_.Now() - began); });
  for (int i = 0; i < 100; ++i) rates.Wait(key, std::to_string(i), 1, 2 * kSecond);
  RunUntil(began + Duration(9'990'000));
  ASSERT_EQ(woken.size(), 1u);
  EXPECT_NEAR(double(woken[0].count()), 8e6, 6e4);
}

TEST_F(RatesTest, LetsWhatCouldNotBeHeldBackCostTheNext) {
  Make(2);
  Rates& rates = shards_[0]->rates;
  const RateKey key{"a|site", {.count = 1, .per = kSecond, .burst = 1}};
  rates.Owe(key, 3);
  (void)rates.OpensAt(key, 1);
  RunUntil(clock_.Now() + Duration(20'000));
  (void)rates.OpensAt(key, 1);
  RunUntil(clock_.Now() + Duration(4'000));
  const Instant opens = rates.OpensAt(key, 1);
  EXPECT_NEAR(double((opens - clock_.Now()).count()), 3e6, 5e4);
}

TEST_F(RatesTest, TakesAsManyAtOnceAsTheBurstAllows) {
  Make(1);
  Rates& rates = shards_[0]->rates;
  const RateKey key{"a|site", {.count = 10, .per = kSecond, .burst = 5}};
  EXPECT_TRUE(rates.Take(key, 5));
  EXPECT_FALSE(rates.Take(key, 2));
  RunUntil(clock_.Now() + Duration(150'000));
  EXPECT_TRUE(rates.Take(key, 1));
}

TEST_F(RatesTest, ForgetsLimitsThatNobodyUses) {
  Make(1);
  Rates& rates = shards_[0]->rates;
  for (int i = 0; i < 10'000; ++i) {
    ASSERT_TRUE(rates.Take({std::to_string(i), {.count = 10, .per = kSecond, .burst = 1}}, 1));
    RunUntil(clock_.Now() + Duration(1'000));
  }
  EXPECT_LT(rates.gates(), 1'000u);
  EXPECT_LT(rates.buckets(), 1'000u);
}

}  // namespace
}  // namespace sluice::engine
