// Goal: a Delivery keeps to the TLS policy of each recipient domain and host: it never falls back
// to clear where something is demanded, never holds up one domain for another's policy, and says in
// each result what applied (protocol.md 15; RFC 7672, RFC 8461).
// Method: a table of policies and scripted hosts; every row is one round. Then connections that are
// shared by domains of different policies.

#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

#include "engine/delivery/delivery.h"
#include "tests/engine/delivery_world.h"

namespace sluice::engine {
namespace {

using config::RouteTls;
using dns::DaneState;
using testing::DeliveryWorld;
using testing::FakeHost;

const std::string kDomain = "example.net";

DomainTls Sts(dns::StsMode mode, std::vector<std::string> mx) {
  return {.domain = {},
          .sts = std::make_shared<const dns::StsPolicy>(
              dns::StsPolicy{.mode = mode, .max_age = 86400, .mx = std::move(mx)})};
}
DomainTls Enforce(std::vector<std::string> mx = {"*.example.net"}) {
  return Sts(dns::StsMode::kEnforce, std::move(mx));
}
DomainTls Testing(std::vector<std::string> mx = {"*.example.net"}) {
  return Sts(dns::StsMode::kTesting, std::move(mx));
}
DomainTls Route(RouteTls tls) { return {.domain = {}, .route = tls}; }

dns::HostDane Dane(DaneState state, uint8_t usage = 3, const std::string& data = "key") {
  dns::HostDane dane;
  dane.state = state;
  dane.detail = "TLSA of the host: " + std::string(state == DaneState::kFailed ? "SERVFAIL" : "");
  if (state != DaneState::kUsable) return dane;
  dane.base = "mx1.example.net";
  dane.names = {"mx1.example.net"};
  dane.records = {{usage, 1, 1, data}};
  return dane;
}

void Certify(DeliveryWorld& world, size_t hosts = 2) {
  for (size_t i = 1; i <= hosts; ++i)
    world.Named(i).certified = {"mx" + std::to_string(i) + ".example.net"};
}

struct Case {
  const char* name;
  std::function<void(DeliveryWorld&)> arrange;
  const char* log;     // what the owner is told
  const char* policy;  // of the last result
};

constexpr const char* kDelivered = "1/0 dot 250 2.0.0; closed";
constexpr const char* kTlsFailed = "1 returned 0 starttls tls after 2; closed";
constexpr const char* kForbidden = "1 returned 0 connect tls-policy after 0; closed";

const Case kCases[] = {
    {"opportunistic: TLS when offered", [](DeliveryWorld&) {}, kDelivered, "opportunistic"},
    {"opportunistic: clear when not offered",
     [](DeliveryWorld& w) { w.Named(1).extensions = "PIPELINING"; }, kDelivered, "opportunistic"},
    {"opportunistic: clear when the handshake breaks",
     [](DeliveryWorld& w) { w.Named(1).tls = FakeHost::Tls::kBroken; }, kDelivered,
     "opportunistic"},
    {"off: clear although offered",
     [](DeliveryWorld& w) { w.policies.domains[kDomain] = Route(RouteTls::kOff); }, kDelivered,
     "off"},
    {"required: any certificate",
     [](DeliveryWorld& w) { w.policies.domains[kDomain] = Route(RouteTls::kRequired); }, kDelivered,
     "required"},
    {"required: not offered anywhere",
     [](DeliveryWorld& w) {
       w.policies.domains[kDomain] = Route(RouteTls::kRequired);
       w.Named(1).extensions = w.Named(2).extensions = "PIPELINING";
     },
     kTlsFailed, "required"},
    {"required: refused in words",
     [](DeliveryWorld& w) {
       w.policies.domains[kDomain] = Route(RouteTls::kRequired);
       w.Named(1).replies["STARTTLS"] = {"454 4.7.0 TLS not available"};
     },
     kDelivered, "required"},
    {"required: broken at all hosts, never in clear",
     [](DeliveryWorld& w) {
       w.policies.domains[kDomain] = Route(RouteTls::kRequired);
       w.Named(1).tls = w.Named(2).tls = FakeHost::Tls::kBroken;
     },
     kTlsFailed, "required"},
    {"verified: a good certificate",
     [](DeliveryWorld& w) {
       w.policies.domains[kDomain] = Route(RouteTls::kVerified);
       Certify(w);
     },
     kDelivered, "verified pkix"},
    {"verified: the next host has the good one",
     [](DeliveryWorld& w) {
       w.policies.domains[kDomain] = Route(RouteTls::kVerified);
       w.Named(2).certified = {"mx2.example.net"};
     },
     kDelivered, "verified pkix"},
    {"verified: wrong names",
     [](DeliveryWorld& w) {
       w.policies.domains[kDomain] = Route(RouteTls::kVerified);
       w.Named(1).certified = w.Named(2).certified = {"example.net"};
     },
     kTlsFailed, "verified"},
    {"DANE-EE: valid, whatever the names",
     [](DeliveryWorld& w) {
       w.policies.hosts["mx1.example.net"] = Dane(DaneState::kUsable);
       w.Named(1).tlsa = "key";
     },
     kDelivered, "dane dane-ee"},
    {"DANE-EE: wrong TLSA at both hosts",
     [](DeliveryWorld& w) {
       w.policies.hosts["mx1.example.net"] = w.policies.hosts["mx2.example.net"] =
           Dane(DaneState::kUsable);
       w.Named(1).tlsa = w.Named(2).tlsa = "another";
       Certify(w);
     },
     kTlsFailed, "dane"},
    {"DANE: mismatch at the first host, the second has no records",
     [](DeliveryWorld& w) {
       w.policies.hosts["mx1.example.net"] = Dane(DaneState::kUsable);
       w.policies.hosts["mx2.example.net"] = Dane(DaneState::kNone);
     },
     kDelivered, "opportunistic"},
    {"DANE-TA: the host's name",
     [](DeliveryWorld& w) {
       w.policies.hosts["mx1.example.net"] = Dane(DaneState::kUsable, 2);
       w.Named(1).tlsa = "key";
       Certify(w);
     },
     kDelivered, "dane dane-ta"},
    {"DANE-TA: the next-hop domain's name",
     [](DeliveryWorld& w) {
       w.policies.hosts["mx1.example.net"] = Dane(DaneState::kUsable, 2);
       w.Named(1).tlsa = "key";
       w.Named(1).certified = {kDomain};
     },
     kDelivered, "dane dane-ta"},
    {"DANE-TA: another name",
     [](DeliveryWorld& w) {
       w.policies.hosts["mx1.example.net"] = w.policies.hosts["mx2.example.net"] =
           Dane(DaneState::kUsable, 2);
       w.Named(1).tlsa = w.Named(2).tlsa = "key";
       w.Named(1).certified = w.Named(2).certified = {"other.example"};
     },
     kTlsFailed, "dane"},
    {"DANE: STARTTLS stripped",
     [](DeliveryWorld& w) {
       w.policies.hosts["mx1.example.net"] = w.policies.hosts["mx2.example.net"] =
           Dane(DaneState::kUsable);
       w.Named(1).extensions = w.Named(2).extensions = "PIPELINING";
     },
     kTlsFailed, "dane"},
    {"DANE: unusable records, encrypted without proof",
     [](DeliveryWorld& w) { w.policies.hosts["mx1.example.net"] = Dane(DaneState::kUnusable); },
     kDelivered, "dane-unusable"},
    {"DANE: unusable records, no STARTTLS",
     [](DeliveryWorld& w) {
       w.policies.hosts["mx1.example.net"] = w.policies.hosts["mx2.example.net"] =
           Dane(DaneState::kUnusable);
       w.Named(1).extensions = w.Named(2).extensions = "PIPELINING";
     },
     kTlsFailed, "dane-unusable"},
    {"DANE: lookup fails for all hosts",
     [](DeliveryWorld& w) {
       w.policies.hosts["mx1.example.net"] = w.policies.hosts["mx2.example.net"] =
           Dane(DaneState::kFailed);
     },
     kForbidden, "dane"},
    {"DANE: lookup fails for the first host only",
     [](DeliveryWorld& w) { w.policies.hosts["mx1.example.net"] = Dane(DaneState::kFailed); },
     kDelivered, "opportunistic"},
    {"DANE: unsigned",
     [](DeliveryWorld& w) { w.policies.hosts["mx1.example.net"] = Dane(DaneState::kInsecure); },
     kDelivered, "opportunistic"},
    {"MTA-STS enforce: valid",
     [](DeliveryWorld& w) {
       w.policies.domains[kDomain] = Enforce();
       Certify(w);
     },
     kDelivered, "mta-sts pkix"},
    {"MTA-STS enforce: certificate expired",
     [](DeliveryWorld& w) { w.policies.domains[kDomain] = Enforce(); }, kTlsFailed, "mta-sts"},
    {"MTA-STS enforce: no STARTTLS",
     [](DeliveryWorld& w) {
       w.policies.domains[kDomain] = Enforce();
       w.Named(1).extensions = w.Named(2).extensions = "PIPELINING";
     },
     kTlsFailed, "mta-sts"},
    {"MTA-STS enforce: no host in the policy",
     [](DeliveryWorld& w) {
       w.policies.domains[kDomain] = Enforce({"*.example.org"});
       Certify(w);
     },
     kForbidden, "mta-sts"},
    {"MTA-STS enforce: the second host is in the policy",
     [](DeliveryWorld& w) {
       w.policies.domains[kDomain] = Enforce({"mx2.example.net"});
       Certify(w);
     },
     kDelivered, "mta-sts pkix"},
    {"MTA-STS enforce beside DANE: DANE decides",
     [](DeliveryWorld& w) {
       w.policies.domains[kDomain] = Enforce({"*.example.org"});
       w.policies.hosts["mx1.example.net"] = Dane(DaneState::kUsable);
       w.Named(1).tlsa = "key";
     },
     kDelivered, "dane dane-ee"},
    {"MTA-STS enforce beside a DANE mismatch: never overridden",
     [](DeliveryWorld& w) {
       w.policies.domains[kDomain] = Enforce();
       w.policies.hosts["mx1.example.net"] = w.policies.hosts["mx2.example.net"] =
           Dane(DaneState::kUsable);
       Certify(w);
     },
     kTlsFailed, "dane"},
    {"MTA-STS testing: valid",
     [](DeliveryWorld& w) {
       w.policies.domains[kDomain] = Testing();
       Certify(w);
     },
     kDelivered, "mta-sts-testing pkix"},
    {"MTA-STS testing: certificate expired, delivered and noted",
     [](DeliveryWorld& w) { w.policies.domains[kDomain] = Testing(); }, kDelivered,
     "mta-sts-testing failed: certificate has expired"},
    {"MTA-STS testing: not in the policy, delivered and noted",
     [](DeliveryWorld& w) {
       w.policies.domains[kDomain] = Testing({"*.example.org"});
       Certify(w);
     },
     kDelivered, "mta-sts-testing failed: the host is not in the policy"},
    {"MTA-STS testing: no STARTTLS, delivered and noted",
     [](DeliveryWorld& w) {
       w.policies.domains[kDomain] = Testing();
       w.Named(1).extensions = "PIPELINING";
     },
     kDelivered, "mta-sts-testing failed: no TLS"},
};

TEST(DeliveryTls, KeepsToThePolicyOfEachCase) {
  static_assert(std::size(kCases) >= 25);
  for (const Case& c : kCases) {
    for (const bool later : {false, true}) {
      SCOPED_TRACE(c.name);
      DeliveryWorld world(true);
      world.NamedHosts(2);
      for (const size_t i : {size_t(1), size_t(2)}) world.Named(i).extensions += ",STARTTLS";
      world.policies.later = later;
      c.arrange(world);
      std::string policy;
      world.Start(DeliveryWorld::MakeJob(1, 1));
      world.loop.Advance(std::chrono::minutes(50));
      if (!world.owner.results.empty()) policy = world.owner.results.back().tls_policy;
      if (!world.owner.failures.empty()) policy = world.owner.failures.back().last.tls_policy;
      EXPECT_EQ(world.Log(), c.log);
      EXPECT_EQ(policy, c.policy);
      const bool in_clear = policy == "off" || policy.ends_with("no TLS") ||
                            world.Named(1).extensions.find("STARTTLS") == std::string::npos ||
                            world.Named(1).tls == FakeHost::Tls::kBroken;
      if (!world.owner.results.empty() && !in_clear) {
        EXPECT_NE(world.owner.results.back().tls, "");
      }
    }
  }
}

// What the shaping file says holds where no route says more.
TEST(DeliveryTls, KeepsToWhatIsDemandedOfItsJobs) {
  for (const bool later : {false, true}) {
    for (const RouteTls route : {RouteTls::kOpportunistic, RouteTls::kOff}) {
      DeliveryWorld world(true);
      world.NamedHosts(2);
      world.Named(1).extensions = world.Named(2).extensions = "PIPELINING";
      world.policies.domains[kDomain] = Route(route);
      world.policies.later = later;
      Job job = DeliveryWorld::MakeJob(1, 1);
      job.tls = RouteTls::kRequired;
      world.Start(std::move(job));
      world.loop.Advance(std::chrono::minutes(50));
      EXPECT_EQ(world.Log(), route == RouteTls::kOff ? kDelivered : kTlsFailed);
    }
  }
}

TEST(DeliveryTls, MakesAConnectionOfItsOwnForAJobThatDemandsMore) {
  DeliveryWorld world(true);
  world.NamedHosts(1);
  world.Named(1).extensions += ",STARTTLS";
  Job stricter = DeliveryWorld::JobFor(2, "shaped.example");
  stricter.tls = RouteTls::kVerified;
  world.Named(1).certified = {"mx1.example.net"};
  world.owner.jobs.push_back(std::move(stricter));
  EXPECT_EQ(world.Finish(DeliveryWorld::JobFor(1, "lax.example")),
            "1/0 dot 250 2.0.0; 2/0 dot 250 2.0.0; closed");
  EXPECT_EQ(world.Named(1).connections, 2);
}

class SharedHosts : public ::testing::Test {
 protected:
  SharedHosts() : world_(true) {
    world_.NamedHosts(1);
    world_.Named(1).extensions += ",STARTTLS";
    world_.Named(1).certified = {"mx1.example.net"};
  }
  DeliveryWorld world_;
};

TEST_F(SharedHosts, AStricterJobGetsAConnectionOfItsOwnAndLaxerOnesFollowOnIt) {
  for (const bool later : {false, true}) {
    DeliveryWorld world(true);
    world.NamedHosts(1);
    world.Named(1).extensions += ",STARTTLS";
    world.Named(1).certified = {"mx1.example.net"};
    world.policies.domains["strict.example"] = Enforce();
    world.policies.later = later;
    for (const char* domain : {"strict.example", "lax.example", "strict.example"})
      world.owner.jobs.push_back(DeliveryWorld::JobFor(2 + world.owner.jobs.size(), domain));
    EXPECT_EQ(world.Finish(DeliveryWorld::JobFor(1, "lax.example")),
              "1/0 dot 250 2.0.0; 2/0 dot 250 2.0.0; 3/0 dot 250 2.0.0; 4/0 dot 250 2.0.0; closed");
    EXPECT_EQ(world.Named(1).connections, 2);
    std::string policies;
    for (const AttemptResult& result : world.owner.results) policies += result.tls_policy + "; ";
    EXPECT_EQ(policies, "opportunistic; mta-sts pkix; opportunistic pkix; mta-sts pkix; ");
  }
}

TEST_F(SharedHosts, APolicyThatNoHostMeetsHoldsUpItsOwnDomainAlone) {
  world_.policies.domains["strict.example"] = Enforce({"mx.elsewhere.example"});
  world_.owner.jobs.push_back(DeliveryWorld::JobFor(2, "strict.example"));
  EXPECT_EQ(world_.Finish(DeliveryWorld::JobFor(1, "lax.example")),
            "1/0 dot 250 2.0.0; 2 returned 0 connect tls-policy after 0; closed");
  ASSERT_EQ(world_.owner.failures.size(), 1u);
  EXPECT_TRUE(world_.owner.failures[0].domains_own);
  EXPECT_EQ(world_.policies.mismatches, std::vector<std::string>{"strict.example"});
}

TEST_F(SharedHosts, WhatWasFoundOfAPolicyIsRememberedAndNoConnectionIsGivenUpForIt) {
  world_.policies.domains["strict.example"] = Enforce({"mx.elsewhere.example"});
  world_.Start(DeliveryWorld::JobFor(1, "strict.example"));
  world_.loop.Run();
  EXPECT_EQ(world_.Log(), "1 returned 0 connect tls-policy after 0; closed");
  world_.owner.closed = false;
  for (const char* domain : {"strict.example", "lax.example"})
    world_.owner.jobs.push_back(DeliveryWorld::JobFor(3 + world_.owner.jobs.size(), domain));
  world_.Start(DeliveryWorld::JobFor(2, "lax.example"));
  world_.loop.Run();
  EXPECT_EQ(world_.Log(),
            "2/0 dot 250 2.0.0; 3 returned 0 connect tls-policy after 0; 4/0 dot 250 2.0.0");
  EXPECT_EQ(world_.Named(1).connections, 1);
}

TEST_F(SharedHosts, StopWhileAPolicyIsAskedForReturnsTheJob) {
  world_.policies.later = true;
  Delivery& delivery = world_.Start(DeliveryWorld::JobFor(1, "lax.example"));
  world_.loop.Run();
  EXPECT_EQ(world_.Log(), "1/0 dot 250 2.0.0");
  world_.owner.jobs.push_back(DeliveryWorld::JobFor(2, "strict.example"));
  delivery.Poke();
  delivery.Stop();
  world_.loop.Advance(std::chrono::minutes(1));
  EXPECT_EQ(world_.Log(), "closed");
}

TEST_F(SharedHosts, GivesTheBaseOfTheRecordsAsServerName) {
  dns::HostDane dane = Dane(DaneState::kUsable);
  dane.base = "target.example.net";
  world_.policies.hosts["mx1.example.net"] = dane;
  world_.Named(1).tlsa = "key";
  EXPECT_EQ(world_.Finish(DeliveryWorld::JobFor(1, "lax.example")), kDelivered);
  EXPECT_EQ(world_.Named(1).server_names, std::vector<std::string>{"target.example.net"});
}

}  // namespace
}  // namespace sluice::engine
