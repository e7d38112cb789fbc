// Goal: durations and sizes mean what they say, and nonsense is refused rather than guessed.

#include "config/units.h"

#include <gtest/gtest.h>

#include "config/config.h"
#include "config/syntax.h"

namespace sluice::config {
namespace {

TEST(Durations, ReadEveryUnit) {
  EXPECT_EQ(ParseDuration("150ms"), Duration(150'000));
  EXPECT_EQ(ParseDuration("12s"), Duration(12s));
  EXPECT_EQ(ParseDuration("5m"), Duration(5min));
  EXPECT_EQ(ParseDuration("4h"), Duration(4h));
  EXPECT_EQ(ParseDuration("3d"), Duration(72h));
  EXPECT_EQ(ParseDuration("1h30m"), Duration(90min));
  EXPECT_EQ(ParseDuration("0s"), Duration(0));
}

TEST(Durations, RefuseWhatIsNone) {
  for (const char* text : {"", "5", "m", "5x", "-5m", "5 m", "1m1h", "5m5m", "1.5h",
                           "99999999999999999999s", "999999999999d"})
    EXPECT_FALSE(ParseDuration(text)) << text;
}

TEST(Durations, PrintWhatReadsBack) {
  for (const char* text : {"150ms", "12s", "5m", "4h", "3d", "90s", "0s"})
    EXPECT_EQ(ParseDuration(FormatDuration(*ParseDuration(text))), ParseDuration(text));
  EXPECT_EQ(FormatDuration(72h), "3d");
  EXPECT_EQ(FormatDuration(90s), "90s");
}

TEST(Sizes, ReadDecimalAndBinaryUnits) {
  EXPECT_EQ(ParseSize("4096"), 4096u);
  EXPECT_EQ(ParseSize("50MB"), 50'000'000u);
  EXPECT_EQ(ParseSize("64MiB"), uint64_t(64) << 20);
  EXPECT_EQ(ParseSize("64 GiB"), uint64_t(64) << 30);
  for (const char* text : {"", "MB", "1.5MB", "-1", "5mb", "99999999TiB9", "999999999999999TiB"})
    EXPECT_FALSE(ParseSize(text)) << text;
}

TEST(Suggestions, AreNearOrAbsent) {
  const std::string_view choices[] = {"starttls", "implicit", "none"};
  EXPECT_EQ(Nearest("starttsl", choices), "starttls");
  EXPECT_EQ(Nearest("STARTTLS", choices), "starttls");
  EXPECT_EQ(Nearest("nnoe", choices), "none");
  EXPECT_EQ(Nearest("zzzz", choices), "");
  EXPECT_EQ(Nearest(std::string(1000, 'n'), choices), "");
}

TEST(RouteHosts, AreNamesOrAddressesWithOrWithoutPort) {
  EXPECT_EQ(ParseRouteHost("127.0.0.1:2525")->port, 2525);
  EXPECT_EQ(ParseRouteHost("::1")->host, "::1");
  EXPECT_EQ(ParseRouteHost("[::1]:26")->port, 26);
  EXPECT_EQ(ParseRouteHost("[::1]")->port, 25);
  EXPECT_EQ(ParseRouteHost("MX.example.net")->host, "mx.example.net");
  EXPECT_EQ(ParseRouteHost("localhost:2525")->port, 2525);
  for (const char* text :
       {"", ":25", "a:0", "a:65536", "a:", "a b", "a..b", "1.2.3", "[::1", "-a.b"})
    EXPECT_FALSE(ParseRouteHost(text)) << text;
}

TEST(DomainNames, AreAsciiLabels) {
  for (const char* text : {"a.example", "xn--bcher-kva.example", "1a.example", "_dmarc.example"})
    EXPECT_TRUE(IsDomainName(text, true)) << text;
  for (const char* text :
       {"", "a", ".a.b", "a.b.", "a..b", "-a.b", "a-.b", "127.0.0.1", "b\xc3\xbc.de"})
    EXPECT_FALSE(IsDomainName(text, true)) << text;
  EXPECT_FALSE(IsDomainName(std::string(64, 'a') + ".b", true));
}

}  // namespace
}  // namespace sluice::config
