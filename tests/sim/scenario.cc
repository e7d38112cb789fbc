#include "tests/sim/scenario.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <memory>
#include <set>
#include <utility>

#include "engine/base/check.h"
#include "engine/base/message_id.h"
#include "tests/sim/receivers.h"
#include "tests/sim/sim_engine.h"

namespace sluice::sim {
namespace {

using namespace std::chrono_literals;

constexpr uint32_t kConnectionsPerPath = 5;
constexpr size_t kDomains = 60;

std::shared_ptr<const config::Config> MakeConfig() {
  auto config = std::make_shared<config::Config>();
  config->hostname = "mta.sender.test";
  config->delivery.connections_per_path = kConnectionsPerPath;
  config->delivery.messages_per_connection = 20;
  config->sources.push_back({.name = "default", .address = {}, .public_address = {}, .ehlo = ""});
  config->pools.push_back({.name = "default", .members = {{"default", 1}}});
  config->domains.push_back({.name = "sender.test",
                             .tenant = "default",
                             .dkim = {{.selector = "s1", .key = "s1.pem", .identity = ""}},
                             .return_path = ""});
  return config;
}

// Ed25519: one signature costs little, and is the same in every run (RFC 8032, test 1).
std::shared_ptr<const engine::Keyring> MakeKeyring(const config::Config& config) {
  constexpr std::string_view kPem =
      "-----BEGIN PRIVATE KEY-----\n"
      "MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n"
      "-----END PRIVATE KEY-----\n";
  auto made = engine::Keyring::Make(config, [&](const std::string& file) {
    auto key = smtp::DkimKey::FromPem(kPem, file);
    CHECK(key.has_value());
    return Result<engine::KeyStore::Key>(std::make_shared<const smtp::DkimKey>(*std::move(key)));
  });
  CHECK(made.has_value());
  return *made;
}

struct Manner {
  Manners (*make)();
  bool fair;  // breaks no connection after the dot: no copy may come twice but for a crash
};

constexpr std::array<Manner, 11> kManners = {{{Manners::WellBehaved, true},
                                              {Manners::Greylister, true},
                                              {Manners::TooBusy, true},
                                              {Manners::Tarpit, true},
                                              {Manners::DropsAfterDot, false},
                                              {Manners::PipeliningLiar, true},
                                              {Manners::GarbageTalker, false},
                                              {Manners::Moody, true},
                                              {Manners::FewRecipients, true},
                                              {Manners::ClosesBetween, true},
                                              {Manners::OldServer, true}}};

constexpr const char* kCancelled = "c2";  // the campaign that is

constexpr size_t kLiar = 5;  // in kManners

// Further hosts, by their place after those of kManners.
constexpr size_t kBackup = 11;     // the living one behind a dead one
constexpr size_t kTwinFirst = 12;  // two hosts of one site, the first of which is often too busy
constexpr size_t kTwinSecond = 13;

class Scenario {
 public:
  explicit Scenario(const ScenarioOptions& options)
      : options_(options),
        world_(options.seed),
        fabric_(world_),
        mailroom_(world_),
        record_(world_),
        dice_(world_.NewSeed()) {
    std::filesystem::remove_all(options.folder);
    MakeReceivers();
    SimEngineOptions engine;
    engine.config = MakeConfig();
    engine.keyring = MakeKeyring(*engine.config);
    engine.queue_path = options.folder;
    engine.address = *IpAddress::Parse("192.0.2.1");
    engine.fill_zone = [this](dns::FakeDns& dns) { FillZone(dns); };
    engine_ = std::make_unique<SimEngine>(world_, fabric_, std::move(engine), record_);
  }

  ScenarioReport Run() {
    engine_->Start();
    PlanCampaign();
    PlanCrashes();
    PlanTrouble();
    PlanOrders();
    const Instant begin = world_.now();
    const bool ended = world_.RunUntil([this] { return Ended(); }, 10 * 24h);
    if (!ended) {
      Fault("recipients are left after ten days: " + std::to_string(Left()));
      if (engine_->running()) Fault(engine_->Describe());
    }
    // The exporter's last look, and time for connections to say goodbye.
    world_.RunFor(5min);
    Check();
    ScenarioReport report;
    report.faults = std::move(faults_);
    report.trace_hash = world_.trace_hash();
    report.steps = world_.steps();
    report.acknowledged = acknowledged_.size();
    report.delivered = record_.CountFinal(queue::EventType::kDelivered);
    report.bounced = record_.CountFinal(queue::EventType::kBounced);
    report.expired = record_.CountFinal(queue::EventType::kExpired);
    report.cancelled = record_.CountFinal(queue::EventType::kCancelled);
    report.duplicates = mailroom_.CountDuplicates();
    report.days = double((world_.now() - begin).count()) / 86'400e6;
    report.last_notes = world_.LastNotes();
    return report;
  }

 private:
  static std::string HostName(size_t i) { return "mx" + std::to_string(i) + ".receiver.test"; }
  // Public ones: an MX must not lead to special addresses.
  static IpAddress HostAddress(size_t i) { return IpAddress::V4(0x09000001u + uint32_t(i)); }
  static std::string DomainName(size_t i) { return "d" + std::to_string(i) + ".test"; }

  void MakeReceivers() {
    for (size_t i = 0; i < kManners.size(); ++i) AddHost(i, kManners[i].make());
    // Sites of one host each, but for the twins.
    AddHost(kBackup, Manners::Waits());
    AddHost(kTwinFirst, Manners::TooBusy());
    AddHost(kTwinSecond, Manners::WellBehaved());
    for (size_t i = 0; i <= kTwinFirst; ++i) receivers_[i]->CountIn(watches_[i]);
    receivers_[kTwinSecond]->CountIn(watches_[kTwinFirst]);
    LinkModel rough;
    rough.reset = 0.002;
    rough.stalled = 0.002;
    rough.refused = 0.02;
    rough.tls_failed = 0.05;
    // The link of one fair receiver breaks now and then.
    fabric_.SetLink(HostAddress(7), rough);
    // Where our own reports go.
    receivers_.push_back(std::make_unique<Receiver>(fabric_, mailroom_, "mx.sender.test",
                                                    HostAddress(100), Manners::WellBehaved()));
  }

  void AddHost(size_t i, const Manners& manners) {
    receivers_.push_back(
        std::make_unique<Receiver>(fabric_, mailroom_, HostName(i), HostAddress(i), manners));
  }

  void FillZone(dns::FakeDns& dns) {
    dns.AddMx("sender.test", {{0, "mx.sender.test"}});
    dns.AddA("mx.sender.test", HostAddress(100).ToString());
    for (size_t i = 0; i <= kTwinSecond; ++i) dns.AddA(HostName(i), HostAddress(i).ToString());
    dns.AddA("dead.receiver.test", HostAddress(200).ToString());
    for (size_t i = 0; i < kDomains; ++i) {
      const std::string host = HostName(i % kManners.size());
      switch (i) {
        case 50:
          dns.AddNullMx(DomainName(i));
          break;
        case 51:
          break;  // does not exist
        case 52:
          dns.SetFailure(DomainName(i), dns::FakeFailure::kServFail);
          break;
        case 53:
          dns.AddMx(DomainName(i), {{10, "dead.receiver.test"}});
          break;
        case 54:
          dns.AddMx(DomainName(i), {{10, "dead.receiver.test"}, {20, HostName(kBackup)}});
          break;
        case 55:
          dns.AddMx(DomainName(i), {{10, HostName(kTwinFirst)}, {20, HostName(kTwinSecond)}});
          break;
        default:
          dns.AddMx(DomainName(i), {{10, host}});
      }
    }
    dns.SetLatency(1ms, 80ms);
  }

  void PlanCampaign() {
    uint32_t planned = 0;
    while (planned < options_.recipients) {
      std::vector<std::string> recipients;
      const size_t n = 1 + size_t(dice_.Below(10) == 0 ? dice_.Below(6) : 0);
      for (size_t k = 0; k < n; ++k, ++planned) {
        const uint64_t dice = dice_.Below(40);
        const std::string local = dice == 0 ? "unknown" : dice == 1 ? "full" : "user";
        recipients.push_back(local + std::to_string(planned) + "@" +
                             DomainName(size_t(dice_.Below(kDomains))));
      }
      const std::string campaign = "c" + std::to_string(dice_.Below(3));
      world_.ScheduleIn(Duration(dice_.Below(30'000'000)),
                        [this, recipients, campaign] { Submit(recipients, campaign); });
    }
  }

  void Submit(const std::vector<std::string>& recipients, const std::string& campaign) {
    std::string text = "Hello,\r\nthis is a line.\r\n";
    if (dice_.Below(4) == 0) text += ".dots at the begin\r\n..two\r\n";
    const bool up = engine_->Submit("news@sender.test", recipients, campaign, text,
                                    [this, n = recipients.size()](MessageId id) {
                                      for (uint32_t i = 0; i < n; ++i)
                                        acknowledged_.insert({id, i});
                                    });
    if (up) return;
    // The client tries again, as it would on a refused connection.
    world_.ScheduleIn(1s, [this, recipients, campaign] { Submit(recipients, campaign); });
    ++resubmits_;
  }

  void PlanCrashes() {
    for (uint32_t i = 0; i < options_.crashes; ++i) {
      const Duration when(2'000'000 + int64_t(dice_.Below(i == 0 ? 30'000'000 : 20'000'000'000)));
      world_.ScheduleIn(when, [this] {
        if (!engine_->running()) return;
        engine_->Crash(dice_.Below(2) == 0);
        for (ConnectionWatch& watch : watches_) watch.ForgiveOpen();
        ++crashed_;
        world_.ScheduleIn(Duration(500'000 + int64_t(dice_.Below(3'000'000))),
                          [this] { engine_->Start(); });
      });
    }
  }

  // A cable is pulled now and then; a receiver is unreachable for some hours.
  void PlanTrouble() {
    for (int i = 0; i < 5; ++i)
      world_.ScheduleIn(Duration(int64_t(dice_.Below(40'000'000))), [this] {
        fabric_.ResetAll(HostAddress(0));
        cut_ = true;
      });
    fabric_.SetReach(HostAddress(8), Reach::kBlackholed);
    world_.ScheduleIn(3h, [this] { fabric_.SetReach(HostAddress(8), Reach::kUp); });
  }

  // A campaign is cancelled while it is sent, and an operator is impatient.
  void PlanOrders() {
    queue::Order cancel;
    cancel.kind = queue::OrderKind::kCancel;
    cancel.scope = queue::OrderScope::kCampaign;
    cancel.tenant = "default";
    cancel.name = kCancelled;
    PlanOrder(Duration(int64_t(dice_.Below(60'000'000))), cancel);
    queue::Order retry;
    retry.kind = queue::OrderKind::kRetry;
    retry.scope = queue::OrderScope::kTenant;
    retry.name = "default";
    for (int i = 0; i < 3; ++i) PlanOrder(Duration(int64_t(dice_.Below(3'600'000'000))), retry);
  }

  void PlanOrder(Duration in, const queue::Order& order) {
    world_.ScheduleIn(in, [this, order] {
      const bool up = engine_->Order(order, [](const queue::Order&) {});
      if (!up) PlanOrder(1s, order);
      world_.ScheduleIn(Duration(0), [] {});  // the turn in which it leaves
    });
  }

  size_t Left() const {
    return engine_->running() ? size_t(engine_->totals().recipients) : SIZE_MAX;
  }
  bool Ended() const {
    return world_.now() > Instant(24h) + 60s && engine_->running() && Left() == 0 &&
           engine_->totals().outbox_rows == 0;
  }

  void Fault(std::string what) { faults_.push_back(std::move(what)); }

  void Check() {
    for (const std::string& fault : record_.faults()) Fault(fault);
    // Who forgets commands that it promised to take hears the middle of things.
    const auto unsigned_copies =
        std::ranges::count_if(mailroom_.all(), [](const Taken& taken) { return !taken.is_signed; });
    if (unsigned_copies > 0) Fault(std::to_string(unsigned_copies) + " copies came unsigned");
    for (const std::string& violation : mailroom_.violations())
      if (!violation.starts_with(HostName(kLiar))) Fault("protocol: " + violation);
    for (const queue::RecipientId& id : acknowledged_) {
      const auto fate = record_.fates().find(id);
      if (fate == record_.fates().end()) {
        Fault("acknowledged and lost: " + FormatMessageId(id.message));
      } else if (fate->second.finals != 1) {
        Fault(std::to_string(fate->second.finals) +
              " final events: " + FormatMessageId(id.message) + " " + fate->second.recipient);
      }
    }
    for (const auto& [id, fate] : record_.fates()) {
      if (fate.finals > 0 && fate.final == queue::EventType::kCancelled &&
          fate.campaign != kCancelled)
        Fault("cancelled, though nobody said so: " + fate.recipient);
      if (fate.finals > 0 && fate.final == queue::EventType::kDelivered &&
          mailroom_.CountOf(FormatMessageId(id.message), fate.recipient) == 0 &&
          !fate.recipient.ends_with("@sender.test"))
        Fault("delivered, says the record, but nobody has it: " + fate.recipient);
    }
    if (crashed_ == 0)
      for (const std::string& copy : mailroom_.UnexcusedDuplicates()) Fault("second copy: " + copy);
    for (size_t i = 0; i < watches_.size(); ++i) {
      if (watches_[i].most() > kConnectionsPerPath)
        Fault(HostName(i) + " counted " + std::to_string(watches_[i].most()) + " connections");
    }
    if (engine_->running() && engine_->open_deliveries() > 0) Fault("connections are left open");
    if (engine_->running() && engine_->lanes() > 0)
      Fault(std::to_string(engine_->lanes()) + " lanes are left in memory\n" + engine_->Describe());
  }

  const ScenarioOptions options_;
  SimWorld world_;
  SimFabric fabric_;
  Mailroom mailroom_;
  EventRecord record_;
  Random dice_;
  std::array<ConnectionWatch, kTwinFirst + 1> watches_;  // by site
  std::vector<std::unique_ptr<Receiver>> receivers_;
  std::unique_ptr<SimEngine> engine_;
  std::set<queue::RecipientId> acknowledged_;
  std::vector<std::string> faults_;
  uint32_t crashed_ = 0;
  uint32_t resubmits_ = 0;
  bool cut_ = false;
};

}  // namespace

ScenarioReport RunScenario(const ScenarioOptions& options) { return Scenario(options).Run(); }

}  // namespace sluice::sim
