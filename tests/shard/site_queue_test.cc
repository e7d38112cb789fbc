// Whose turn it is at one site: classes, weights, campaigns, age, and what is closed.

#include "engine/shard/site_queue.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "engine/base/random.h"

namespace sluice::engine {
namespace {

using queue::MailClass;

constexpr Instant kStart = Instant(std::chrono::seconds(100));
constexpr WallTime kDay = WallFromMicros(1'800'000'000'000'000);

// Lanes by name, each with a number of recipients that are due one after the other.
class Site {
 public:
  Site()
      : nodes_([this](std::string_view tenant) {
          const auto it = weights.find(std::string(tenant));
          return it == weights.end() ? 1u : it->second;
        }),
        queue(nodes_) {}
  ~Site() {
    for (Row& row : rows_)
      if (row.place != kNoPlace) queue.Remove(row.place);
    EXPECT_EQ(nodes_.lanes.size(), 0u);
    EXPECT_EQ(nodes_.groups.size(), 0u);
    EXPECT_EQ(nodes_.names.size(), 0u);
    EXPECT_EQ(nodes_.children.size(), 0u);
  }

  // Mail of a campaign is bulk, other mail is transactional.
  size_t Add(const std::string& tenant, const std::string& campaign, uint64_t recipients,
             int64_t due = 0, const std::string& domain = "d.test") {
    Row row{{domain, tenant, campaign}, recipients, kDay + std::chrono::seconds(due), kNoPlace};
    row.place = queue.Add({uint32_t(rows_.size()), 1}, row.key.tenant, row.key.campaign, row.due);
    rows_.push_back(row);
    return rows_.size() - 1;
  }
  void More(size_t lane, uint64_t recipients) {
    Row& row = rows_[lane];
    row.recipients += recipients;
    if (row.place == kNoPlace)
      row.place = queue.Add({uint32_t(lane), 1}, row.key.tenant, row.key.campaign, row.due);
  }

  // The lane that gave a recipient, with `more` of the same message; SIZE_MAX: none may.
  size_t Take(uint64_t more = 0) {
    const Handle<Lane> next = queue.Next();
    EXPECT_EQ(next.empty(), !queue.CanGo());
    if (next.empty()) return SIZE_MAX;
    Row& row = rows_[next.index];
    EXPECT_EQ(queue.NextClass(), queue::MailClassOf(row.key.campaign));
    queue.Took(row.place);
    for (uint64_t i = 0; i < more; ++i) queue.Joined(row.place);
    row.recipients -= 1 + more;
    row.due += std::chrono::seconds(1);
    if (row.recipients == 0) {
      queue.Remove(std::exchange(row.place, kNoPlace));
    } else {
      queue.Move(row.place, row.due);
    }
    return next.index;
  }
  void Park(size_t lane) { queue.Park(rows_[lane].place); }
  void Unpark(size_t lane) { queue.Unpark(rows_[lane].place); }
  void GiveBack(size_t lane) {
    ++rows_[lane].recipients;
    queue.GaveBack(rows_[lane].place);
  }
  const queue::LaneKey& key(size_t lane) const { return rows_[lane].key; }
  uint64_t left(size_t lane) const { return rows_[lane].recipients; }
  std::map<std::string, int> TakeMany(int count) {
    std::map<std::string, int> out;
    for (int i = 0; i < count; ++i)
      if (const size_t lane = Take(); lane != SIZE_MAX) ++out[rows_[lane].key.tenant];
    return out;
  }
  QueueNodes& nodes() { return nodes_; }

  std::map<std::string, uint32_t> weights;

 private:
  struct Row {
    queue::LaneKey key;
    uint64_t recipients;
    WallTime due;
    QueuePlace place;
  };
  QueueNodes nodes_;

 public:
  SiteQueue queue;

 private:
  std::vector<Row> rows_;
};

TEST(SiteQueue, ServesTransactionalMailBeforeBulk) {
  Site site;
  site.Add("a", "news", 100);
  const size_t urgent = site.Add("b", "", 3, 50);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(site.Take(), urgent);
  EXPECT_NE(site.Take(), urgent);
}

TEST(SiteQueue, TakesMarkedMailOfACampaignForTransactional) {
  Site site;
  site.Add("a", "orders", 100);
  const size_t urgent = site.Add("a", std::string(1, queue::kUrgentLaneMark) + "orders", 1, 50);
  EXPECT_EQ(site.Take(), urgent);
}

TEST(SiteQueue, LeavesBulkAShareUnderTransactionalMailWithoutEnd) {
  Site site;
  site.Add("a", "news", 1'000);
  site.Add("b", "", 1'000);
  EXPECT_EQ(site.TakeMany(100), (std::map<std::string, int>{{"a", 10}, {"b", 90}}));
}

TEST(SiteQueue, SharesByTheWeightsOfTenants) {
  Site site;
  site.weights = {{"a", 1}, {"b", 3}, {"c", 7}};
  for (const char* tenant : {"a", "b", "c"}) site.Add(tenant, "news", 10'000);
  const auto taken = site.TakeMany(11'000 / 10);
  EXPECT_NEAR(taken.at("a"), 100, 1);
  EXPECT_NEAR(taken.at("b"), 300, 1);
  EXPECT_NEAR(taken.at("c"), 700, 1);
}

// As under a rate of the domain's own: between two slots all of them stand aside.
TEST(SiteQueue, KeepsTheWeightsOfThoseWhoStandAsideBetweenTurns) {
  Site site;
  site.weights = {{"b", 3}};
  const size_t lanes[] = {site.Add("a", "news", 1'000), site.Add("b", "news", 1'000)};
  std::map<std::string, int> taken;
  for (int i = 0; i < 400; ++i) {
    ++taken[site.key(site.Take()).tenant];
    for (const size_t lane : lanes) site.Park(lane);
    EXPECT_FALSE(site.queue.CanGo());
    for (const size_t lane : lanes) site.Unpark(lane);
  }
  EXPECT_NEAR(taken["a"], 100, 2);
}

TEST(SiteQueue, ChargesNobodyForWhatComesBackUntried) {
  Site site;
  site.weights = {{"b", 3}};
  site.Add("a", "news", 10'000);
  site.Add("b", "news", 10'000);
  std::map<std::string, int> taken;
  for (int i = 0; i < 400; ++i) {
    std::vector<size_t> ahead;
    for (int j = 0; j < 4; ++j) ahead.push_back(site.Take());
    ++taken[site.key(ahead.front()).tenant];
    for (size_t j = ahead.size(); --j > 0;) site.GiveBack(ahead[j]);
  }
  EXPECT_NEAR(taken["a"], 100, 2);
}

TEST(SiteQueue, SpreadsALargeWeightEvenly) {
  Site site;
  site.weights = {{"a", 10}};
  site.Add("a", "news", 10'000);
  site.Add("b", "news", 10'000);
  site.TakeMany(1'000);
  int in_a_row = 0;
  for (int i = 0; i < 1'000; ++i) {
    in_a_row = site.key(site.Take()).tenant == "a" ? in_a_row + 1 : 0;
    ASSERT_LE(in_a_row, 11);
  }
}

TEST(SiteQueue, HearsOfNewWeights) {
  Site site;
  site.Add("a", "news", 10'000);
  site.Add("b", "news", 10'000);
  site.TakeMany(100);
  site.weights["a"] = 4;
  site.nodes().Reweigh();
  EXPECT_NEAR(site.TakeMany(1'000).at("a"), 800, 2);
}

TEST(SiteQueue, LetsTenOfOneTenantGoWithinThirtyBesideMillionsOfOthers) {
  Site site;
  site.Add("huge", "news", 1'000'000);
  site.Add("large", "news", 10'000);
  site.TakeMany(1'000);
  const size_t ten = site.Add("small", "news", 10, 5'000);
  for (int i = 0; i < 30; ++i) site.Take();
  EXPECT_EQ(site.left(ten), 0u);
}

TEST(SiteQueue, GivesCampaignsOfATenantTurnsHoweverManyLanesTheyHave) {
  Site site;
  for (int i = 0; i < 500; ++i) site.Add("a", "large", 100, 0, "d" + std::to_string(i));
  const size_t small = site.Add("a", "small", 50, 100);
  for (int i = 0; i < 100; ++i) site.Take();
  EXPECT_EQ(site.left(small), 0u);
}

TEST(SiteQueue, TakesTheLongestDueOfACampaignAcrossItsDomains) {
  Site site;
  const size_t third = site.Add("a", "news", 1, 30, "x.test");
  const size_t first = site.Add("a", "news", 1, 10, "y.test");
  const size_t second = site.Add("a", "news", 1, 20, "z.test");
  EXPECT_EQ(site.Take(), first);
  EXPECT_EQ(site.Take(), second);
  EXPECT_EQ(site.Take(), third);
}

TEST(SiteQueue, CountsAllReportsOfATenantAsOneCampaign) {
  Site site;
  for (int i = 0; i < 100; ++i)
    site.Add("a", queue::kReportLaneMark + std::string("x") + std::to_string(i) + "@d.test", 1);
  const size_t news = site.Add("a", "news", 50, 100);
  for (int i = 0; i < 100; ++i) site.Take();
  EXPECT_EQ(site.left(news), 0u);
}

// Whoever leaves after each job and comes back must not get more than who stays.
TEST(SiteQueue, PaysNobodyForComingAndGoing) {
  Site site;
  const size_t stays = site.Add("a", "news", 100'000);
  const size_t hops = site.Add("b", "news", 100);
  uint64_t hopped = 0;
  for (int i = 0; i < 20'000; ++i) {
    if (site.Take(site.left(hops) == 0 ? 0 : site.queue.Next().index == hops ? 99 : 0) != hops)
      continue;
    hopped += 100;
    site.More(hops, 100);
  }
  const uint64_t stayed = 100'000 - site.left(stays);
  EXPECT_NEAR(double(hopped), double(stayed), 200);
}

TEST(SiteQueue, SkipsWhatIsClosedAndTakesItUpAtItsTime) {
  Site site;
  site.Add("a", "news", 1'000);
  site.Add("a", "offers", 1'000);
  site.Add("b", "news", 1'000);
  const Closing news{.owner = {.tenant = "a", .campaign = "news"}, .reason = CloseReason::kPause};
  site.queue.Close(news, kStart + std::chrono::seconds(5));
  EXPECT_EQ(site.queue.next_opening(), kStart + std::chrono::seconds(5));
  for (int i = 0; i < 100; ++i) {
    const queue::LaneKey& key = site.key(site.Take());
    EXPECT_FALSE(key.tenant == "a" && key.campaign == "news");
  }
  site.queue.OpenDue(kStart + std::chrono::seconds(5));
  EXPECT_EQ(site.queue.next_opening(), kNever);
  bool seen = false;
  for (int i = 0; i < 10; ++i) {
    const queue::LaneKey& key = site.key(site.Take());
    seen |= key.tenant == "a" && key.campaign == "news";
  }
  EXPECT_TRUE(seen);
}

TEST(SiteQueue, OpensOnlyWhenTheLastReasonHasEnded) {
  Site site;
  const size_t lane = site.Add("a", "news", 10);
  const Closing pause{.owner = {.tenant = "a"}, .reason = CloseReason::kPause};
  const Closing stop{.owner = {.tenant = "a"}, .reason = CloseReason::kSuspension};
  site.queue.Close(pause, kNever);
  site.queue.Close(stop, kStart);
  EXPECT_FALSE(site.queue.CanGo());
  site.queue.OpenDue(kStart);
  EXPECT_FALSE(site.queue.CanGo());
  site.queue.Open(pause);
  EXPECT_EQ(site.Take(), lane);
}

TEST(SiteQueue, ClosesOneClassOfATenantAlone) {
  Site site;
  site.Add("a", "news", 10);
  const size_t urgent = site.Add("a", "", 1);
  const Closing bulk{
      .owner = {.tenant = "a"}, .reason = CloseReason::kPause, .mail_class = MailClass::kBulk};
  site.queue.Close(bulk, kNever);
  EXPECT_EQ(site.Take(), urgent);
  EXPECT_EQ(site.Take(), SIZE_MAX);
  site.queue.Open(bulk);
}

TEST(SiteQueue, KeepsMailBackThatComesAfterTheClosing) {
  Site site;
  site.nodes().closings.Set({.owner = {.tenant = "a"}, .reason = CloseReason::kPause}, kNever);
  site.queue.Close({.owner = {.tenant = "b", .campaign = "x"}}, kNever);
  site.Add("a", "news", 1);
  site.Add("b", "x", 1);
  EXPECT_EQ(site.Take(), SIZE_MAX);
  const size_t other = site.Add("b", "y", 1);
  EXPECT_EQ(site.Take(), other);
  site.nodes().closings.Clear({.owner = {.tenant = "a"}, .reason = CloseReason::kPause});
  site.queue.Refresh({.tenant = "a"});
  EXPECT_EQ(site.key(site.Take()).tenant, "a");
}

TEST(SiteQueue, LosesNobodyWhateverHappens) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    Site site;
    Random random(seed);
    site.weights = {{"t0", 5}, {"t2", 2}};
    uint64_t expected = 0;
    for (int step = 0; step < 2'000; ++step) {
      const std::string tenant = "t" + std::to_string(random.Below(4));
      const std::string campaign = "c" + std::to_string(random.Below(4));
      const Closing closing{.owner = {.tenant = tenant, .campaign = campaign},
                            .reason = CloseReason(random.Below(4))};
      switch (random.Below(6)) {
        case 0: {
          const uint64_t many = 1 + random.Below(20);
          site.Add(tenant, random.Below(4) == 0 ? "" : campaign, many, int64_t(random.Below(99)));
          expected += many;
          break;
        }
        case 1:
          site.queue.Close(closing, kStart + Duration(int64_t(random.Below(1'000))));
          break;
        case 2:
          site.queue.Open(closing);
          break;
        default:
          for (uint64_t n = random.Below(8); n > 0; --n) expected -= site.Take() != SIZE_MAX;
      }
    }
    site.queue.OpenDue(kStart + Duration(1'000));
    while (site.Take() != SIZE_MAX) --expected;
    EXPECT_EQ(expected, 0u) << "seed " << seed;
    EXPECT_EQ(site.queue.size(), 0u);
  }
}

}  // namespace
}  // namespace sluice::engine
