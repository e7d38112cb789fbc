// tests/sim/sim_engine.h — the whole engine as one simulated process.
//
// PURPOSE   Production code from the Intake to the Delivery, over the real queue on a memory file
//           system, with shards, writer, reader and exporter stepped by the world's events. A
//           reader looks with pauses in which the writer commits, as on a busy disk. Crash()
//           forgets everything after the last commit; Start() is the next process.
// NOT HERE  Receivers (receivers.h), what must hold (checkers.h).
// LIFETIME  The world and the fabric outlive it.

#ifndef SLUICE_TESTS_SIM_SIM_ENGINE_H_
#define SLUICE_TESTS_SIM_SIM_ENGINE_H_

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "engine/shard/order_book.h"
#include "engine/shard/recovery.h"
#include "engine/shard/shard.h"
#include "tests/dns/fake_dns.h"
#include "tests/sim/event_record.h"
#include "tests/sim/leg_runner.h"
#include "tests/sim/sim_net.h"
#include "tests/sim/sim_world.h"

namespace sluice::sim {

struct SimEngineOptions {
  std::shared_ptr<const config::Config> config;
  std::shared_ptr<const engine::Keyring> keyring;       // null: nothing is signed
  std::shared_ptr<const config::ReplyRuleSet> rules{};  // null: none
  uint32_t shards = 2;
  std::string queue_path;
  uint64_t queue_mib = 256;
  queue::Disk* disk = nullptr;                   // null: one that never fails
  bool busy_disk = true;                         // its reader has to wait now and then
  IpAddress address;                             // the engine's own
  std::function<void(dns::FakeDns&)> fill_zone;  // called for the DNS of each shard
};

struct SimMail {
  std::string sender;
  std::vector<std::string> recipients;
  std::string tenant = "default";
  std::string campaign = {};
  std::string text = {};
  Duration hold{};  // until its first attempt
  queue::SendWindow window = {};
};

class SimEngine {
 public:
  SimEngine(SimWorld& world, SimFabric& fabric, SimEngineOptions options, EventRecord& record);
  ~SimEngine();
  SimEngine(const SimEngine&) = delete;
  SimEngine& operator=(const SimEngine&) = delete;

  void Start();
  void Crash(bool power_loss);
  // What `sluice reload` does in every shard, at once; keys stay as they are.
  void Reload(std::shared_ptr<const config::Config> config);
  bool running() const { return process_ != nullptr; }

  // One message; `durable` hears its id when the engine would say 250 (never, when it says 4xx).
  // False when it is down.
  bool Submit(SimMail mail, std::function<void(MessageId)> durable);
  bool Submit(const std::string& sender, const std::vector<std::string>& recipients,
              const std::string& campaign, const std::string& text,
              std::function<void(MessageId)> durable) {
    return Submit({.sender = sender, .recipients = recipients, .campaign = campaign, .text = text},
                  std::move(durable));
  }

  // What `sluice cancel` and the like do; `durable` hears when it is. False when it is down.
  bool Order(queue::Order order, std::function<void(const queue::Order&)> durable);

  queue::QueueTotals totals() const;
  uint32_t open_deliveries() const;
  size_t lanes() const;
  // Every lane in memory and its site, a line each, for the failure's message.
  std::string Describe() const;

 private:
  // What a process is, and loses when it dies.
  struct Process;

  void Sign(std::string_view header, std::string_view text, engine::Accepted& accepted) const;
  void Turn();
  void StepWriter();
  void StepReader();
  void Export();
  // Runs `what` in a while unless this process has died by then.
  friend class SimSigners;
  void Later(Duration least, Duration most, std::function<void()> what);

  SimWorld& world_;
  SimFabric& fabric_;
  SimEngineOptions options_;
  EventRecord& record_;
  Random dice_;
  SimNet net_;
  int hook_;
  uint64_t life_ = 0;  // counts processes, so that what was scheduled for an earlier one is dropped
  std::unique_ptr<Process> process_;
  LegRunner reading_;
};

}  // namespace sluice::sim

#endif  // SLUICE_TESTS_SIM_SIM_ENGINE_H_
