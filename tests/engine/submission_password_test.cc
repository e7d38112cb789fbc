// Passwords: the hash, the checker's queue, cache and sharing, the guard against guessing
// (protocol.md 5, design parts 5 and 10).

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "engine/submission/login_guard.h"
#include "engine/submission/password_checker.h"
#include "engine/submission/password_hash.h"
#include "tests/engine/submission_fixture.h"

namespace sluice::engine {
namespace {

using testing::ElementsAre;
using testing::StartsWith;

// argon2id of "secret" at the lowest cost, so that tests of everything else are quick.
constexpr char kCheapHash[] =
    "$argon2id$v=19$m=8,t=1,p=1$c29tZXNhbHQxMjM0NTY3OA$0kcI0XWxR4CJiMVU8aPy1Sb+KybMjoCf+b4bKzelkAk";

TEST(PasswordHash, MakesStringsThatVerify) {
  const auto hash = HashPassword("correct horse");
  ASSERT_TRUE(hash);
  EXPECT_THAT(*hash, StartsWith("$argon2id$v=19$m=19456,t=2,p=1$"));
  EXPECT_TRUE(CheckPasswordHash(*hash));
  EXPECT_TRUE(VerifyPassword(*hash, "correct horse"));
  EXPECT_FALSE(VerifyPassword(*hash, "correct horsf"));
  EXPECT_FALSE(VerifyPassword(*hash, ""));
  EXPECT_NE(*HashPassword("correct horse"), *hash);  // salted
}

TEST(PasswordHash, RefusesWhatIsNoArgon2idString) {
  for (const char* bad :
       {"", "secret", "$argon2i$v=19$m=8,t=1,p=1$c29tZXNhbHQ$aGFzaA",
        "$argon2id$v=16$m=8,t=1,p=1$c2Fs$aA", "$argon2id$v=19$m=8,t=1$c2Fs$aA",
        "$argon2id$v=19$m=,t=1,p=1$c2Fs$aA", "$argon2id$v=19$m=8,t=1,p=1$c2Fs",
        "$argon2id$v=19$m=8,t=1,p=1$$aA", "$argon2id$v=19$m=99999999,t=1,p=1$c2Fs$aA",
        "$argon2id$v=19$m=8,t=9999,p=1$c2Fs$aA",
        "$argon2id$v=19$m=99999999999999999999,t=1,p=1$c2Fs$aA"}) {
    EXPECT_FALSE(CheckPasswordHash(bad)) << bad;
    EXPECT_FALSE(VerifyPassword(bad, "x")) << bad;
  }
  EXPECT_FALSE(VerifyPassword("$argon2id$v=19$m=8,t=1,p=1$!!!!$!!!!", "x"));
}

class PasswordCheckerTest : public testing::Test {
 protected:
  PasswordCheckerTest() {
    config::User user;
    user.name = "crm";
    user.passwords = {kCheapHash};
    config.users = {user};
    checker.emplace(clock, timers, workers, std::make_shared<config::Config>(config));
  }
  ~PasswordCheckerTest() override {
    while (workers.Step()) {
    }
  }

  void Ask(const std::string& user, const std::string& password,
           const std::string& peer = "198.51.100.7") {
    checker->Check({user, password, *IpAddress::Parse(peer)},
                   [this](AuthOutcome outcome) { outcomes.push_back(outcome); });
  }
  void Advance(Duration by) {
    clock.now += by;
    timers.Run(clock.now);
  }
  void Work() {
    while (workers.Step()) {
    }
    Advance({});
  }

  config::Config config;
  FakeClock clock;
  TimerQueue timers;
  StepWorkers workers;
  std::optional<PasswordChecker> checker;
  std::vector<AuthOutcome> outcomes;
};

TEST_F(PasswordCheckerTest, TellsRightFromWrongAndNeverAnswersWithinTheCall) {
  Ask("crm", "secret");
  EXPECT_TRUE(outcomes.empty());
  Work();
  Ask("crm", "wrong");
  Work();
  EXPECT_THAT(outcomes, ElementsAre(AuthOutcome::kGood, AuthOutcome::kWrong));
}

TEST_F(PasswordCheckerTest, SpendsAComputationOnUnknownUsersToo) {
  Ask("nobody", "secret");
  Work();
  EXPECT_THAT(outcomes, ElementsAre(AuthOutcome::kWrong));
  EXPECT_EQ(checker->counters().computed, 1u);
}

TEST_F(PasswordCheckerTest, TriesEveryPasswordOfAUser) {
  config.users[0].passwords = {*HashPassword("other"), kCheapHash};
  checker->Reload(std::make_shared<config::Config>(config));
  Ask("crm", "secret");
  Work();
  EXPECT_THAT(outcomes, ElementsAre(AuthOutcome::kGood));
}

TEST_F(PasswordCheckerTest, AnswersFromTheCacheWithoutWaitingBehindOthers) {
  Ask("crm", "secret");
  Work();
  Ask("crm", "wrong");  // is with the worker now
  Ask("crm", "secret");
  Advance({});
  EXPECT_THAT(outcomes, ElementsAre(AuthOutcome::kGood, AuthOutcome::kGood));
  EXPECT_EQ(checker->counters().cache_hits, 1u);
}

TEST_F(PasswordCheckerTest, ForgetsAfterTenMinutesAndOnReload) {
  Ask("crm", "secret");
  Work();
  Advance(PasswordChecker::kCacheFor);
  Ask("crm", "secret");
  Work();
  EXPECT_EQ(checker->counters().computed, 2u);
  checker->Reload(std::make_shared<config::Config>(config));
  Ask("crm", "secret");
  Work();
  EXPECT_EQ(checker->counters().computed, 3u);
  EXPECT_EQ(checker->counters().good, 3u);
}

TEST_F(PasswordCheckerTest, ChecksAnewWhatAReloadOvertook) {
  Ask("crm", "secret");
  config.users.clear();
  checker->Reload(std::make_shared<config::Config>(config));
  Work();
  EXPECT_THAT(outcomes, ElementsAre(AuthOutcome::kWrong));
}

TEST_F(PasswordCheckerTest, SharesOneComputationAmongEqualAttempts) {
  Ask("crm", "first");
  for (int i = 0; i < 100; ++i) Ask("crm", "secret");
  Work();
  EXPECT_EQ(checker->counters().computed, 2u);
  EXPECT_EQ(outcomes.size(), 101u);
  EXPECT_EQ(outcomes.back(), AuthOutcome::kGood);
}

TEST_F(PasswordCheckerTest, LetsSixtyFourWaitAndAnswersMoreBusy) {
  for (int i = 0; i < 66; ++i)
    Ask("crm", "wrong" + std::to_string(i), "198.51.100." + std::to_string(i));
  EXPECT_EQ(checker->waiting(), 65u);  // one is with the worker
  Advance({});
  EXPECT_THAT(outcomes, ElementsAre(AuthOutcome::kBusy));
  Work();
  EXPECT_EQ(outcomes.size(), 66u);
}

TEST_F(PasswordCheckerTest, SlowsThenStopsAnAddressThatGuesses) {  // design part 10
  for (int i = 0; i < 11; ++i) {
    Ask("crm", "wrong");
    Work();
  }
  EXPECT_EQ(outcomes.size(), 11u);
  for (int i = 0; i < 10; ++i) {
    Ask("crm", "wrong");
    Work();
    EXPECT_EQ(outcomes.size(), size_t(11 + i));  // delayed
    Advance(std::chrono::seconds(1));
    Work();
  }
  EXPECT_EQ(outcomes.size(), 21u);
  Ask("crm", "secret");
  Work();
  EXPECT_EQ(outcomes.back(), AuthOutcome::kTooMany);
  Ask("crm", "secret", "203.0.113.9");  // hurts nobody else
  Work();
  EXPECT_EQ(outcomes.back(), AuthOutcome::kGood);
  Advance(std::chrono::seconds(61));
  Ask("crm", "secret");
  Work();
  EXPECT_EQ(outcomes.back(), AuthOutcome::kGood);
}

TEST_F(PasswordCheckerTest, ClearsTheCountWithASuccess) {
  for (int i = 0; i < 10; ++i) Ask("crm", "wrong");
  Work();
  Ask("crm", "secret");
  Work();
  for (int i = 0; i < 10; ++i) Ask("crm", "wrong");
  Work();
  EXPECT_EQ(outcomes.size(), 21u);  // none was delayed
  EXPECT_EQ(checker->counters().delayed, 0u);
}

TEST(LoginGuard, ForgetsTheOldestAddressWhenFull) {
  LoginGuard guard;
  const Instant now{};
  for (int i = 0; i < 21; ++i) guard.Failed(IpAddress::V4(1), now);
  EXPECT_EQ(guard.Ask(IpAddress::V4(1), now), LoginGuard::Advice::kStop);
  for (uint32_t i = 2; i < 2 + LoginGuard::kAddressesMax; ++i) guard.Failed(IpAddress::V4(i), now);
  EXPECT_EQ(guard.size(), LoginGuard::kAddressesMax);
  EXPECT_EQ(guard.Ask(IpAddress::V4(1), now), LoginGuard::Advice::kGo);
}

TEST(FailedLogins, AreToldOnceForEachClientAndMinuteAndTheRestCounted) {
  FailedLogins failed;
  const IpAddress one = *IpAddress::Parse("198.51.100.7");
  const IpAddress other = *IpAddress::Parse("2001:db8::1");
  Instant now = Instant{} + std::chrono::hours(1);
  EXPECT_EQ(failed.Failed("crm", one, now), "failed as \"crm\" from 198.51.100.7");
  EXPECT_EQ(failed.Failed("crm", one, now), std::nullopt);
  EXPECT_EQ(failed.Failed("crm2", one, now), std::nullopt);
  EXPECT_EQ(failed.Failed("crm", other, now),
            "failed as \"crm\" from 2001:db8::1; 2 more failed logins since the last line");
  EXPECT_EQ(failed.Failed("crm", *IpAddress::Parse("2001:db8::2"), now), std::nullopt)
      << "the same client";
  now += FailedLogins::kWindow;
  EXPECT_EQ(failed.Failed("crm", one, now),
            "failed as \"crm\" from 198.51.100.7; 1 more failed login since the last line");
  size_t lines = 1;
  for (uint32_t i = 0; i < 1'000; ++i)
    lines += failed.Failed("x", IpAddress::V4(0x0b000000 + i), now) ? 1 : 0;
  EXPECT_EQ(lines, FailedLogins::kLinesMax);
}

TEST(FailedLogins, ShowNamesWithoutTricks) {
  const auto shown = [](std::string_view name) {
    return FailedLogins().Failed(name, IpAddress::V4(1), Instant{} + std::chrono::hours(1));
  };
  EXPECT_EQ(shown("a\r\nwarn \"b\"\x1b[2J"), "failed as \"a??warn ?b??[2J\" from 0.0.0.1");
  EXPECT_EQ(shown("x\xc2\x9b[31m\xe2\x80\xae"), "failed as \"x??[31m???\" from 0.0.0.1")
      << "C1 controls and turned text too";
  EXPECT_EQ(shown("a\xff"), "failed as \"a?\" from 0.0.0.1");
  EXPECT_EQ(shown(std::string(65, 'x')),
            "failed as \"" + std::string(64, 'x') + "...\" from 0.0.0.1");
}

TEST(PasswordHash, PreparesWhatScramClientsPrepare) {
  const auto hash = HashScramPassword("gru\xcc\x88n");  // u and a combining diaeresis
  ASSERT_TRUE(hash);
  EXPECT_TRUE(VerifyPassword(*hash, "gr\xc3\xbcn"));
  EXPECT_TRUE(VerifyPassword(*hash, "gru\xcc\x88n"));
  EXPECT_FALSE(VerifyPassword(*hash, "grun"));
  EXPECT_EQ(HashScramPassword("\xff").error().what, "the password is not UTF-8, which SASL needs");
}

TEST(PasswordHash, MakesScramStringsThatServeAPasswordToo) {
  const auto hash = HashScramPassword("correct horse");
  ASSERT_TRUE(hash);
  EXPECT_THAT(*hash, StartsWith("SCRAM-SHA-256$16384:"));
  EXPECT_TRUE(VerifyPassword(*hash, "correct horse"));
  EXPECT_FALSE(VerifyPassword(*hash, "correct horsf"));
  EXPECT_FALSE(HashScramPassword("a\nb"));
}

class ScramCheckerTest : public PasswordCheckerTest {
 protected:
  ScramCheckerTest() {
    keys = smtp::MakeScramKeys("secret", "salt of 16 octet", smtp::kScramIterationsMin);
    config.users[0].passwords = {kCheapHash, smtp::FormatScramKeys(keys)};
    checker->Reload(std::make_shared<config::Config>(config));
  }
  ScramStart Start(const std::string& user, const std::string& peer = "198.51.100.7") {
    // The answer may come later than this call returns.
    const auto out = std::make_shared<ScramStart>(ScramStart{AuthOutcome::kBusy, {}, {}});
    checker->StartScram({user, "", *IpAddress::Parse(peer)},
                        [out](ScramStart start) { *out = std::move(start); });
    Advance({});
    return *out;
  }
  void End(const std::string& user, bool proven) {
    checker->EndScram({user, "", *IpAddress::Parse("198.51.100.7")}, proven,
                      [this](AuthOutcome outcome) { outcomes.push_back(outcome); });
    Advance({});
  }
  smtp::ScramKeys keys;
};

TEST_F(ScramCheckerTest, GivesTheKeysOfAUserAndAFreshNonce) {
  const ScramStart first = Start("crm");
  EXPECT_EQ(first.outcome, AuthOutcome::kGood);
  EXPECT_EQ(smtp::FormatScramKeys(first.keys), smtp::FormatScramKeys(keys));
  EXPECT_NE(first.nonce, Start("crm").nonce);
}

TEST_F(ScramCheckerTest, GivesUnknownUsersKeysThatLookLikeOthersAndStayTheSame) {
  const ScramStart unknown = Start("nobody");
  EXPECT_EQ(unknown.outcome, AuthOutcome::kGood);
  EXPECT_EQ(unknown.keys.iterations, keys.iterations);
  EXPECT_EQ(unknown.keys.salt.size(), keys.salt.size());
  EXPECT_EQ(Start("nobody").keys.salt, unknown.keys.salt);
  EXPECT_NE(Start("somebody").keys.salt, unknown.keys.salt);
  checker->Reload(std::make_shared<config::Config>(config));
  EXPECT_EQ(Start("nobody").keys.salt, unknown.keys.salt);
}

TEST_F(ScramCheckerTest, CountsProofsAsItCountsPasswords) {
  for (size_t i = 0; i <= LoginGuard::kSlowAfter; ++i) End("crm", false);
  EXPECT_EQ(Start("crm").outcome, AuthOutcome::kBusy);  // not answered yet
  Advance(LoginGuard::kDelay);
  for (size_t i = LoginGuard::kSlowAfter; i <= LoginGuard::kStopAfter; ++i) End("crm", false);
  EXPECT_EQ(Start("crm").outcome, AuthOutcome::kTooMany);
  EXPECT_EQ(Start("crm", "198.51.100.8").outcome, AuthOutcome::kGood);
  outcomes.clear();
  End("crm", true);
  EXPECT_THAT(outcomes, ElementsAre(AuthOutcome::kGood));
  EXPECT_EQ(Start("crm").outcome, AuthOutcome::kGood);
}

TEST_F(ScramCheckerTest, TakesAPasswordByEitherStringOfAUser) {
  config.users[0].passwords = {smtp::FormatScramKeys(keys)};
  checker->Reload(std::make_shared<config::Config>(config));
  Ask("crm", "secret");
  Ask("crm", "wrong");
  Ask("nobody", "secret");
  while (workers.Step()) {
  }
  EXPECT_THAT(outcomes, ElementsAre(AuthOutcome::kGood, AuthOutcome::kWrong, AuthOutcome::kWrong));
}

}  // namespace
}  // namespace sluice::engine
