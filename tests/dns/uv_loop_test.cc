// The DNS of a shard as it runs in production: router, cache and c-ares on a real event loop,
// asking a real server.

#include "engine/io/uv_loop.h"

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>

#include "dns/cares_transport.h"
#include "dns/route.h"
#include "engine/base/random.h"
#include "engine/base/timer_queue.h"
#include "tests/dns/dnsmasq.h"

namespace sluice::dns {
namespace {

using namespace std::chrono_literals;

class DnsOnUvLoop : public testing::Test {
 protected:
  // False: dnsmasq is missing.
  bool Start(const std::vector<std::string>& zone) {
    const Status started = server_.Start(zone);
    if (!started) return false;
    Use(server_.at(), 10s);
    return true;
  }
  void Use(const Endpoint& server, Duration timeout) {
    auto made =
        MakeCaresTransport({{server}, timeout}, loop_.watcher(), loop_.timers(), loop_.clock());
    ASSERT_TRUE(made.has_value());
    transport_ = std::move(*made);
    router_ = MakeMxRouter({}, *transport_, loop_.clock(), random_);
  }
  MxRoute Find(const std::string& domain) {
    MxRoute out;
    bool found = false;
    router_->Find(domain, [&](const MxRoute& route) {
      out = route;
      found = true;
      loop_.Stop();
    });
    // Ends a test that would hang; no answer comes later than that.
    Timer bound(loop_.timers(), [&] { loop_.Stop(); });
    bound.Set(loop_.clock().Now() + 30s);
    loop_.Run();
    EXPECT_TRUE(found);
    return out;
  }

  Dnsmasq server_;
  io::UvLoop loop_;
  Random random_{1};
  std::unique_ptr<CaresTransport> transport_;
  std::unique_ptr<MxRouter> router_;
};

TEST_F(DnsOnUvLoop, FindsRoutesOfEveryKind) {
  if (!Start({"--mx-host=example,mx1.example,10", "--mx-host=example,mx2.example,20",
              "--host-record=mx1.example,8.8.8.1", "--host-record=mx2.example,8.8.8.2",
              "--dns-rr=null.example,15,000000", "--host-record=plain.example,8.8.8.3"}))
    GTEST_SKIP();
  const MxRoute route = Find("example");
  EXPECT_EQ(route.fault, RouteFault::kNone) << route.detail;
  ASSERT_EQ(route.hosts.size(), 2u);
  EXPECT_EQ(route.hosts[0].name, "mx1.example");
  EXPECT_EQ(Find("null.example").fault, RouteFault::kNullMx);
  EXPECT_EQ(Find("plain.example").fault, RouteFault::kNone);
  EXPECT_EQ(Find("gone.example").fault, RouteFault::kNoSuchDomain);
}

TEST_F(DnsOnUvLoop, FetchesLongAnswersOverTcp) {
  std::vector<std::string> zone;
  for (int i = 0; i < 60; ++i) {
    const std::string host = "a-rather-long-host-name-" + std::to_string(i) + ".example";
    zone.push_back("--mx-host=big.example," + host + "," + std::to_string(i));
    zone.push_back("--host-record=" + host + ",8.8.8.8");
  }
  if (!Start(zone)) GTEST_SKIP();
  const MxRoute route = Find("big.example");
  EXPECT_EQ(route.fault, RouteFault::kNone) << route.detail;
  EXPECT_EQ(route.hosts.size(), 24u);
}

TEST_F(DnsOnUvLoop, SaysTemporaryWhenTheServerIsGone) {
  Use({IpAddress::V4(0x7f000001), FreePort()}, 1s);
  EXPECT_EQ(Find("example.com").fault, RouteFault::kTemporary);
}

}  // namespace
}  // namespace sluice::dns
