// tests/sim/event_record.h — what the engine's exporter would have written, across crashes.
//
// PURPOSE   Keeps events by id (a repeated id must tell the same) and what they say per recipient:
//           accepted once, at most one final event, attempts not before they were due.

#ifndef SLUICE_TESTS_SIM_EVENT_RECORD_H_
#define SLUICE_TESTS_SIM_EVENT_RECORD_H_

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "queue/records.h"
#include "tests/sim/sim_world.h"

namespace sluice::sim {

struct RecipientFate {
  int accepted = 0;
  int finals = 0;
  int deferrals = 0;
  queue::EventType final{};
  std::string reason;     // of the final event
  std::string recipient;  // address
  std::string campaign;
  std::string source;   // of the final event
  WallTime next_due{};  // of the last deferral
};

// What a source has tried.
struct SourceAttempt {
  WallTime at{};
  std::string source;
};

class EventRecord {
 public:
  explicit EventRecord(SimWorld& world) : world_(world) {}

  void Add(uint64_t id, const queue::Event& event);

  const std::map<queue::RecipientId, RecipientFate>& fates() const { return fates_; }
  size_t CountFinal(queue::EventType type) const;
  // Reasons of the alerts, in order.
  const std::vector<std::string>& alerts() const { return alerts_; }
  const std::vector<SourceAttempt>& attempts() const { return attempts_; }
  // What broke a rule; empty is good.
  const std::vector<std::string>& faults() const { return faults_; }

 private:
  void Fault(const queue::Event& event, const std::string& what);
  void AddOrder(const queue::Event& event);

  SimWorld& world_;
  std::map<uint64_t, queue::Event> events_;
  std::map<queue::RecipientId, RecipientFate> fates_;
  std::vector<std::string> alerts_;
  std::vector<SourceAttempt> attempts_;
  std::set<std::string> retries_;  // under way
  std::vector<std::string> faults_;
};

}  // namespace sluice::sim

#endif  // SLUICE_TESTS_SIM_EVENT_RECORD_H_
