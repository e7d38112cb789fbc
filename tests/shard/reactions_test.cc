// Goal: actions of reply rules are due when their threshold says, for what the reply was about.
// Method: one rule, replies at chosen times.

#include "engine/shard/reactions.h"

#include <gtest/gtest.h>

#include <string>

namespace sluice::engine {
namespace {

using config::ReplyActionKind;
using config::ReplyTarget;
using std::chrono::minutes;
using std::chrono::seconds;

class ReactionsTest : public testing::Test {
 protected:
  ReactionsTest() { rule_.name = "r"; }
  config::ReplyAction& Add(ReplyActionKind kind, ReplyTarget target, config::ReplyThreshold at) {
    config::ReplyAction& action = rule_.actions.emplace_back();
    action.kind = kind;
    action.target = target;
    action.threshold = at;
    return action;
  }
  // How many actions are due by one reply.
  size_t Hit(Instant at) {
    last_ = reactions_.OnReply(rule_, about_, at);
    return last_.size();
  }

  config::ReplyRule rule_;
  ReplyContext about_{.source = "s1",
                      .receiver = "@google",
                      .pool = "default",
                      .sending_domain = "example.com",
                      .tenant = "crm",
                      .campaign = "spring",
                      .recipient_domain = "example.net"};
  Reactions reactions_;
  std::vector<DueAction> last_;
  const Instant begin_ = Instant(minutes(100));
};

TEST_F(ReactionsTest, AreDueAtOnceWithoutAThreshold) {
  Add(ReplyActionKind::kSuspend, ReplyTarget::kPath, {});
  EXPECT_EQ(Hit(begin_), 1u);
  EXPECT_EQ(last_[0].about, "s1 > @google");
  EXPECT_EQ(Hit(begin_), 1u);
}

TEST_F(ReactionsTest, AreDueWithTheThirdReplyInTenMinutes) {
  Add(ReplyActionKind::kSuspend, ReplyTarget::kPath, {3, minutes(10)});
  EXPECT_EQ(Hit(begin_), 0u);
  EXPECT_EQ(Hit(begin_ + minutes(4)), 0u);
  EXPECT_EQ(Hit(begin_ + minutes(11)), 0u) << "the first is too old";
  EXPECT_EQ(Hit(begin_ + minutes(12)), 1u);
  EXPECT_EQ(Hit(begin_ + minutes(13)), 0u) << "it counts anew";
}

TEST_F(ReactionsTest, CountEachPathForItself) {
  Add(ReplyActionKind::kSuspend, ReplyTarget::kPath, {2, minutes(10)});
  EXPECT_EQ(Hit(begin_), 0u);
  about_.source = "s2";
  EXPECT_EQ(Hit(begin_), 0u);
  about_.source = "s1";
  about_.receiver = "@yahoo";
  EXPECT_EQ(Hit(begin_), 0u);
  about_.receiver = "@google";
  EXPECT_EQ(Hit(begin_), 1u);
}

TEST_F(ReactionsTest, WaitForTheirShareOfTheAttempts) {
  Add(ReplyActionKind::kSuspend, ReplyTarget::kSendingDomain, {2, minutes(10)}).share = 5;
  EXPECT_EQ(Hit(begin_), 0u);
  for (int i = 0; i < 100; ++i) reactions_.OnAttempt(about_, true, begin_ + seconds(1));
  EXPECT_EQ(Hit(begin_ + seconds(2)), 0u) << "2 of 100";
  about_.sending_domain = "example.org";
  EXPECT_EQ(Hit(begin_), 0u);
  EXPECT_EQ(Hit(begin_), 1u) << "2 of 2";
}

TEST_F(ReactionsTest, ReachTheirShareHoweverManyAttemptsThereWere) {
  Add(ReplyActionKind::kSuspend, ReplyTarget::kSendingDomain, {5, minutes(10)}).share = 5;
  Hit(begin_);
  for (int i = 0; i < 1'000; ++i) reactions_.OnAttempt(about_, true, begin_ + seconds(1));
  size_t reached = 0;
  int replies = 0;
  for (; replies < 200 && reached == 0; ++replies) {
    reactions_.OnAttempt(about_, false, begin_ + seconds(2));
    reached = Hit(begin_ + seconds(2));
  }
  EXPECT_EQ(reached, 1u);
  EXPECT_GE(replies, 50);
}

// Design 12.3.
TEST_F(ReactionsTest, SetAHoldAtTheThirdReplyWithoutASuccessBetween) {
  Add(ReplyActionKind::kHold, ReplyTarget::kSendingDomain, {});
  EXPECT_EQ(Hit(begin_), 0u);
  EXPECT_EQ(Hit(begin_), 0u);
  reactions_.OnAttempt(about_, true, begin_);
  EXPECT_EQ(Hit(begin_), 0u);
  EXPECT_EQ(Hit(begin_), 0u);
  reactions_.OnAttempt(about_, false, begin_);
  EXPECT_EQ(Hit(begin_), 1u);
  EXPECT_TRUE(last_[0].alert);
  EXPECT_EQ(last_[0].about, "example.com > @google");
  EXPECT_EQ(Hit(begin_ + minutes(15)), 1u) << "a probe that fails holds it again";
  EXPECT_FALSE(last_[0].alert) << "the operator knows";
  EXPECT_EQ(Hit(begin_ + minutes(75)), 1u);
  EXPECT_TRUE(last_[0].alert) << "and is told again after an hour";
  reactions_.OnAttempt(about_, true, begin_ + minutes(90));
  EXPECT_EQ(Hit(begin_ + minutes(91)), 0u) << "a success ends it";
}

TEST_F(ReactionsTest, TellOfAnAlertOnceAnHour) {
  Add(ReplyActionKind::kForceTls, ReplyTarget::kPath, {}).alert = true;
  EXPECT_EQ(Hit(begin_), 1u);
  EXPECT_TRUE(last_[0].alert);
  Hit(begin_ + minutes(59));
  EXPECT_FALSE(last_[0].alert);
  Hit(begin_ + minutes(60));
  EXPECT_TRUE(last_[0].alert);
}

TEST_F(ReactionsTest, RememberABoundedNumberOfThings) {
  Add(ReplyActionKind::kSuspend, ReplyTarget::kSendingDomain, {2, minutes(10)});
  std::vector<std::string> names;
  for (size_t i = 0; i < Reactions::kCountersMax + 100; ++i)
    names.push_back("d" + std::to_string(i) + ".test");
  for (const std::string& name : names) {
    about_.sending_domain = name;
    EXPECT_EQ(Hit(begin_), 0u);
  }
  EXPECT_EQ(reactions_.counters(), Reactions::kCountersMax);
  EXPECT_EQ(Hit(begin_), 1u) << "the last is remembered";
  about_.sending_domain = names.front();
  EXPECT_EQ(Hit(begin_), 0u) << "the first is not";
}

}  // namespace
}  // namespace sluice::engine
