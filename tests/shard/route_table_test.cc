// Configured routes: the most specific wins.

#include "engine/shard/route_table.h"

#include <gtest/gtest.h>

namespace sluice::engine {
namespace {

std::string Match(const std::vector<config::Route>& routes, std::string_view domain) {
  const config::Route* route = FindRoute(routes, domain);
  return route == nullptr ? "none" : route->match;
}

TEST(RouteTable, TakesTheMostSpecificMatchWhateverTheOrder) {
  const std::vector<config::Route> routes = {
      {"*", {}}, {"*.example.com", {}}, {"mail.example.com", {}}, {"*.eu.example.com", {}}};
  EXPECT_EQ(Match(routes, "mail.example.com"), "mail.example.com");
  EXPECT_EQ(Match(routes, "a.eu.example.com"), "*.eu.example.com");
  EXPECT_EQ(Match(routes, "b.example.com"), "*.example.com");
  EXPECT_EQ(Match(routes, "example.net"), "*");
}

TEST(RouteTable, DoesNotTakeTheDomainItselfForASubdomain) {
  const std::vector<config::Route> routes = {{"*.example.com", {}}};
  EXPECT_EQ(Match(routes, "example.com"), "none");
  EXPECT_EQ(Match(routes, "badexample.com"), "none");
  EXPECT_EQ(Match(routes, "a.example.com"), "*.example.com");
}

TEST(RouteTable, KeepsHostsInTheOrderWrittenAndNamesTheSiteAfterThem) {
  const ConfiguredRoute route = ToConfiguredRoute({"*", {{"b.test", 25}, {"127.0.0.1", 2525}}});
  EXPECT_EQ(route.site, "b.test:25,127.0.0.1:2525");
  ASSERT_EQ(route.hosts.size(), 2u);
  EXPECT_EQ(route.hosts[0].name, "b.test");
  EXPECT_LT(route.hosts[0].preference, route.hosts[1].preference);
  EXPECT_EQ(route.hosts[1].port, 2525);
}

}  // namespace
}  // namespace sluice::engine
