// Limits over two shards whose mailboxes are run by hand: no cap is ever exceeded, nobody starves.

#include "engine/shard/limits.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "engine/base/random.h"

namespace sluice::engine {
namespace {

class LimitsTest : public ::testing::Test {
 protected:
  LimitsTest() {
    std::array<Limits*, 2> peers{&limits_[0], &limits_[1]};
    for (Limits& limits : limits_) limits.Join(peers);
  }

  // Carries messages until nobody has one.
  void Deliver() {
    for (int i = 0; i < 8; ++i) {
      for (Switchboard& out : out_) ASSERT_TRUE(out.Flush());
      for (Mailbox& mailbox : mailbox_) mailbox.Run();
    }
  }

  std::array<Mailbox, 2> mailbox_;
  std::array<Mailbox*, 2> list_{&mailbox_[0], &mailbox_[1]};
  std::array<Switchboard, 2> out_{Switchboard(list_), Switchboard(list_)};
  std::array<Limits, 2> limits_{Limits(0, out_[0], {}), Limits(1, out_[1], {})};
};

TEST_F(LimitsTest, GrantsNoMoreThanThePathAllowsOverAllShards) {
  int granted = 0;
  for (int i = 0; i < 5; ++i)
    for (Limits& limits : limits_) limits.Acquire("a|site", 3, [&granted] { ++granted; });
  Deliver();
  EXPECT_EQ(granted, 3);
}

TEST_F(LimitsTest, GivesAFreedPermitToWhoeverWaitsLongest) {
  std::vector<int> order;
  for (int i = 0; i < 3; ++i) limits_[0].Acquire("p", 3, [] {});
  Deliver();
  limits_[1].Acquire("p", 3, [&order] { order.push_back(1); });
  Deliver();
  limits_[0].Acquire("p", 3, [&order] { order.push_back(2); });
  Deliver();
  EXPECT_TRUE(order.empty());
  limits_[0].Release("p");
  Deliver();
  EXPECT_EQ(order, (std::vector{1}));
  limits_[0].Release("p");
  Deliver();
  EXPECT_EQ(order, (std::vector{1, 2}));
}

// Many sites of one provider in line for its few connections.
TEST_F(LimitsTest, KeepsNobodyFromTheTotalForALineThatWaitsForItsPath) {
  Switchboard out{std::span(list_).first(1)};
  Limits limits(0, out, {.connections_total = 3});
  std::array<Limits*, 1> alone{&limits};
  limits.Join(alone);
  int granted = 0;
  for (int i = 0; i < 100; ++i) limits.Acquire("a|@provider", 2, [&granted] { ++granted; });
  EXPECT_EQ(granted, 2);
  bool other = false;
  limits.Acquire("a|other", 2, [&other] { other = true; });
  EXPECT_TRUE(other);
}

TEST_F(LimitsTest, GrantsALongLineOfOnePathWhenEachIsGivenBackAtOnce) {
  constexpr int kWaiting = 100'000;
  int granted = 0;
  limits_[0].Acquire("p", 1, [] {});
  Deliver();
  for (int i = 0; i < kWaiting; ++i)
    limits_[0].Acquire("p", 1, [this, &granted] {
      ++granted;
      limits_[0].Release("p");
    });
  limits_[0].Release("p");
  for (int i = 0; i < 3 * kWaiting && granted < kWaiting; ++i) {
    ASSERT_TRUE(out_[0].Flush());
    ASSERT_TRUE(out_[1].Flush());
    mailbox_[0].Run();
    mailbox_[1].Run();
  }
  EXPECT_EQ(granted, kWaiting);
}

// As when the engine stops: nobody uses what is granted.
TEST_F(LimitsTest, GrantsALongLineOneByOneWhenEachIsGivenBackAtOnce) {
  Switchboard out{std::span(list_).first(1)};
  Limits limits(0, out, {.connections_total = 1});
  std::array<Limits*, 1> alone{&limits};
  limits.Join(alone);
  limits.Acquire("busy", 1, [] {});
  int granted = 0;
  constexpr int kWaiting = 300'000;
  for (int i = 0; i < kWaiting; ++i) {
    const std::string path = std::to_string(i);
    limits.Acquire(path, 1, [&limits, &granted, path] {
      ++granted;
      limits.Release(path);
    });
  }
  limits.Release("busy");
  EXPECT_EQ(granted, kWaiting);
  EXPECT_EQ(limits.open(), 0u);
}

TEST_F(LimitsTest, TellsWhoHoldsAConnectionThatAnotherWaitsForOne) {
  std::vector<std::string> heard;
  limits_[0].OnWanted([&heard](const std::string& path) { heard.push_back(path); });
  bool granted = false;
  limits_[0].Acquire("p", 1, [] {});
  Deliver();
  EXPECT_FALSE(limits_[0].IsWanted("p"));
  limits_[1].Acquire("p", 1, [&granted] { granted = true; });
  Deliver();
  EXPECT_EQ(heard, (std::vector<std::string>{"p"}));
  EXPECT_TRUE(limits_[0].IsWanted("p"));
  limits_[0].Release("p");
  Deliver();
  EXPECT_TRUE(granted);
  EXPECT_FALSE(limits_[0].IsWanted("p"));
}

TEST_F(LimitsTest, KeepsPathsApart) {
  int granted = 0;
  for (int i = 0; i < 3; ++i)
    for (const char* path : {"a|x", "a|y", "b|x"})
      limits_[0].Acquire(path, 3, [&granted] { ++granted; });
  Deliver();
  EXPECT_EQ(granted, 9);
}

TEST_F(LimitsTest, KeepsTheTotalOfAShardAndServesThoseWhoWaitForIt) {
  limits_[0].SetSettings({.connections_total = 2});
  int granted = 0;
  for (const char* path : {"a", "b", "c"}) limits_[0].Acquire(path, 3, [&granted] { ++granted; });
  Deliver();
  EXPECT_EQ(granted, 2);
  EXPECT_EQ(limits_[0].open(), 2u);
  limits_[0].Release("a");
  Deliver();
  EXPECT_EQ(granted, 3);
}

TEST_F(LimitsTest, ForgetsAPathThatNobodyUses) {
  limits_[0].Acquire("p", 3, [] {});
  Deliver();
  EXPECT_EQ(limits_[0].permits_out("p") + limits_[1].permits_out("p"), 1u);
  limits_[0].Release("p");
  Deliver();
  EXPECT_EQ(limits_[0].permits_out("p") + limits_[1].permits_out("p"), 0u);
}

TEST_F(LimitsTest, GivesAFreedPermitToTheFirstWhoMayHaveIt) {
  std::vector<int> order;
  for (int i = 0; i < 3; ++i) limits_[0].Acquire("p", 3, [] {});
  Deliver();
  limits_[1].Acquire("p", 1, [&order] { order.push_back(1); });
  Deliver();
  limits_[0].Acquire("p", 3, [&order] { order.push_back(3); });
  Deliver();
  limits_[0].Release("p");
  Deliver();
  EXPECT_EQ(order, (std::vector{3})) << "two are out: not for who wants to be alone";
  for (int i = 0; i < 3; ++i) limits_[0].Release("p");
  Deliver();
  EXPECT_EQ(order, (std::vector{3, 1}));
}

// A permit that was asked for before a reload is given back unused, as the scheduler does.
TEST_F(LimitsTest, ExceedsNoCapInAMillionAttemptsWithFaultsAndReloads) {
  constexpr int kAttempts = 1'000'000;
  constexpr size_t kPaths = 12;
  struct Path {
    std::string name;
    uint32_t most = 5;
    uint32_t generation = 0;
    uint32_t waiting = 0;
    std::vector<size_t> open{};  // by whom
  };
  std::vector<Path> paths;
  for (size_t i = 0; i < kPaths; ++i) paths.push_back({.name = "p" + std::to_string(i)});
  Random dice(11);
  int attempts = 0;
  int breaches = 0;
  for (int turn = 0; attempts < kAttempts; ++turn) {
    Path& path = paths[dice.Below(kPaths)];
    const size_t shard = dice.Below(2);
    if (path.waiting < 8) {
      ++path.waiting;
      limits_[shard].Acquire(path.name, path.most, [&, shard, asked = path.generation] {
        --path.waiting;
        ++attempts;
        // Refused, or asked for under an old configuration.
        if (asked != path.generation || dice.Below(10) == 0)
          return limits_[shard].Release(path.name);
        breaches += path.open.size() < path.most ? 0 : 1;
        path.open.push_back(shard);
      });
    }
    while (!path.open.empty() && dice.Below(3) != 0) {  // ends, or is lost
      limits_[path.open.back()].Release(path.name);
      path.open.pop_back();
    }
    if (dice.Below(1'000) == 0) {
      path.most = uint32_t(1 + dice.Below(10));
      ++path.generation;
    }
    if (dice.Below(2) == 0) (void)out_[size_t(turn) % 2].Flush();
    if (dice.Below(2) == 0) mailbox_[dice.Below(2)].Run();
  }
  EXPECT_EQ(breaches, 0);
  while (std::ranges::any_of(paths, [](const Path& path) { return path.waiting > 0; })) {
    for (Path& path : paths) {
      for (const size_t shard : path.open) limits_[shard].Release(path.name);
      path.open.clear();
    }
    Deliver();
  }
}

}  // namespace
}  // namespace sluice::engine
