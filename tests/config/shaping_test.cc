// Goal: the tables of a shaping file are merged in the documented order, value by value, and each
// value knows every line it came from.

#include "config/shaping.h"

#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

#include "config/keys_shaping.h"
#include "config/shaping_parser.h"

namespace sluice::config {
namespace {

Config TwoSources() {
  Config config;
  config.file = "sluice.toml";
  config.sources = {{.name = "m1", .address = {}, .public_address = {}, .ehlo = {}},
                    {.name = "m2", .address = {}, .public_address = {}, .ehlo = {}}};
  return config;
}

Shaping Read(std::string_view text, const Config& config) {
  auto loaded = ParseShaping(text, "shaping.toml", config);
  EXPECT_TRUE(loaded) << (loaded ? "" : FormatProblems(loaded.error()));
  return loaded ? std::move(loaded->shaping) : Shaping();
}

// The value as text, then each line that had a part in it: "3 <4 <7".
std::string Of(const Shaping& shaping, const Config& config, ShapingKey key,
               const std::vector<std::string>& hosts, std::string_view domain,
               std::string_view source) {
  const EffectiveValue value =
      shaping.Resolve(ShapingBase(config), shaping.ProviderOf(hosts), domain, source)[size_t(key)];
  std::string out = value.value ? FormatShapingValue(key, *value.value) : "unlimited";
  for (const ShapingStep& step : value.steps)
    out += step.block == nullptr ? " <base" : " <" + std::to_string(step.setting->at.line);
  return out;
}

// One line a table, so that lines are easily named.
constexpr std::string_view kEveryTable =
    "default = { connections = 10 }\n"
    "provider = [{ name = \"p\", mx = [\".p.example\"], connections = 20 }]\n"
    "domain = [{ name = \"d.example\", connections = 30 }]\n"
    "source = [{ name = \"m1\", connections = 40 },\n"
    "{ name = \"m1\", provider = \"p\", connections = 50 },\n"
    "{ name = \"m1\", domain = \"d.example\", connections = 60 }]\n";

TEST(Shaping, MergesItsTablesInTheDocumentedOrder) {
  const Config config = TwoSources();
  const Shaping shaping = Read(kEveryTable, config);
  const std::vector<std::string> p = {"mx.p.example"};
  const auto of = [&](const std::vector<std::string>& hosts, std::string_view domain,
                      std::string_view source) {
    return Of(shaping, config, ShapingKey::kConnections, hosts, domain, source);
  };
  EXPECT_EQ(Of(Shaping(), config, ShapingKey::kConnections, {}, "", ""), "10 <base");
  EXPECT_EQ(of({}, "x.example", ""), "10 <1");
  EXPECT_EQ(of({}, "x.example", "m2"), "10 <1");
  EXPECT_EQ(of(p, "x.example", "m2"), "20 <2");
  EXPECT_EQ(of(p, "d.example", "m2"), "30 <3");
  EXPECT_EQ(of({}, "d.example", "m2"), "30 <3");
  EXPECT_EQ(of({}, "x.example", "m1"), "40 <4");
  EXPECT_EQ(of(p, "x.example", "m1"), "50 <5");
  EXPECT_EQ(of({}, "d.example", "m1"), "60 <6");
  EXPECT_EQ(of(p, "d.example", "m1"), "60 <6");
  EXPECT_EQ(of(p, "d.example", ""), "30 <3");
}

TEST(Shaping, TakesPartsOfWhatIsInherited) {
  const Config config = TwoSources();
  const Shaping shaping = Read(
      "[default]\n"
      "message_rate = \"100/s burst 10\"\n"
      "max_age = \"50%\"\n"
      "[[provider]]\n"
      "name = \"p\"\n"
      "mx = \".p.example\"\n"
      "connections = 7\n"
      "message_rate = \"200%\"\n"
      "[[source]]\n"
      "name = \"m1\"\n"
      "connections = \"50%\"\n"
      "message_rate = \"25%\"\n"
      "[[source]]\n"
      "name = \"m1\"\n"
      "provider = \"p\"\n"
      "connections = \"1%\"\n",
      config);
  const std::vector<std::string> p = {"mx.p.example"};
  const auto of = [&](ShapingKey key, std::string_view source) {
    return Of(shaping, config, key, p, "x.example", source);
  };
  EXPECT_EQ(of(ShapingKey::kMaxAge, ""), "36h <base <3");
  EXPECT_EQ(of(ShapingKey::kMessageRate, ""), "200/s burst 20 <2 <8");
  EXPECT_EQ(of(ShapingKey::kMessageRate, "m1"), "50/s burst 5 <2 <8 <12");
  EXPECT_EQ(of(ShapingKey::kConnections, "m2"), "7 <7");
  EXPECT_EQ(of(ShapingKey::kConnections, "m1"), "1 <7 <11 <16") << "a part is never nothing";
  EXPECT_EQ(Of(shaping, config, ShapingKey::kConnections, {}, "x.example", "m1"), "5 <base <11");
}

TEST(Shaping, SetsValuesBackToTheBaseOrToNoLimit) {
  const Config config = TwoSources();
  const Shaping shaping = Read(
      "[default]\n"
      "connections = 3\n"
      "message_rate = \"10/s\"\n"
      "[[provider]]\n"
      "name = \"p\"\n"
      "mx = \"p.example\"\n"
      "connections = \"unset\"\n"
      "message_rate = \"unset\"\n"
      "messages_per_connection = \"unlimited\"\n"
      "[[source]]\n"
      "name = \"m1\"\n"
      "connections = \"unlimited\"\n"
      "[[source]]\n"
      "name = \"m1\"\n"
      "provider = \"p\"\n"
      "connections = \"50%\"\n",
      config);
  const std::vector<std::string> p = {"p.example"};
  EXPECT_EQ(Of(shaping, config, ShapingKey::kConnections, p, "", ""), "10 <base <7");
  EXPECT_EQ(Of(shaping, config, ShapingKey::kMessageRate, p, "", ""), "unlimited <8");
  EXPECT_EQ(Of(shaping, config, ShapingKey::kMessagesPerConnection, p, "", ""), "unlimited <9");
  EXPECT_EQ(Of(shaping, config, ShapingKey::kConnections, {}, "", "m1"), "unlimited <12");
  EXPECT_EQ(Of(shaping, config, ShapingKey::kConnections, p, "", "m1"), "unlimited <12 <16")
      << "a part of no limit is no limit";
}

TEST(Shaping, BuildsOnWhatSluiceTomlSays) {
  Config config = TwoSources();
  config.delivery = {.connections_per_path = 3,
                     .messages_per_connection = 4,
                     .recipients_per_transaction = 5,
                     .idle_connection = 6s};
  config.retry.gaps = {1min, 2min};
  config.retry.max_age = 5h;
  config.timeouts.dot = 77s;
  const auto of = [&](ShapingKey key) { return Of(Shaping(), config, key, {}, "", ""); };
  EXPECT_EQ(of(ShapingKey::kConnections), "3 <base");
  EXPECT_EQ(of(ShapingKey::kMessagesPerConnection), "4 <base");
  EXPECT_EQ(of(ShapingKey::kRecipientsPerTransaction), "5 <base");
  EXPECT_EQ(of(ShapingKey::kIdle), "6s <base");
  EXPECT_EQ(of(ShapingKey::kRetryGaps), "1m, 2m <base");
  EXPECT_EQ(of(ShapingKey::kMaxAge), "5h <base");
  EXPECT_EQ(of(ShapingKey::kDotTimeout), "77s <base");
  EXPECT_EQ(of(ShapingKey::kTls), "opportunistic");
  EXPECT_EQ(of(ShapingKey::kIpFamily), "any");
  for (const ShapingKey key :
       {ShapingKey::kSiteConnections, ShapingKey::kProviderConnections, ShapingKey::kConnectionRate,
        ShapingKey::kConnectionGrowth, ShapingKey::kMessageRate, ShapingKey::kTenantRate,
        ShapingKey::kCampaignRate})
    EXPECT_EQ(of(key), "unlimited");
}

TEST(Shaping, FindsTheProviderOfMostHostsByTheLongestSuffix) {
  const Config config = TwoSources();
  const Shaping shaping = Read(
      "provider = [{ name = \"wide\", mx = [\".outlook.example\"] },\n"
      "{ name = \"narrow\", mx = [\".Olc.outlook.example\", \"127.0.0.1\"] },\n"
      "{ name = \"other\", mx = [\"other.example\"] }]\n",
      config);
  const auto of = [&](std::vector<std::string> hosts) {
    const ShapingBlock* provider = shaping.ProviderOf(hosts);
    return provider == nullptr ? "-" : provider->name;
  };
  EXPECT_EQ(of({}), "-");
  EXPECT_EQ(of({"mx.elsewhere.example"}), "-");
  EXPECT_EQ(of({"a.outlook.example"}), "wide");
  EXPECT_EQ(of({"outlook.example"}), "wide");
  EXPECT_EQ(of({"myoutlook.example"}), "-") << "whole labels only";
  EXPECT_EQ(of({"a.olc.outlook.example"}), "narrow");
  EXPECT_EQ(of({"127.0.0.1"}), "narrow");
  EXPECT_EQ(of({"other.example", "a.outlook.example", "b.outlook.example"}), "wide");
  EXPECT_EQ(of({"other.example", "a.outlook.example"}), "wide") << "the one written first";
  EXPECT_EQ(of({"own.example", "other.example"}), "other") << "one's own backup does not count";
}

TEST(Shaping, KnowsTheDomainsThatAnyTableNames) {
  const Config config = TwoSources();
  const Shaping shaping = Read(
      "domain = [{ name = [\"A.example\", \"b.example\"], connections = 1 }]\n"
      "source = [{ name = \"m1\", domain = \"c.example\", connections = 2 }]\n",
      config);
  ASSERT_NE(shaping.NamedDomain("a.example"), nullptr);
  ASSERT_NE(shaping.NamedDomain("c.example"), nullptr);
  EXPECT_EQ(*shaping.NamedDomain("b.example"), "b.example");
  EXPECT_EQ(shaping.NamedDomain("a.example"), shaping.NamedDomain("a.example"));
  EXPECT_EQ(shaping.NamedDomain("x.example"), nullptr);
  EXPECT_EQ(shaping.NamedDomain(""), nullptr);
  EXPECT_EQ(Of(shaping, config, ShapingKey::kConnections, {}, "c.example", "m1"), "2 <2");
  EXPECT_EQ(Of(shaping, config, ShapingKey::kConnections, {}, "c.example", "m2"), "10 <base");
}

TEST(ShapingKeys, AreEachReadIntoTheirOwnPlace) {
  std::set<std::string_view> names;
  for (size_t i = 0; i < kShapingKeyCount; ++i) {
    const Key& key = ShapingKeyOf(ShapingKey(i));
    EXPECT_TRUE(names.insert(key.name).second) << key.name;
    EXPECT_TRUE(key.doc.ends_with(".")) << key.name;
    EXPECT_FALSE(key.print_default(key).empty()) << key.name;
    EXPECT_EQ(key.kind == Kind::kChoice, !key.choices.empty()) << key.name;
    const Config config = TwoSources();
    const Shaping shaping = Read("[default]\n" + std::string(key.name) + " = \"unset\"\n", config);
    ASSERT_EQ(shaping.defaults.settings.size(), 1u) << key.name;
    EXPECT_EQ(shaping.defaults.settings[0].key, ShapingKey(i)) << key.name;
  }
}

}  // namespace
}  // namespace sluice::config
