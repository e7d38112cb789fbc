// Limits of users: windows fill in the order of acceptance, whichever shard accepts, over restarts
// and in the days of the zone; nothing waits for the links here.

#include "engine/shard/quotas.h"

#include <gtest/gtest.h>

#include <array>
#include <memory>

#include "tests/shard/counting_queue.h"
#include "tests/sim/sim_clock.h"

namespace sluice::engine {
namespace {

using std::chrono::hours;
using Shares = std::vector<QuotaShare>;

class QuotasTest : public ::testing::Test {
 protected:
  QuotasTest() {
    std::array<Quotas*, 2> peers{&quotas_[0], &quotas_[1]};
    for (Quotas& one : quotas_) one.Join(peers);
  }

  // Carries messages until nobody has one.
  void Deliver() {
    for (int i = 0; i < 4; ++i) {
      for (Switchboard& out : out_) ASSERT_TRUE(out.Flush());
      for (Mailbox& mailbox : mailbox_) mailbox.Run();
    }
  }
  Shares Take(size_t shard, const std::string& user, const QuotaLimits& limits, uint64_t count) {
    Shares out;
    quotas_[shard].Take(user, limits, count, [&out](Shares shares) { out = std::move(shares); });
    Deliver();
    return out;
  }
  // Hours from now, and counts.
  std::string Told(const Shares& shares) const {
    std::string out;
    for (const QuotaShare& share : shares) {
      const auto away = std::chrono::round<hours>(share.from - clock_.Wall()).count();
      out += std::to_string(away) + ":" + std::to_string(share.count) + " ";
    }
    return out;
  }
  // What the next run finds.
  std::vector<queue::Suspension> Written() {
    for (Quotas& one : quotas_) one.Flush();
    for (Links& one : links_) EXPECT_TRUE(one.Flush());
    (void)writer_.Step();  // it only takes in
    clock_.MoveTo(clock_.Now() + Writer::kGather);
    EXPECT_TRUE(writer_.Step());
    return queue_.suspensions;
  }

  sim::SimClock clock_;  // 08:00 UTC
  CountingQueue queue_;
  std::array<Mailbox, 2> mailbox_;
  std::array<Mailbox*, 2> list_{&mailbox_[0], &mailbox_[1]};
  Writer writer_{queue_, clock_, list_};
  Reader reader_{queue_};
  std::array<Switchboard, 2> out_{Switchboard(list_), Switchboard(list_)};
  std::array<Links, 2> links_{Links(0, mailbox_[0], writer_, reader_),
                              Links(1, mailbox_[1], writer_, reader_)};
  std::array<Quotas, 2> quotas_{Quotas(0, clock_, links_[0], out_[0]),
                                Quotas(1, clock_, links_[1], out_[1])};
};

TEST_F(QuotasTest, ReleasesWhatTheDayHasRoomForAndTheRestOnTheNextOnes) {
  const QuotaLimits limits{.daily = 100};
  EXPECT_EQ(Told(Take(0, "crm", limits, 60)), "0:60 ");
  EXPECT_EQ(Told(Take(1, "crm", limits, 60)), "0:40 16:20 ");
  EXPECT_EQ(Told(Take(0, "crm", limits, 250)), "16:80 40:100 64:70 ");
  EXPECT_EQ(Told(Take(1, "shop", limits, 100)), "0:100 ");
}

TEST_F(QuotasTest, KeepsTheHourAndTheDay) {
  const QuotaLimits limits{.hourly = 10, .daily = 25};
  EXPECT_EQ(Told(Take(0, "crm", limits, 60)), "0:10 1:10 2:5 16:10 17:10 18:5 40:10 ");
}

TEST_F(QuotasTest, BeginsAnewWithTheDay) {
  const QuotaLimits limits{.daily = 100};
  EXPECT_EQ(Told(Take(0, "crm", limits, 100)), "0:100 ");
  clock_.MoveTo(clock_.Now() + hours(16));
  EXPECT_EQ(Told(Take(0, "crm", limits, 100)), "0:100 ");
}

TEST_F(QuotasTest, CountsTheDaysOfTheZone) {
  const auto zone = TimeZone::Load("America/New_York");
  ASSERT_TRUE(zone) << "install tzdata";
  for (Quotas& one : quotas_) one.SetZone(*zone);
  EXPECT_EQ(Told(Take(0, "crm", {.daily = 1}, 2)), "0:1 21:1 ") << "it is three in the morning";
}

TEST_F(QuotasTest, KnowsWhoHasNoRoom) {
  EXPECT_LE(quotas_[0].FullUntil("crm"), clock_.Wall());
  (void)Take(0, "crm", {.daily = 10}, 10);
  EXPECT_LE(quotas_[0].FullUntil("crm"), clock_.Wall()) << "nobody was turned away yet";
  (void)Take(0, "crm", {.daily = 10}, 1);
  EXPECT_EQ(quotas_[0].FullUntil("crm"), clock_.Wall() + hours(16));
}

TEST_F(QuotasTest, HoldsBackTheRecipientsOfLaterShares) {
  queue::Message message;
  message.user = "crm";
  message.accepted = message.released = clock_.Wall();
  std::vector<queue::Recipient> recipients(4);
  for (queue::Recipient& one : recipients) one.due = message.accepted;
  const Shares shares{
      {clock_.Wall(), 1}, {clock_.Wall() + hours(16), 2}, {clock_.Wall() + hours(400), 1}};
  HoldBack(shares, message, hours(336), recipients);
  EXPECT_EQ(recipients[0].due, message.accepted);
  EXPECT_EQ(recipients[1].due, message.accepted + hours(16));
  EXPECT_EQ(recipients[2].released, message.accepted + hours(16));
  EXPECT_EQ(recipients[3].due, message.accepted + hours(336)) << "then it expires";
  EXPECT_TRUE(recipients[0].last_reply.empty());
  EXPECT_TRUE(recipients[1].last_reply.starts_with("held: the limit of user crm"));
}

TEST_F(QuotasTest, IsWrittenDownAndReadBack) {
  const QuotaLimits limits{.hourly = 90, .daily = 100};
  (void)Take(0, "crm", limits, 150);
  (void)Take(1, "with|bar", limits, 7);
  const auto kept = Written();
  std::array<Quotas, 2> again{Quotas(0, clock_, links_[0], out_[0]),
                              Quotas(1, clock_, links_[1], out_[1])};
  std::array<Quotas*, 2> peers{&again[0], &again[1]};
  for (Quotas& one : again) one.Join(peers);
  for (Quotas& one : again) one.Load(kept);
  Shares told;
  again[0].Take("crm", limits, 60, [&](Shares shares) { told = std::move(shares); });
  Deliver();
  EXPECT_EQ(Told(told), "16:40 17:10 40:10 ");
}

}  // namespace
}  // namespace sluice::engine
