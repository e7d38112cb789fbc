// A chain of questions as plain code: rounds, the cache, faults, and an early death.

#include "dns/inquiry.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "tests/dns/study_fixture.h"

namespace sluice::dns {
namespace {

// The address of the first MX host.
std::optional<std::string> FirstMxAddress(Facts& facts, const std::string& domain) {
  const Fact* mx = facts.Find(domain, RecordType::kMx);
  if (mx == nullptr) return std::nullopt;
  if (!mx->found()) return mx->failed() ? "failed" : "none";
  const Fact* address = facts.Find(mx->records.front().data, RecordType::kA);
  if (address == nullptr) return std::nullopt;
  return address->found() ? address->records.front().address.ToString() : "no address";
}

TEST(Inquiry, GoesOnUntilTheStudyHasAllItWants) {
  StudyWorld world;
  world.dns.AddMx("a.test", {{10, "mx.a.test"}});
  world.dns.AddA("mx.a.test", "192.0.2.1");
  const auto study = [](Facts& facts) { return FirstMxAddress(facts, "A.test."); };
  EXPECT_EQ(world.Study<std::string>(study), "192.0.2.1");
  EXPECT_EQ(world.dns.asked(), (std::vector<std::string>{"MX a.test", "A mx.a.test"}));
}

TEST(Inquiry, TellsFaultsFromAbsence) {
  StudyWorld world;
  world.dns.SetFailure("b.test", FakeFailure::kTimeout);
  EXPECT_EQ(world.Study<std::string>([](Facts& f) { return FirstMxAddress(f, "b.test"); }),
            "failed");
  EXPECT_EQ(world.Study<std::string>([](Facts& f) { return FirstMxAddress(f, "c.test"); }), "none");
}

TEST(Inquiry, TakesWhatIsNoNameForAbsentWithoutAsking) {
  StudyWorld world;
  const std::string label(64, 'x');
  EXPECT_EQ(world.Study<std::string>([&](Facts& f) { return FirstMxAddress(f, label + ".test"); }),
            "none");
  EXPECT_TRUE(world.dns.asked().empty());
}

TEST(Inquiry, AsksInOneRoundWhatIsWantedAtOnceAndEachOnce) {
  StudyWorld world;
  for (const char* name : {"a.test", "b.test"}) world.dns.AddA(name, "192.0.2.1");
  int rounds = 0;
  world.Study<bool>([&](Facts& facts) -> std::optional<bool> {
    ++rounds;
    const Fact* a = facts.Find("a.test", RecordType::kA);
    const Fact* b = facts.Find("b.test", RecordType::kA);
    const Fact* again = facts.Find("A.TEST", RecordType::kA);
    if (a == nullptr || b == nullptr || again == nullptr) return std::nullopt;
    return true;
  });
  EXPECT_EQ(rounds, 2);
  EXPECT_EQ(world.dns.asked().size(), 2u);
}

TEST(Inquiry, EndsInsideStartWhenTheResolverKnowsAll) {
  StudyWorld world;
  world.dns.AddMx("a.test", {{10, "mx.a.test"}});
  world.dns.AddA("mx.a.test", "192.0.2.1");
  Resolver resolver(world.dns, world.clock, 100);
  std::vector<std::string> found;
  const auto run = [&] {
    auto inquiry = std::make_unique<Inquiry>(resolver);
    inquiry->Start([](Facts& f) { (void)FirstMxAddress(f, "a.test"); },
                   [&](Facts& f) { found.push_back(*FirstMxAddress(f, "a.test")); });
    return inquiry;
  };
  const auto first = run();
  EXPECT_TRUE(found.empty());
  world.clock.Advance(world.timers, std::chrono::seconds(1));
  const auto second = run();
  EXPECT_EQ(found, (std::vector<std::string>{"192.0.2.1", "192.0.2.1"}));
}

TEST(Inquiry, MayDieWhileItsQuestionsAreOut) {
  StudyWorld world;
  Resolver resolver(world.dns, world.clock, 100);
  auto inquiry = std::make_unique<Inquiry>(resolver);
  inquiry->Start([](Facts& f) { (void)f.Find("a.test", RecordType::kA); },
                 [](Facts&) { FAIL() << "nobody waits any more"; });
  inquiry.reset();
  world.clock.Advance(world.timers, std::chrono::seconds(1));
  EXPECT_EQ(world.dns.asked().size(), 1u);
}

TEST(Inquiry, StopsAskingWhereAStudyWouldAskForEver) {
  StudyWorld world;
  size_t n = 0;
  world.Study<bool>([&](Facts& facts) -> std::optional<bool> {
    for (size_t i = 0;; ++i) {
      const Fact* fact = facts.Find("n" + std::to_string(i) + ".test", RecordType::kA);
      if (fact == nullptr) {
        // A hundred more in each round.
        for (size_t more = i + 1; more < i + 100; ++more)
          (void)facts.Find("n" + std::to_string(more) + ".test", RecordType::kA);
        return std::nullopt;
      }
      n = i;
      if (fact->failed()) return true;
    }
  });
  EXPECT_EQ(n, kQuestionsMax);
  EXPECT_EQ(world.dns.asked().size(), kQuestionsMax);
}

}  // namespace
}  // namespace sluice::dns
