// tests/engine/domain_fixture.h — a configuration with a sending domain and its keys, and a
// scripted DNS that serves exactly what its plan asks for.

#ifndef SLUICE_TESTS_ENGINE_DOMAIN_FIXTURE_H_
#define SLUICE_TESTS_ENGINE_DOMAIN_FIXTURE_H_

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <string>

#include "config/checks.h"
#include "engine/base/check.h"
#include "engine/domains/domain_check.h"
#include "engine/domains/domain_plan.h"
#include "smtp/dkim_key.h"
#include "tests/config/fake_surroundings.h"
#include "tests/dns/study_fixture.h"

namespace sluice::engine {

class DomainTest : public testing::Test {
 protected:
  // Two keys, made once: RSA takes its time.
  struct Keys {
    Keys() {
      CHECK(mkdtemp(folder.data()) != nullptr);
      using smtp::DkimAlgorithm;
      CHECK(smtp::DkimKey::Generate(DkimAlgorithm::kRsaSha256).WriteNew(folder + "/s1.pem"));
      CHECK(smtp::DkimKey::Generate(DkimAlgorithm::kEd25519Sha256).WriteNew(folder + "/s2.pem"));
    }
    ~Keys() { std::filesystem::remove_all(folder); }
    std::string folder = std::filesystem::temp_directory_path().string() + "/sluice-domain-XXXXXX";
  };

  DomainTest() {
    static const Keys keys;
    config.hostname = "mta.host.com";
    config.listeners.emplace_back().role = config::Role::kInbound;
    config.sources = {{"one", dns::Ip("10.0.0.1"), dns::Ip("9.9.9.1"), "m1.host.com"},
                      {"six", dns::Ip("2606:4700::1"), {}, "m2.host.com"},
                      {"unused", dns::Ip("9.9.9.9"), {}, "m9.host.com"}};
    config.pools = {{"default", {{"one", 1}, {"six", 1}}}};
    config.domain_rules.dnsbl = {"bl.com"};
    config::Domain domain{
        .name = "example.com",
        .tenant = "crm",
        .dkim = {{"s1", keys.folder + "/s1.pem"}, {"s2", keys.folder + "/s2.pem"}},
        .return_path = "bounces.example.com"};
    config.domains = {domain};
    world.dns.AddA("2.0.0.127.bl.com", "127.0.0.2");
  }

  HostPlan Host() const { return PlanHost(config, config::FakeSurroundings()); }
  DomainPlan Plan() const {
    auto plan = PlanDomain(config, config.domains[0], Host());
    CHECK(plan.has_value());
    return *std::move(plan);
  }
  static void Publish(dns::FakeDns& dns, const PlannedRecord& record) {
    switch (record.type) {
      case dns::RecordType::kTxt:
        return dns.AddTxt(record.name, record.value);
      case dns::RecordType::kMx:
        return dns.AddMx(record.name, {{record.preference, record.value}});
      case dns::RecordType::kA:
        return dns.AddA(record.name, record.value);
      case dns::RecordType::kAaaa:
        return dns.AddAaaa(record.name, record.value);
      case dns::RecordType::kPtr:
        return dns.AddPtr(record.name, record.value);
      default:
        FAIL() << record.name;
    }
  }
  void PublishAll() {
    const auto records = AllRecords(Plan(), Host());
    for (const PlannedRecord& record : records) world.dns.Remove(record.name);
    for (const PlannedRecord& record : records) Publish(world.dns, record);
  }

  config::Config config;
  dns::StudyWorld world;
};

}  // namespace sluice::engine

#endif  // SLUICE_TESTS_ENGINE_DOMAIN_FIXTURE_H_
