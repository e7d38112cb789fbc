// Goal: every mistake in a shaping file is answered by one line that names file, line, column, key
// and fix. Method: a table of texts and the exact lines they must give.

#include <gtest/gtest.h>

#include <string>

#include "config/shaping_parser.h"

namespace sluice::config {
namespace {

Config OneSource() {
  Config config;
  config.file = "sluice.toml";
  config.sources = {{.name = "mailing-1", .address = {}, .public_address = {}, .ehlo = {}}};
  return config;
}

std::string ErrorsOf(std::string_view text) {
  const auto result = ParseShaping(text, "s.toml", OneSource());
  return result ? "" : FormatProblems(result.error());
}

std::string WarningsOf(std::string_view text) {
  const auto result = ParseShaping(text, "s.toml", OneSource());
  return result ? FormatProblems(result->warnings) : "errors: " + FormatProblems(result.error());
}

struct Case {
  std::string_view text;
  std::string_view lines;
};

constexpr std::string_view kP = "[[provider]]\nname = \"p\"\nmx = \".p.example\"\n";

TEST(ShapingErrors, NoneInAnEmptyFile) {
  EXPECT_EQ(ErrorsOf(""), "");
  EXPECT_EQ(WarningsOf("# nothing\n"), "");
}

TEST(ShapingErrors, OfValuesAreToldExactly) {
  const Case cases[] = {
      {"[default]\nconections = 1\n",
       "s.toml:2:1: default.conections: unknown key; did you mean \"connections\"?\n"},
      {"[default]\nconnections = 0\n",
       "s.toml:2:15: default.connections: 0 is out of range: 1 to 100000\n"},
      {"[default]\nconnections = -5\n",
       "s.toml:2:15: default.connections: -5 is out of range: 1 to 100000\n"},
      {"[default]\nconnections = true\n",
       "s.toml:2:15: default.connections: must be a whole number, not true or false\n"},
      {"[default]\nconnections = \"ten\"\n",
       "s.toml:2:15: default.connections: \"ten\" is not a whole number, a part of the inherited "
       "value such as \"50%\", \"unlimited\" or \"unset\"\n"},
      {"[default]\nconnections = \"0%\"\n",
       "s.toml:2:15: default.connections: \"0%\" is no percentage from \"1%\" to \"1000%\"\n"},
      {"[default]\nconnections = \"1.5%\"\n",
       "s.toml:2:15: default.connections: \"1.5%\" is no percentage from \"1%\" to \"1000%\"\n"},
      {"[default]\nrecipients_per_transaction = \"unlimited\"\n",
       "s.toml:2:30: default.recipients_per_transaction: \"unlimited\" is not a whole number, a "
       "part of the inherited value such as \"50%\", or \"unset\"\n"},
      {"[default]\nmax_age = \"unlimited\"\n",
       "s.toml:2:11: default.max_age: \"unlimited\" is not a duration such as \"5m\", a part of "
       "the inherited value such as \"50%\", or \"unset\"\n"},
      {"[default]\nmessage_rate = \"0/s\"\n",
       "s.toml:2:16: default.message_rate: \"0/s\" would stop everything: the least is 1 in a "
       "longer time, as in \"1/h\"; \"unlimited\" lifts the limit\n"},
      {"[default]\nmessage_rate = 100\n",
       "s.toml:2:16: default.message_rate: must be a rate in quotes such as \"100/s\"\n"},
      {"[default]\nmessage_rate = { rate = \"5/s\", brst = 2 }\n",
       "s.toml:2:32: default.message_rate.brst: unknown key: a rate is { rate = \"100/s\", burst = "
       "20 }\n"},
      {"[default]\nmessage_rate = { burst = 2 }\n",
       "s.toml:2:16: default.message_rate.rate: is missing\n"},
      {"[default]\nmessage_rate = { rate = \"5/s\", burst = 0 }\n",
       "s.toml:2:40: default.message_rate.burst: must be a whole number, 1 to 1000000\n"},
      {"[default]\ntls = \"require\"\n",
       "s.toml:2:7: default.tls: \"require\" is not one of \"opportunistic\", \"required\", "
       "\"verified\", \"off\"; did you mean \"required\"?\n"},
      {"[default]\ntls = \"50%\"\n",
       "s.toml:2:7: default.tls: \"50%\" is not one of \"opportunistic\", \"required\", "
       "\"verified\", \"off\"\n"},
      {"[default]\nretry_gaps = []\n", "s.toml:2:14: default.retry_gaps: must not be empty\n"},
      {"[default]\nidle = \"11m\"\n",
       "s.toml:2:8: default.idle: \"11m\" is out of range: 0s to 10m\n"},
      {"[default]\nmax_age = \"4d\"\n",
       "s.toml:2:11: default.max_age: 4d is longer than [retry] max_age of 3d, which bounds it: "
       "raise that one\n"},
      {"connections = 5\n",
       "s.toml:1:1: connections: stands in no table: put it under [default], [[provider]], "
       "[[domain]] or [[source]]\n"},
      {"[defaults]\nconnections = 5\n",
       "s.toml:1:2: defaults: unknown table; did you mean \"default\"?\n"},
      {"[[default]]\nconnections = 5\n",
       "s.toml:1:3: default: there is only one: write [default]\n"},
      {"[provider]\nname = \"x\"\n",
       "s.toml:1:2: provider: there may be several: write [[provider]]\n"},
      {"provider = [5]\n", "s.toml:1:13: provider[0]: must be a table: write [[provider]]\n"},
  };
  for (const Case& c : cases) EXPECT_EQ(ErrorsOf(c.text), c.lines) << c.text;
  EXPECT_EQ(ErrorsOf("[default\n").substr(0, 35), "s.toml:1:9: this is not TOML: Error");
}

TEST(ShapingErrors, OfNamesAreToldExactly) {
  const std::string p(kP);
  const std::pair<std::string, std::string_view> cases[] = {
      {"[[provider]]\nname = \"p\"\n", "s.toml:1:1: provider[0].mx: is missing\n"},
      {"[[provider]]\nname = \"p\"\nmx = []\n", "s.toml:3:6: provider[0].mx: must not be empty\n"},
      {"[[provider]]\nname = \"p\"\nmx = \".com\"\n",
       "s.toml:3:6: provider[0].mx: \".com\" is no name of hosts: write \".google.com\" or "
       "\"mx.example.net\"\n"},
      {p + p,
       "s.toml:4:1: provider[1].mx: \"p.example\" is there already, in line 1: put both together\n"
       "s.toml:4:1: provider[1].name: \"p\" is there already, in line 1: put both together\n"},
      {"[[provider]]\nname = \"p\"\nmx = [\".p.example\", \"P.example\"]\n",
       "s.toml:1:1: provider[0].mx: \"p.example\" is there already, in line 1: put both "
       "together\n"},
      {p + "count_on = \"sites\"\n",
       "s.toml:4:12: provider[0].count_on: \"sites\" is not one of \"site\", \"provider\"; did you "
       "mean \"site\"?\n"},
      {"[default]\ncount_on = \"site\"\n", "s.toml:2:1: default.count_on: unknown key\n"},
      {"[[domain]]\nname = \"nodot\"\nconnections = 1\n",
       "s.toml:2:8: domain[0].name: \"nodot\" is not a fully qualified domain name: write "
       "\"mta1.example.com\" (international names in their xn-- form)\n"},
      {"[[domain]]\nname = \"d.example\"\nconnections = 1\n[[domain]]\nname = [\"e.example\", "
       "\"D.example\"]\nconnections = 1\n",
       "s.toml:4:1: domain[1].name: \"d.example\" is there already, in line 1: put both "
       "together\n"},
      {"[[source]]\nname = \"mailing-2\"\nconnections = 1\n",
       "s.toml:1:1: source[0].name: there is no [[source]] in sluice.toml named \"mailing-2\"; did "
       "you mean \"mailing-1\"?\n"},
      {p + "[[source]]\nname = \"mailing-1\"\nprovider = \"q\"\nconnections = 1\n",
       "s.toml:4:1: source[0].provider: there is no [[provider]] named \"q\"; did you mean "
       "\"p\"?\n"},
      {p + "[[source]]\nname = \"mailing-1\"\nprovider = \"p\"\ndomain = \"d.example\"\nidle = "
           "\"1s\"\n",
       "s.toml:4:1: source[0]: has a provider and domains: write a table for each of the two\n"},
      {"[[source]]\nname = \"mailing-1\"\nidle = \"1s\"\n[[source]]\nname = \"mailing-1\"\nidle = "
       "\"2s\"\n",
       "s.toml:4:1: source[1]: \"mailing-1\" is there already, in line 1: put both together\n"},
  };
  for (const auto& [text, lines] : cases) EXPECT_EQ(ErrorsOf(text), lines) << text;
}

TEST(ShapingWarnings, TellOfLimitsThatAreNeverReached) {
  const std::string later = ": is read and checked, but has no effect in this version\n";
  const std::string p(kP);
  EXPECT_EQ(WarningsOf("[default]\nconnections = 10\nsite_connections = 3\n"),
            "s.toml:3:1: default.site_connections" + later +
                "s.toml:3:20: default.site_connections: site_connections is 3, so connections "
                "never reaches its 10\n");
  EXPECT_EQ(WarningsOf(p + "connections = 5\nprovider_connections = 5\n"),
            "s.toml:5:1: provider[0].provider_connections" + later);
  EXPECT_EQ(WarningsOf(p + "connections = 5\nprovider_connections = 4\n"),
            "s.toml:5:1: provider[0].provider_connections" + later +
                "s.toml:5:24: provider[0].provider_connections: provider_connections is 4, so "
                "connections never reaches its 5\n");
  EXPECT_EQ(WarningsOf("[default]\ntenant_rate = \"60/m\"\ncampaign_rate = \"2/s\"\n"),
            "s.toml:2:15: default.tenant_rate: tenant_rate is 60/m, so campaign_rate never "
            "reaches its 2/s\n");
}

TEST(ShapingWarnings, TellOfWhatDoesNothing) {
  EXPECT_EQ(WarningsOf("[[domain]]\nname = \"d.example\"\n"),
            "s.toml:1:1: domain[0]: sets nothing\n");
  EXPECT_EQ(WarningsOf(kP), "") << "a provider may stand for its name alone";
  EXPECT_EQ(WarningsOf("[default]\nmax_age = \"1h\"\nretry_gaps = [\"2h\"]\n"),
            "s.toml:3:14: default.retry_gaps: the first gap is longer than max_age: no recipient "
            "is tried twice\n");
  EXPECT_EQ(WarningsOf("[[domain]]\nname = \"d.example\"\nmessage_rate = \"50%\"\n"),
            "s.toml:3:16: domain[0].message_rate: 50% of no limit is no limit: no table before "
            "this one sets it\n");
}

}  // namespace
}  // namespace sluice::config
