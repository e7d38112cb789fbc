// tests/sim/engine_sim_fixture.h — a small world around one engine, for tests of single promises.

#ifndef SLUICE_TESTS_SIM_ENGINE_SIM_FIXTURE_H_
#define SLUICE_TESTS_SIM_ENGINE_SIM_FIXTURE_H_

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "config/reply_rules_parser.h"
#include "config/shaping_parser.h"
#include "tests/sim/connection_watch.h"
#include "tests/sim/receivers.h"
#include "tests/sim/sim_engine.h"

namespace sluice::sim {

using namespace std::chrono_literals;

class EngineSim : public ::testing::Test {
 protected:
  EngineSim()
      : folder_(std::filesystem::temp_directory_path() /
                ("sluice_engine_sim_" + std::to_string(getpid()))),
        world_(7),
        fabric_(world_),
        mailroom_(world_),
        record_(world_),
        config_(std::make_shared<config::Config>()) {
    std::filesystem::remove_all(folder_);
    config_->hostname = "mta.sender.test";
    config_->sources.push_back(
        {.name = "default", .address = {}, .public_address = {}, .ehlo = ""});
    config_->pools.push_back({.name = "default", .members = {{"default", 1}}});
  }
  ~EngineSim() override {
    engine_.reset();
    receivers_.clear();
    std::filesystem::remove_all(folder_);
  }

  // A domain with a host of its own.
  Receiver& AddDomain(const std::string& domain, const Manners& manners = {}) {
    const IpAddress address = AddHostless(domain);
    receivers_.push_back(
        std::make_unique<Receiver>(fabric_, mailroom_, "mx." + domain, address, manners));
    return *receivers_.back();
  }
  // Its host is in DNS only.
  IpAddress AddHostless(const std::string& domain) {
    const IpAddress address = IpAddress::V4(0x09000001u + uint32_t(zone_.size()));
    zone_.emplace_back(domain, address);
    return address;
  }

  void Start() {
    SimEngineOptions options;
    options.config = config_;
    options.rules = rules_;
    options.busy_disk = busy_disk_;
    options.queue_path = folder_.string();
    options.address = *IpAddress::Parse("192.0.2.1");
    options.fill_zone = [this](dns::FakeDns& dns) {
      for (const auto& [domain, address] : zone_) {
        dns.AddMx(domain, {{10, "mx." + domain}});
        dns.AddA("mx." + domain, address.ToString());
      }
      if (more_dns_) more_dns_(dns);
    };
    engine_ = std::make_unique<SimEngine>(world_, fabric_, std::move(options), record_);
    engine_->Start();
    Nudge();
  }

  void Restart(bool power_loss, Duration down) {
    engine_->Crash(power_loss);
    world_.RunFor(down);
    engine_->Start();
    Nudge();
  }
  // What is done between two steps is seen at the end of the next.
  void Nudge() {
    world_.ScheduleIn(Duration(0), [] {});
  }

  void Send(const std::string& recipient, const std::string& campaign = "c") {
    ASSERT_TRUE(
        engine_->Submit("news@sender.test", {recipient}, campaign, "hello\r\n", [](MessageId) {}));
    Nudge();
  }
  void SendMany(size_t n, const std::string& local, const std::string& domain) {
    for (size_t i = 0; i < n; ++i) {
      Send(local + std::to_string(i) + "@" + domain);
      if (i % 100 == 99) world_.RunFor(10ms);
    }
  }
  // Rules of the test alone.
  void UseRules(const std::string& text) {
    auto rules = config::ParseReplyRules("shipped = false\n" + text, "replies.toml");
    ASSERT_TRUE(rules) << config::FormatProblems(rules.error());
    rules_ = std::make_shared<const config::ReplyRuleSet>(std::move(*rules));
  }
  // Times at which `host` took something from `sender`.
  std::vector<Instant> TakenFrom(const std::string& sender, const std::string& host) const {
    std::vector<Instant> out;
    for (const Taken& taken : mailroom_.all())
      if (taken.sender == sender && taken.host == host) out.push_back(taken.at);
    return out;
  }
  uint64_t connects() const { return fabric_.stats().connects; }

  const std::filesystem::path folder_;
  SimWorld world_;
  SimFabric fabric_;
  Mailroom mailroom_;
  EventRecord record_;
  std::shared_ptr<config::Config> config_;
  std::shared_ptr<const config::ReplyRuleSet> rules_;
  bool busy_disk_ = true;
  std::vector<std::pair<std::string, IpAddress>> zone_;
  std::function<void(dns::FakeDns&)> more_dns_;
  ConnectionWatch watch_;
  std::vector<std::unique_ptr<Receiver>> receivers_;
  std::unique_ptr<SimEngine> engine_;
};

class ShapedSim : public EngineSim {
 protected:
  std::shared_ptr<config::Config> Shaped(std::string_view text) const {
    auto config = std::make_shared<config::Config>(*config_);
    auto loaded = config::ParseShaping(text, "shaping.toml", *config);
    EXPECT_TRUE(loaded) << (loaded ? "" : config::FormatProblems(loaded.error()));
    config->shaping = std::make_shared<const config::Shaping>(std::move(loaded->shaping));
    return config;
  }
};

}  // namespace sluice::sim

#endif  // SLUICE_TESTS_SIM_ENGINE_SIM_FIXTURE_H_
