// tests/tools/shaping_view_test.cc — what `sluice shaping` shows of the values of a domain.

#include "tools/commands/shaping_view.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "config/shaping_parser.h"

namespace sluice::tools {
namespace {

using ::testing::HasSubstr;

config::Config ConfigWith(std::string_view shaping) {
  config::Config config;
  config.file = "sluice.toml";
  config.sources = {{.name = "m1", .address = {}, .public_address = {}, .ehlo = {}}};
  auto loaded = config::ParseShaping(shaping, "shaping.toml", config);
  EXPECT_TRUE(loaded) << (loaded ? "" : config::FormatProblems(loaded.error()));
  if (loaded) config.shaping = std::make_shared<const config::Shaping>(std::move(loaded->shaping));
  return config;
}

constexpr std::string_view kShaping =
    "[[provider]]\n"
    "name = \"p\"\n"
    "mx = \".p.example\"\n"
    "count_on = \"provider\"\n"
    "connections = 8\n"
    "[[source]]\n"
    "name = \"m1\"\n"
    "connections = \"50%\"\n"
    "message_rate = \"5/s\"\n";

TEST(ShapingView, TellsEachValueAndTheLinesItCameFrom) {
  const config::Config config = ConfigWith(kShaping);
  ShapingBaseLines lines{};
  lines[size_t(config::ShapingKey::kMaxAge)] = 12;
  const std::string text =
      ShapingText(ViewShaping(config, "d.example", {"mx.p.example"}, "m1", lines));
  EXPECT_THAT(text, HasSubstr("d.example: provider p (mx.p.example)\nsource m1\n"
                              "connections are counted on the provider\n"));
  EXPECT_THAT(text, HasSubstr("shaping.toml:5 [[provider]] p = 8, shaping.toml:8 [[source]] m1 = "
                              "50%\n"));
  EXPECT_THAT(text, HasSubstr("sluice.toml:12 [retry] max_age\n"));
  EXPECT_THAT(text, HasSubstr("default of [delivery] messages_per_connection\n"));
  EXPECT_THAT(text, HasSubstr("5/s"));
  EXPECT_THAT(text, HasSubstr("no effect yet"));
}

TEST(ShapingView, SaysWhenNoProviderHasTheHosts) {
  const config::Config config = ConfigWith(kShaping);
  const std::string text = ShapingText(ViewShaping(config, "d.example", {"mx.d.example"}, "", {}));
  EXPECT_THAT(text, HasSubstr("d.example: no provider of the file (mx.d.example)\nany source"));
  EXPECT_THAT(text, HasSubstr("default of [delivery] connections_per_path\n"));
}

TEST(ShapingView, GivesProgramsTheSame) {
  const config::Config config = ConfigWith(kShaping);
  const std::string json =
      ShapingJson(ViewShaping(config, "d.example", {"mx.p.example"}, "m1", {}));
  EXPECT_THAT(json, HasSubstr("\"provider\":\"p\""));
  EXPECT_THAT(json,
              HasSubstr("{\"from\":[{\"file\":\"shaping.toml\",\"line\":5,\"setting\":\"8\","
                        "\"table\":\"[[provider]] p\"},{\"file\":\"shaping.toml\",\"line\":8,"
                        "\"setting\":\"50%\",\"table\":\"[[source]] m1\"}],\"key\":\"connections\","
                        "\"later\":false,\"value\":\"4\"}"));
}

}  // namespace
}  // namespace sluice::tools
