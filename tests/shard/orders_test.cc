// Which mail an order is about.

#include "engine/shard/orders.h"

#include <gtest/gtest.h>

#include "engine/base/message_id.h"

namespace sluice::engine {
namespace {

using queue::Order;
using queue::OrderKind;
using queue::OrderScope;

constexpr WallTime kGiven = WallFromMicros(1'000'000);

Order Cancel(OrderScope scope, const std::string& name, const std::string& tenant = "") {
  Order order;
  order.id = 1;
  order.kind = OrderKind::kCancel;
  order.scope = scope;
  order.name = name;
  order.tenant = tenant;
  order.given = kGiven;
  return order;
}

queue::Message Spring() {
  queue::Message message;
  message.id = FirstMessageIdOfRun(1);
  message.accepted = kGiven;
  message.tenant = "crm";
  message.campaign = "spring";
  return message;
}

// What the lane is asked must never be narrower than what the recipient is asked.
bool Meant(const Order& order, const queue::Message& message, const std::string& address) {
  const queue::LaneKey key = queue::LaneKeyOf(message, address);
  const bool lane = MayConcern(order, LaneName::Of(key));
  const bool recipient = Concerns(order, message, address);
  EXPECT_TRUE(lane || !recipient || order.scope == OrderScope::kMessage);
  return recipient;
}

TEST(Orders, AreAboutTheirTargetAndNothingElse) {
  const queue::Message message = Spring();
  EXPECT_TRUE(Meant(Cancel(OrderScope::kTenant, "crm"), message, "a@x.test"));
  EXPECT_FALSE(Meant(Cancel(OrderScope::kTenant, "shop"), message, "a@x.test"));
  EXPECT_TRUE(Meant(Cancel(OrderScope::kCampaign, "spring", "crm"), message, "a@x.test"));
  EXPECT_FALSE(Meant(Cancel(OrderScope::kCampaign, "spring", "shop"), message, "a@x.test"));
  EXPECT_FALSE(Meant(Cancel(OrderScope::kCampaign, "pring", "crm"), message, "a@x.test"));
  EXPECT_TRUE(Meant(Cancel(OrderScope::kDomain, "x.test"), message, "a@x.test"));
  EXPECT_FALSE(Meant(Cancel(OrderScope::kDomain, "x.test"), message, "a@y.x.test"));
  EXPECT_TRUE(Meant(Cancel(OrderScope::kRecipient, "A@x.test"), message, "a@x.test"));
  EXPECT_FALSE(Meant(Cancel(OrderScope::kRecipient, "a@x.test"), message, "b@x.test"));
  const std::string id = FormatMessageId(message.id);
  EXPECT_TRUE(Meant(Cancel(OrderScope::kMessage, id), message, "a@x.test"));
  EXPECT_FALSE(Meant(Cancel(OrderScope::kMessage, id + "1"), message, "a@x.test"));
}

TEST(Orders, SpareMailThatCameAfterThem) {
  queue::Message message = Spring();
  message.accepted = kGiven + Duration(1);
  EXPECT_FALSE(Meant(Cancel(OrderScope::kTenant, "crm"), message, "a@x.test"));
}

TEST(Orders, SpareReportsToTheTenantsSenders) {
  queue::Message message = Spring();
  message.flags = queue::kFlagReport;
  EXPECT_FALSE(Meant(Cancel(OrderScope::kTenant, "crm"), message, "a@x.test"));
  EXPECT_TRUE(Meant(Cancel(OrderScope::kDomain, "x.test"), message, "a@x.test"));
}

TEST(Orders, CancelUntilTheyAreDropped) {
  Orders orders;
  EXPECT_EQ(orders.CancelOf(Spring(), "a@x.test"), nullptr);
  orders.Put(Cancel(OrderScope::kTenant, "crm"));
  ASSERT_NE(orders.CancelOf(Spring(), "a@x.test"), nullptr);
  EXPECT_EQ(orders.CancelOf(Spring(), "a@x.test")->id, 1u);
  orders.Drop(1);
  EXPECT_EQ(orders.CancelOf(Spring(), "a@x.test"), nullptr);
}

TEST(Orders, PausePathsFromTheirSourceOrToTheirSite) {
  Orders orders;
  const auto until = [&orders](std::string_view source, std::string_view site) {
    return orders.PathUntil(source, site, site == "mx.g.test" ? "google" : "", nullptr);
  };
  Order pause = Cancel(OrderScope::kSource, "m1");
  pause.kind = OrderKind::kPause;
  pause.until = WallFromMicros(5);
  orders.Put(pause);
  EXPECT_EQ(until("m1", "mx.x.test"), WallFromMicros(5));
  EXPECT_EQ(until("m2", "mx.x.test"), WallTime{});
  pause.id = 2;
  pause.scope = OrderScope::kProvider;
  pause.name = "google";
  pause.until = WallTime::max();
  orders.Put(pause);
  EXPECT_EQ(until("m1", "mx.g.test"), WallTime::max());
  EXPECT_EQ(until("m2", "mx.g.test"), WallTime::max());
  EXPECT_EQ(until("m2", "mx.x.test"), WallTime{});
  pause.ended = WallFromMicros(3);
  orders.Put(pause);
  EXPECT_EQ(until("m2", "mx.g.test"), WallTime{});
  pause = Cancel(OrderScope::kPath, "@google");
  pause.id = 3;
  pause.kind = OrderKind::kPause;
  pause.source = "m2";
  pause.why = "listed";
  orders.Put(pause);
  std::string why;
  EXPECT_EQ(orders.PathUntil("m2", "mx.g.test", "google", &why), WallTime::max());
  EXPECT_EQ(why, "path \"m2 > @google\" is paused (order 3): listed");
  EXPECT_EQ(until("m2", "mx.x.test"), WallTime{});
  orders.Drop(3);
  EXPECT_EQ(until("m2", "mx.g.test"), WallTime{});
}

TEST(Orders, SetTheRateThatWasOrderedLast) {
  Orders orders;
  EXPECT_EQ(orders.RateOf("m1", "mx.x.test", ""), nullptr);
  Order rate = Cancel(OrderScope::kSite, "mx.x.test");
  rate.kind = OrderKind::kRate;
  rate.value = "100/h";
  orders.Put(rate);
  rate.id = 2;
  rate.scope = OrderScope::kSource;
  rate.name = "m1";
  rate.value = "5/s";
  orders.Put(rate);
  ASSERT_NE(orders.RateOf("m1", "mx.x.test", ""), nullptr);
  EXPECT_EQ(orders.RateOf("m1", "mx.x.test", "")->order.id, 2u);
  EXPECT_EQ(orders.RateOf("m1", "mx.x.test", "")->rate, *config::ParseRate("5/s"));
  EXPECT_EQ(orders.RateOf("m2", "mx.x.test", "")->order.id, 1u);
  EXPECT_EQ(orders.RateOf("m2", "mx.y.test", ""), nullptr);
  orders.Drop(2);
  EXPECT_EQ(orders.RateOf("m1", "mx.x.test", "")->order.id, 1u);
}

TEST(Orders, PauseLanesOfTheirTenantOrCampaign) {
  Orders orders;
  Order pause = Cancel(OrderScope::kCampaign, "spring", "crm");
  pause.kind = OrderKind::kPause;
  orders.Put(pause);
  EXPECT_NE(orders.PauseOf({"x.test", "crm", "spring"}), nullptr);
  EXPECT_NE(orders.PauseOf({"x.test", "crm", "\x02spring"}), nullptr);
  EXPECT_EQ(orders.PauseOf({"x.test", "crm", "autumn"}), nullptr);
  EXPECT_EQ(orders.PauseOf({"x.test", "shop", "spring"}), nullptr);
  EXPECT_EQ(orders.PauseOf({"x.test", "crm",
                            "\x01"
                            "a@b.test"}),
            nullptr);
}

TEST(Orders, SayWhatTheyAreAbout) {
  EXPECT_EQ(TargetOf(Cancel(OrderScope::kCampaign, "spring", "crm")),
            "campaign \"spring\" of tenant \"crm\"");
  Order path = Cancel(OrderScope::kPath, "@google");
  path.source = "m1";
  EXPECT_EQ(TargetOf(path), "path \"m1 > @google\"");
}

}  // namespace
}  // namespace sluice::engine
