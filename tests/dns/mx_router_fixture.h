// tests/dns/mx_router_fixture.h — the real router above a scripted DNS and a manual clock.

#ifndef SLUICE_TESTS_DNS_MX_ROUTER_FIXTURE_H_
#define SLUICE_TESTS_DNS_MX_ROUTER_FIXTURE_H_

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "dns/mx_router.h"
#include "tests/dns/fake_dns.h"
#include "tests/dns/manual_clock.h"

namespace sluice::dns {

class MxRouterTest : public testing::Test {
 protected:
  MxRouterTest() {
    options_.hostname = "Mta.Example.ORG.";
    Apply();
  }
  void Apply() { router_->SetOptions(options_); }

  MxRoute Find(const std::string& domain) {
    std::optional<MxRoute> out;
    router_->Find(domain, [&](const MxRoute& route) { out = route; });
    if (!out) clock_.Advance(timers_, std::chrono::seconds(25));
    EXPECT_TRUE(out.has_value());
    return out.value_or(MxRoute{});
  }
  RouteFault FaultOf(const std::string& domain) { return Find(domain).fault; }
  HostAddresses Addresses(const std::string& host) {
    std::optional<HostAddresses> out;
    router_->Addresses(host, [&](const HostAddresses& addresses) { out = addresses; });
    if (!out) clock_.Advance(timers_, std::chrono::seconds(25));
    EXPECT_TRUE(out.has_value());
    return out.value_or(HostAddresses{});
  }
  static std::vector<std::string> Names(const MxRoute& route) {
    std::vector<std::string> out;
    for (const MxHost& host : route.hosts) out.push_back(host.name);
    return out;
  }
  static std::vector<std::string> Texts(const HostAddresses& addresses) {
    std::vector<std::string> out;
    for (const IpAddress& address : addresses.addresses) out.push_back(address.ToString());
    return out;
  }

  ManualClock clock_;
  TimerQueue timers_;
  FakeDns dns_{timers_, clock_};
  Random random_{11};
  RouterOptions options_;
  std::unique_ptr<MxRouter> router_ = MakeMxRouter(options_, dns_, clock_, random_);
};

}  // namespace sluice::dns

#endif  // SLUICE_TESTS_DNS_MX_ROUTER_FIXTURE_H_
