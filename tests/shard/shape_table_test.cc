// Goal: what holds for a site is merged once and shared, and made anew after a reload.

#include "engine/shard/shape_table.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "config/shaping_parser.h"

namespace sluice::engine {
namespace {

using namespace std::chrono_literals;

std::shared_ptr<const config::Config> ConfigWith(std::string_view shaping) {
  auto config = std::make_shared<config::Config>();
  for (const char* name : {"m1", "m2"})
    config->sources.push_back({.name = name, .address = {}, .public_address = {}, .ehlo = {}});
  config->pools.push_back({.name = "default", .members = {{"m1", 1}, {"m2", 1}}});
  auto loaded = config::ParseShaping(shaping, "shaping.toml", *config);
  EXPECT_TRUE(loaded) << (loaded ? "" : config::FormatProblems(loaded.error()));
  config->shaping = std::make_shared<const config::Shaping>(std::move(loaded->shaping));
  return config;
}

constexpr std::string_view kShaping =
    "[[provider]]\nname = \"p\"\nmx = \".p.example\"\nconnections = 6\ntls = \"required\"\n"
    "ip_family = \"ipv4\"\nidle = \"9s\"\nmessages_per_connection = \"unlimited\"\n"
    "[[domain]]\nname = \"d.example\"\nretry_gaps = [\"1m\"]\nmax_age = \"2h\"\n"
    "recipients_per_transaction = 4\ndot_timeout = \"33s\"\n"
    "[[source]]\nname = \"m2\"\nconnections = \"50%\"\n";

TEST(ShapeTable, GivesTheTypesThatTheEngineUses) {
  ShapeTable table(ConfigWith(kShaping));
  const config::ShapingBlock* p = table.ProviderOf(std::vector<std::string>{"mx.p.example"});
  ASSERT_NE(p, nullptr);
  const Shape& shape = *table.Of(p, "d.example", "m2");
  EXPECT_EQ(shape.connections, 3u);
  EXPECT_EQ(shape.messages_per_connection, UINT32_MAX);
  EXPECT_EQ(shape.recipients_per_transaction, 4u);
  EXPECT_EQ(shape.idle, Duration(9s));
  EXPECT_EQ(shape.tls, config::RouteTls::kRequired);
  EXPECT_EQ(shape.ip_family, config::IpFamily::kIpv4);
  EXPECT_EQ(shape.retry.gaps, std::vector<Duration>{1min});
  EXPECT_EQ(shape.retry.max_age, Duration(2h));
  EXPECT_EQ(shape.timeouts.dot, Duration(33s));
  EXPECT_EQ(shape.timeouts.connect, config::Timeouts().connect);
}

TEST(ShapeTable, SharesWhatIsTheSame) {
  ShapeTable table(ConfigWith(kShaping));
  EXPECT_EQ(table.Of(nullptr, "x.example", "m1"), table.Of(nullptr, "y.example", "m1"));
  EXPECT_NE(table.Of(nullptr, "x.example", "m1"), table.Of(nullptr, "d.example", "m1"));
  EXPECT_NE(table.Of(nullptr, "x.example", "m1"), table.Of(nullptr, "x.example", "m2"));
  EXPECT_TRUE(table.Alike("x.example", "y.example"));
  EXPECT_TRUE(table.Alike("d.example", "d.example"));
  EXPECT_FALSE(table.Alike("x.example", "d.example"));
}

TEST(ShapeTable, SumsUpWhatThePoolMayOpen) {
  ShapeTable table(ConfigWith(kShaping));
  const config::ShapingBlock* p = table.ProviderOf(std::vector<std::string>{"p.example"});
  EXPECT_EQ(table.PoolConnections(p, "x.example", table.config()->pools.front()), 6u + 3u);
  EXPECT_EQ(table.PoolConnections(nullptr, "x.example", table.config()->pools.front()), 10u + 5u);
}

TEST(ShapeTable, LooksEverythingUpAnewAfterAReload) {
  ShapeTable table(ConfigWith(kShaping));
  const uint64_t generation = table.generation();
  const std::shared_ptr<const Shape> held = table.Of(nullptr, "d.example", "m1");
  table.Renew(ConfigWith("[default]\nconnections = 2\n"));
  EXPECT_NE(table.generation(), generation);
  EXPECT_EQ(table.ProviderOf(std::vector<std::string>{"p.example"}), nullptr);
  EXPECT_EQ(table.Of(nullptr, "d.example", "m1")->connections, 2u);
  EXPECT_EQ(table.PoolConnections(nullptr, "d.example", table.config()->pools.front()), 4u);
  EXPECT_EQ(held->connections, 10u) << "who holds it keeps it";
}

TEST(ShapeTable, IsTheConfigurationWhereThereIsNoShapingFile) {
  auto config = std::make_shared<config::Config>();
  config->delivery.connections_per_path = 7;
  config->retry.max_age = 5h;
  config->pools.push_back({.name = "default", .members = {{"m1", 1}}});
  ShapeTable table(config);
  EXPECT_EQ(table.ProviderOf(std::vector<std::string>{"mx.google.com"}), nullptr);
  EXPECT_EQ(table.Of(nullptr, "x.example", "m1")->connections, 7u);
  EXPECT_EQ(table.Of(nullptr, "x.example", "")->retry.max_age, Duration(5h));
  EXPECT_EQ(table.PoolConnections(nullptr, "", table.config()->pools.front()), 7u);
}

}  // namespace
}  // namespace sluice::engine
