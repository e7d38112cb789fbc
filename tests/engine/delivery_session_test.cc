// Goal: what a domain reads in its TLS report (RFC 8460) is what happened: each handshake once, by
// the policy and the failure that the RFC names; and the reports themselves arrive although TLS
// fails, on connections that are good for nothing else.

#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

#include "engine/delivery/delivery.h"
#include "engine/tls_report/report_text.h"
#include "tests/engine/delivery_world.h"

namespace sluice::engine {
namespace {

using dns::DaneState;
using testing::DeliveryWorld;
using testing::FakeHost;

const std::string kDomain = "example.net";

DomainTls Sts(dns::StsMode mode, std::vector<std::string> mx = {"*.example.net"}) {
  return {.domain = {},
          .sts = std::make_shared<const dns::StsPolicy>(
              dns::StsPolicy{.mode = mode, .max_age = 86400, .mx = std::move(mx)})};
}

dns::HostDane Dane(DaneState state) {
  dns::HostDane dane;
  dane.state = state;
  if (state == DaneState::kFailed) dane.detail = "SERVFAIL";
  if (state != DaneState::kUsable) return dane;
  dane.base = "mx1.example.net";
  dane.names = {"mx1.example.net"};
  dane.records = {{3, 1, 1, "\x01\xab"}};
  return dane;
}

void SwitchOn(DeliveryWorld& world) {
  world.config().tls_report = {
      .organization = "x", .contact = "a@b.example", .from = "a@b.example"};
}

// "sts good", "no-policy-found starttls-not-supported 198.51.100.9 mx1.example.net 192.0.2.1
// words", joined by "; ".
std::string Told(const DeliveryWorld& world) {
  std::string out;
  for (const TlsSession& session : world.policies.sessions) {
    EXPECT_EQ(session.domain, kDomain);
    const TlsFailureTold& failure = session.failure;
    if (!out.empty()) out += "; ";
    out += NameOf(session.policy.type);
    if (failure.result == TlsResult::kGood) {
      out += " good";
      continue;
    }
    out += " " + std::string(NameOf(failure.result));
    for (const std::string& part :
         {failure.sending_ip, failure.mx_host, failure.receiving_ip, failure.reason})
      if (!part.empty()) out += " " + part;
  }
  return out;
}

struct Case {
  const char* name;
  std::function<void(DeliveryWorld&)> arrange;
  const char* told;
};

const Case kCases[] = {
    {"opportunistic", [](DeliveryWorld&) {}, "no-policy-found good"},
    {"opportunistic, no STARTTLS", [](DeliveryWorld& w) { w.Named(1).extensions = "PIPELINING"; },
     "no-policy-found starttls-not-supported 198.51.100.9 mx1.example.net 192.0.2.1 STARTTLS is "
     "not offered"},
    {"opportunistic, the handshake breaks and the second session is in clear",
     [](DeliveryWorld& w) { w.Named(1).tls = FakeHost::Tls::kBroken; },
     "no-policy-found validation-failure 198.51.100.9 mx1.example.net 192.0.2.1 handshake "
     "failure"},
    {"MTA-STS enforce",
     [](DeliveryWorld& w) {
       w.policies.domains[kDomain] = Sts(dns::StsMode::kEnforce);
       w.Named(1).certified = {"mx1.example.net"};
     },
     "sts good"},
    {"MTA-STS enforce, expired",
     [](DeliveryWorld& w) { w.policies.domains[kDomain] = Sts(dns::StsMode::kEnforce); },
     "sts certificate-expired 198.51.100.9 mx1.example.net 192.0.2.1 certificate has expired"},
    {"MTA-STS enforce, another name",
     [](DeliveryWorld& w) {
       w.policies.domains[kDomain] = Sts(dns::StsMode::kEnforce);
       w.Named(1).fault = io::TlsFault::kWrongName;
       w.Named(1).trouble = "hostname mismatch";
     },
     "sts certificate-host-mismatch 198.51.100.9 mx1.example.net 192.0.2.1 hostname mismatch"},
    {"MTA-STS enforce, unknown CA",
     [](DeliveryWorld& w) {
       w.policies.domains[kDomain] = Sts(dns::StsMode::kEnforce);
       w.Named(1).fault = io::TlsFault::kNotTrusted;
       w.Named(1).trouble = "self-signed certificate";
     },
     "sts certificate-not-trusted 198.51.100.9 mx1.example.net 192.0.2.1 self-signed certificate"},
    {"MTA-STS enforce, no STARTTLS",
     [](DeliveryWorld& w) {
       w.policies.domains[kDomain] = Sts(dns::StsMode::kEnforce);
       w.Named(1).extensions = "PIPELINING";
     },
     "sts starttls-not-supported 198.51.100.9 mx1.example.net 192.0.2.1 STARTTLS is not offered"},
    {"MTA-STS enforce, the host is not in the policy",
     [](DeliveryWorld& w) {
       w.policies.domains[kDomain] = Sts(dns::StsMode::kEnforce, {"*.example.org"});
     },
     "sts validation-failure mx1.example.net 192.0.2.1 the host is not in the policy"},
    {"MTA-STS testing, expired: delivered and told",
     [](DeliveryWorld& w) { w.policies.domains[kDomain] = Sts(dns::StsMode::kTesting); },
     "sts certificate-expired 198.51.100.9 mx1.example.net 192.0.2.1 certificate has expired"},
    {"MTA-STS testing, the host is not in the policy",
     [](DeliveryWorld& w) {
       w.policies.domains[kDomain] = Sts(dns::StsMode::kTesting, {"*.example.org"});
       w.Named(1).certified = {"mx1.example.net"};
     },
     "sts validation-failure 198.51.100.9 mx1.example.net 192.0.2.1 the host is not in the policy"},
    {"DANE",
     [](DeliveryWorld& w) {
       w.policies.hosts["mx1.example.net"] = Dane(DaneState::kUsable);
       w.Named(1).tlsa = "\x01\xab";
     },
     "tlsa good"},
    {"DANE, no record matches",
     [](DeliveryWorld& w) {
       w.policies.hosts["mx1.example.net"] = Dane(DaneState::kUsable);
       w.Named(1).fault = io::TlsFault::kNoMatch;
       w.Named(1).trouble = "No matching DANE TLSA records";
     },
     "tlsa validation-failure 198.51.100.9 mx1.example.net 192.0.2.1 No matching DANE TLSA "
     "records"},
    {"DANE, unusable records",
     [](DeliveryWorld& w) { w.policies.hosts["mx1.example.net"] = Dane(DaneState::kUnusable); },
     "tlsa tlsa-invalid 198.51.100.9 mx1.example.net 192.0.2.1 none of the TLSA records can be "
     "used"},
    {"DANE, DNS does not answer",
     [](DeliveryWorld& w) { w.policies.hosts["mx1.example.net"] = Dane(DaneState::kFailed); },
     "tlsa dnssec-invalid mx1.example.net 192.0.2.1 SERVFAIL"},
    {"by route, off",
     [](DeliveryWorld& w) {
       w.policies.domains[kDomain] = {.domain = {}, .route = config::RouteTls::kOff};
     },
     ""},
    {"hosts that the operator names", [](DeliveryWorld& w) { w.path.configured = true; }, ""},
    {"switched off", [](DeliveryWorld& w) { w.config().tls_report.organization.clear(); }, ""},
};

TEST(DeliverySession, IsToldAsTheRfcNamesIt) {
  for (const Case& c : kCases) {
    SCOPED_TRACE(c.name);
    DeliveryWorld world(true);
    SwitchOn(world);
    world.NamedHosts(1);
    world.Named(1).extensions += ",STARTTLS";
    c.arrange(world);
    world.Finish(DeliveryWorld::MakeJob(1, 1));
    EXPECT_EQ(Told(world), c.told);
  }
}

TEST(DeliverySession, TellsThePolicyAsItIs) {
  const TlsPolicyTold sts = TellPolicy({.domain = kDomain, .sts = Sts(dns::StsMode::kEnforce).sts},
                                       Dane(DaneState::kInsecure));
  EXPECT_EQ(sts, (TlsPolicyTold{
                     TlsPolicyType::kSts,
                     kDomain,
                     {"version: STSv1", "mode: enforce", "mx: *.example.net", "max_age: 86400"},
                     {"*.example.net"}}));
  const TlsPolicyTold tlsa = TellPolicy({.domain = kDomain}, Dane(DaneState::kUsable));
  EXPECT_EQ(tlsa, (TlsPolicyTold{TlsPolicyType::kTlsa, "mx1.example.net", {"3 1 1 01AB"}}));
}

TEST(DeliverySession, CountsAConnectionOnceHoweverMuchItCarries) {
  DeliveryWorld world(true);
  SwitchOn(world);
  world.NamedHosts(1);
  world.Named(1).extensions += ",STARTTLS";
  world.owner.jobs.push_back(DeliveryWorld::MakeJob(2, 1));
  world.Finish(DeliveryWorld::MakeJob(1, 1));
  EXPECT_EQ(Told(world), "no-policy-found good");
}

TEST(DeliverySession, SaysTheAddressThatReceiversSee) {
  DeliveryWorld world(true);
  SwitchOn(world);
  world.config().sources = {
      {.name = "s", .address = {}, .public_address = *IpAddress::Parse("203.0.113.5"), .ehlo = {}}};
  world.path.source = "s";
  world.NamedHosts(1);
  world.Finish(DeliveryWorld::MakeJob(1, 1));
  ASSERT_EQ(world.policies.sessions.size(), 1u);
  EXPECT_EQ(world.policies.sessions[0].failure.sending_ip, "203.0.113.5");
}

// ---- the reports themselves

Job Report(uint64_t id) {
  queue::Message message;
  message.id = id;
  message.flags = queue::kFlagReport;
  message.campaign = kTlsReportCampaign;
  const std::string text = "Subject: x\r\n\r\nhello\r\n";
  message.header_length = uint32_t(text.find("\r\n\r\n") + 4);
  message.body.length = uint32_t(text.size());
  return DeliveryWorld::WithMessage(id, 1, std::move(message), text);
}

TEST(DeliverySession, ReportsArriveWhateverFailsAndAreNotTold) {
  for (const Case& c : kCases) {
    SCOPED_TRACE(c.name);
    DeliveryWorld world(true);
    SwitchOn(world);
    world.NamedHosts(1);
    world.Named(1).extensions += ",STARTTLS";
    c.arrange(world);
    EXPECT_EQ(world.Finish(Report(1)), "1/0 dot 250 2.0.0; closed");
    EXPECT_EQ(Told(world), "");
  }
}

TEST(DeliverySession, TheConnectionOfAReportCarriesNoOtherMail) {
  DeliveryWorld world(true);
  SwitchOn(world);
  world.NamedHosts(1);
  world.Named(1).extensions += ",STARTTLS";
  world.Named(1).tlsa = "\x01\xab";
  world.policies.hosts["mx1.example.net"] = Dane(DaneState::kUsable);
  world.owner.jobs.push_back(DeliveryWorld::MakeJob(2, 1));
  world.owner.jobs.push_back(Report(3));  // may follow on what was verified
  EXPECT_EQ(world.Finish(Report(1)),
            "1/0 dot 250 2.0.0; 2/0 dot 250 2.0.0; 3/0 dot 250 2.0.0; closed");
  EXPECT_EQ(world.Named(1).connections, 2);
  EXPECT_EQ(world.owner.results.at(1).tls_policy, "dane dane-ee");
}

}  // namespace
}  // namespace sluice::engine
