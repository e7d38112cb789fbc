// Orders as the control socket brings them: what is read, and what is refused with which advice.

#include "engine/runtime/order_request.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>

namespace sluice::engine {
namespace {

using Json = nlohmann::json;
using queue::OrderKind;
using queue::OrderScope;

constexpr WallTime kNow = WallFromMicros(1'795'247'460'000'000);

std::string ErrorOf(const Json& request) {
  const auto order = ReadOrder(request, kNow);
  return order ? "taken" : order.error().what;
}

TEST(OrderRequest, ReadsKindTargetAndWords) {
  const auto order = ReadOrder({{"order", "cancel"},
                                {"campaign", "spring"},
                                {"tenant", "crm"},
                                {"bounce", true},
                                {"why", "wrong list"}},
                               kNow);
  ASSERT_TRUE(order) << order.error().what;
  EXPECT_EQ(order->kind, OrderKind::kCancel);
  EXPECT_EQ(order->scope, OrderScope::kCampaign);
  EXPECT_EQ(order->name, "spring");
  EXPECT_EQ(order->tenant, "crm");
  EXPECT_EQ(order->value, "bounce");
  EXPECT_EQ(order->why, "wrong list");
  EXPECT_EQ(order->until, WallTime::max());
}

TEST(OrderRequest, ReadsEachTarget) {
  const std::pair<const char*, const char*> targets[] = {{"message", "0000g00000001"},
                                                         {"recipient", "Ann@x.test"},
                                                         {"domain", "x.test"},
                                                         {"campaign", "spring"},
                                                         {"tenant", "crm"}};
  for (const auto& [scope, name] : targets) {
    const auto order = ReadOrder({{"order", "retry"}, {scope, name}}, kNow);
    ASSERT_TRUE(order) << scope << ": " << order.error().what;
    EXPECT_EQ(order->name, name);
    EXPECT_EQ(order->tenant, "");
  }
  EXPECT_EQ(ReadOrder({{"order", "retry"}, {"domain", "X.Test"}}, kNow)->name, "x.test");
}

TEST(OrderRequest, SaysWhatToWriteInstead) {
  EXPECT_EQ(ErrorOf({{"order", "stop"}, {"tenant", "crm"}}), "\"stop\" is no order");
  EXPECT_EQ(ErrorOf({{"order", "cancel"}}),
            "whose mail? Give a message, recipient, domain, campaign or tenant");
  EXPECT_EQ(ErrorOf({{"order", "pause"}, {"domain", "x.test"}}),
            "a domain cannot be the target of pause: give a campaign, tenant, site, provider or "
            "source");
  EXPECT_EQ(ErrorOf({{"order", "cancel"}, {"site", "mx.x.test"}}),
            "a site cannot be the target of cancel: give a message, recipient, domain, campaign or "
            "tenant");
  EXPECT_EQ(ErrorOf({{"order", "retry"}, {"tenant", "crm"}, {"for", "1h"}}),
            "a retry is done once: it takes no time");
  EXPECT_EQ(ErrorOf({{"order", "cancel"}, {"domain", "x.test"}, {"tenant", "crm"}}),
            "both a domain and a tenant are given: give one");
  EXPECT_EQ(ErrorOf({{"order", "cancel"}, {"message", "x"}}),
            "\"x\" is no message id: give what stands after `queued as`");
  EXPECT_EQ(ErrorOf({{"order", "cancel"}, {"recipient", "x.test"}}),
            "\"x.test\" is no address: a local part, @ and a domain");
  EXPECT_EQ(ErrorOf({{"order", "cancel"}, {"domain", "a@x.test"}}),
            "\"a@x.test\" is an address: give it as recipient");
  EXPECT_EQ(ErrorOf({{"order", "retry"}, {"tenant", "crm"}, {"bounce", true}}),
            "only a cancel can bounce");
}

TEST(OrderRequest, ReadsASourceWithASiteOrProviderAsAPath) {
  const auto site = ReadOrder({{"order", "pause"}, {"source", "m1"}, {"site", "MX.x.test"}}, kNow);
  ASSERT_TRUE(site) << site.error().what;
  EXPECT_EQ(site->scope, OrderScope::kPath);
  EXPECT_EQ(site->source, "m1");
  EXPECT_EQ(site->name, "mx.x.test");
  const auto provider =
      ReadOrder({{"order", "pause"}, {"source", "m1"}, {"provider", "google"}}, kNow);
  ASSERT_TRUE(provider);
  EXPECT_EQ(provider->scope, OrderScope::kPath);
  EXPECT_EQ(provider->name, "@google");
  EXPECT_EQ(ReadOrder({{"order", "pause"}, {"source", "m1"}}, kNow)->scope, OrderScope::kSource);
}

TEST(OrderRequest, ReadsARateOfAPath) {
  const auto order = ReadOrder(
      {{"order", "rate"}, {"provider", "google"}, {"rate", "100/h"}, {"for", "2h"}}, kNow);
  ASSERT_TRUE(order) << order.error().what;
  EXPECT_EQ(order->kind, OrderKind::kRate);
  EXPECT_EQ(order->value, "100/h");
  EXPECT_NE(ErrorOf({{"order", "rate"}, {"provider", "google"}, {"rate", "fast"}}), "taken");
  EXPECT_NE(ErrorOf({{"order", "rate"}, {"provider", "google"}}), "taken");
  EXPECT_NE(ErrorOf({{"order", "rate"}, {"tenant", "crm"}, {"rate", "100/h"}}), "taken");
  EXPECT_EQ(ErrorOf({{"order", "pause"}, {"tenant", "crm"}, {"rate", "100/h"}}),
            "only the order rate takes a rate");
}

TEST(OrderRequest, ReadsWhereMailIsRerouted) {
  const auto order =
      ReadOrder({{"order", "reroute"}, {"campaign", "spring"}, {"pool", "bulk"}}, kNow);
  ASSERT_TRUE(order) << order.error().what;
  EXPECT_EQ(order->kind, OrderKind::kReroute);
  EXPECT_EQ(order->value, "bulk");
  EXPECT_EQ(ErrorOf({{"order", "reroute"}, {"tenant", "crm"}}),
            "where to? Give the pool, or a source");
  EXPECT_EQ(ErrorOf({{"order", "reroute"}, {"source", "m1"}, {"pool", "bulk"}}),
            "a source cannot be the target of reroute: give a campaign or tenant");
  EXPECT_EQ(ErrorOf({{"order", "pause"}, {"tenant", "crm"}, {"pool", "bulk"}}),
            "only a reroute takes a pool");
}

TEST(OrderRequest, BoundsTexts) {
  EXPECT_NE(ErrorOf({{"order", "cancel"}, {"tenant", std::string(321, 'x')}}).find("too long"),
            std::string::npos);
  EXPECT_NE(ErrorOf({{"order", "cancel"}, {"tenant", "crm"}, {"why", std::string(321, 'x')}})
                .find("too long"),
            std::string::npos);
  EXPECT_NE(ErrorOf({{"order", "cancel"}, {"tenant", "a\nb"}}).find("control characters"),
            std::string::npos);
  EXPECT_NE(ErrorOf({{"order", 7}, {"tenant", Json::array()}}), "taken");
}

TEST(OrderRequest, ReadsHowLong) {
  const auto order = ReadOrder({{"order", "pause"}, {"tenant", "crm"}, {"for", "1h30m"}}, kNow);
  ASSERT_TRUE(order);
  EXPECT_EQ(order->until, kNow + std::chrono::minutes(90));
  for (const char* wrong : {"soon", "0s", "400d"})
    EXPECT_NE(ErrorOf({{"order", "pause"}, {"tenant", "crm"}, {"for", wrong}}), "taken") << wrong;
}

}  // namespace
}  // namespace sluice::engine
