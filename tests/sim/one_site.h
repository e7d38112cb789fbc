// tests/sim/one_site.h — a whole engine with one receiver that serves many domains, for programs
// that measure (no gtest). The queue lies in a folder of its own, which goes with it.

#ifndef SLUICE_TESTS_SIM_ONE_SITE_H_
#define SLUICE_TESTS_SIM_ONE_SITE_H_

#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>

#include "config/shaping_parser.h"
#include "engine/base/check.h"
#include "tests/sim/receivers.h"
#include "tests/sim/sim_engine.h"

namespace sluice::sim {

inline double SecondsOf(Duration span) { return double(span.count()) / 1e6; }

struct OneSiteOptions {
  std::shared_ptr<config::Config> config;  // default source, pool and hostname are added
  std::string shaping = {};                // a shaping file, if there is one
  Manners manners = {};
  uint32_t shards = 1;
  int domains = 20;
  bool large = false;  // room for millions of recipients
};

class OneSite {
 public:
  OneSite(uint64_t seed, OneSiteOptions options)
      : world_(seed),
        fabric_(world_),
        mailroom_(world_),
        record_(world_),
        domains_(options.domains),
        folder_(std::filesystem::temp_directory_path() /
                ("sluice_site_" + std::to_string(getpid()))) {
    std::filesystem::remove_all(folder_);
    config::Config& config = *options.config;
    config.hostname = "mta.sender.test";
    config.sources.push_back({.name = "default", .address = {}, .public_address = {}, .ehlo = ""});
    config.pools.push_back({.name = "default", .members = {{"default", 1}}});
    if (!options.shaping.empty()) {
      auto shaping = config::ParseShaping(options.shaping, "shaping.toml", config);
      CHECK(shaping);
      config.shaping = std::make_shared<const config::Shaping>(std::move(shaping->shaping));
    }
    const auto address = *IpAddress::Parse("9.0.0.1");
    receiver_ =
        std::make_unique<Receiver>(fabric_, mailroom_, "mx.slow.test", address, options.manners);
    SimEngineOptions engine;
    engine.config = std::move(options.config);
    engine.shards = options.shards;
    engine.queue_path = folder_.string();
    if (options.large) engine.queue_mib = 4'096;
    engine.address = *IpAddress::Parse("192.0.2.1");
    engine.fill_zone = [address, domains = domains_](dns::FakeDns& dns) {
      for (int i = 0; i < domains; ++i) dns.AddMx(DomainName(i), {{10, "mx.slow.test"}});
      dns.AddA("mx.slow.test", address.ToString());
    };
    engine_ = std::make_unique<SimEngine>(world_, fabric_, std::move(engine), record_);
    engine_->Start();
  }
  ~OneSite() {
    engine_.reset();
    receiver_.reset();
    std::filesystem::remove_all(folder_);
  }
  OneSite(const OneSite&) = delete;
  OneSite& operator=(const OneSite&) = delete;

 protected:
  static std::string DomainName(int i) { return "d" + std::to_string(i) + ".test"; }

  void Expect(bool holds, const std::string& what) {
    std::printf("%s: %s\n", holds ? "ok" : "FAILED", what.c_str());
    good_ &= holds;
  }

  // Many recipients a message, in turn over the domains.
  template <typename SubmitFn>
  void SendMany(const SimMail& like, size_t recipients, SubmitFn&& submit) {
    constexpr uint32_t kPerMessage = 1'000;
    for (size_t sent = 0; sent < recipients;) {
      SimMail mail = like;
      for (; mail.recipients.size() < kPerMessage && sent < recipients; ++sent)
        mail.recipients.push_back("r" + std::to_string(sent) + "@" +
                                  DomainName(int(sent % size_t(domains_))));
      submit(std::move(mail));
      world_.RunFor(std::chrono::milliseconds(10));
    }
  }

  SimWorld world_;
  SimFabric fabric_;
  Mailroom mailroom_;
  EventRecord record_;
  std::unique_ptr<Receiver> receiver_;
  std::unique_ptr<SimEngine> engine_;
  bool good_ = true;

 private:
  const int domains_;
  const std::filesystem::path folder_;
};

}  // namespace sluice::sim

#endif  // SLUICE_TESTS_SIM_ONE_SITE_H_
