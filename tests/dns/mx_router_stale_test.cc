// Goal: what DNS said once may route mail while its servers fail, but never bounces any.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/dns/mx_router_fixture.h"

namespace sluice::dns {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

TEST_F(MxRouterTest, GoesOnWithAnOldRouteWhenTheResolverIsDown) {
  dns_.AddMx("example.com", {{10, "mx.example.com"}});
  dns_.AddA("mx.example.com", "8.8.8.1");
  Find("example.com");
  dns_.SetFailureOfAll(FakeFailure::kTimeout);
  clock_.Advance(timers_, 2h);
  const MxRoute route = Find("example.com");
  EXPECT_EQ(route.fault, RouteFault::kNone);
  EXPECT_THAT(route.detail, HasSubstr("older answer"));
}

TEST_F(MxRouterTest, DoesNotBounceOnAnOldNullMx) {
  dns_.AddNullMx("null.example");
  Find("null.example");
  dns_.SetFailureOfAll(FakeFailure::kTimeout);
  clock_.Advance(timers_, 1h);
  EXPECT_EQ(FaultOf("null.example"), RouteFault::kTemporary);
}

// The servers of the domain fail, and what they once said leads nowhere any more.
TEST_F(MxRouterTest, DoesNotBounceOnAnOldMxWhoseHostsAreGone) {
  dns_.AddMx("example.com", {{10, "mx.example.net"}});
  dns_.AddA("mx.example.net", "8.8.8.1");
  EXPECT_EQ(FaultOf("example.com"), RouteFault::kNone);
  dns_.SetFailure("example.com", FakeFailure::kTimeout);
  dns_.Remove("mx.example.net");
  clock_.Advance(timers_, 1h);
  const MxRoute route = Find("example.com");
  EXPECT_EQ(route.fault, RouteFault::kTemporary);
  EXPECT_THAT(route.detail, HasSubstr("mx.example.net: NXDOMAIN"));
  EXPECT_THAT(route.detail, HasSubstr("old answer"));
}

TEST_F(MxRouterTest, DoesNotBounceOnAnOldMxThatNamesNoHostOrOurselves) {
  dns_.AddMx("odd.example", {{10, "_no_host.example"}});
  dns_.AddMx("ours.example", {{10, "mta.example.org"}});
  EXPECT_EQ(FaultOf("odd.example"), RouteFault::kNoAddress);
  EXPECT_EQ(FaultOf("ours.example"), RouteFault::kLoop);
  dns_.SetFailureOfAll(FakeFailure::kTimeout);
  clock_.Advance(timers_, 1h);
  EXPECT_EQ(FaultOf("odd.example"), RouteFault::kTemporary);
  EXPECT_EQ(FaultOf("ours.example"), RouteFault::kTemporary);
}

TEST_F(MxRouterTest, DoesNotBounceOnOldAddressesThatAreForbiddenOrOurs) {
  options_.own_addresses = {*IpAddress::Parse("8.8.8.9")};
  Apply();
  dns_.AddMx("private.example", {{10, "private.example.net"}});
  dns_.AddA("private.example.net", "10.0.0.1");
  dns_.AddMx("loop.example", {{10, "loop.example.net"}});
  dns_.AddA("loop.example.net", "8.8.8.9");
  EXPECT_EQ(FaultOf("private.example"), RouteFault::kForbidden);
  EXPECT_EQ(FaultOf("loop.example"), RouteFault::kLoop);
  dns_.SetFailure("private.example.net", FakeFailure::kTimeout);
  dns_.SetFailure("loop.example.net", FakeFailure::kTimeout);
  clock_.Advance(timers_, 1h);
  EXPECT_EQ(FaultOf("private.example"), RouteFault::kTemporary);
  EXPECT_EQ(Addresses("private.example.net").fault, RouteFault::kTemporary);
  EXPECT_EQ(FaultOf("loop.example"), RouteFault::kTemporary);
}

}  // namespace
}  // namespace sluice::dns
