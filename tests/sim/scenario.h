// tests/sim/scenario.h — one seeded run of the whole engine against good, moody and hostile
// receivers.
//
// PURPOSE   Builds a world from a seed (receivers, zones, faults, crashes), sends a campaign
//           through the engine until every recipient has ended, and checks what must hold: promise
//           1  what was acknowledged is in the record after any crash promise 2  exactly one final
//           event each; a second copy only where a fault excuses it promise 3  never more
//           connections to a site than allowed, as its receivers count them schedule   no attempt
//           before it was due protocol   no receiver saw a rule of SMTP broken memory     nothing
//           is left in lanes, deliveries or the queue at the end

#ifndef SLUICE_TESTS_SIM_SCENARIO_H_
#define SLUICE_TESTS_SIM_SCENARIO_H_

#include <cstdint>
#include <string>
#include <vector>

namespace sluice::sim {

struct ScenarioOptions {
  uint64_t seed = 1;
  uint32_t recipients = 2'000;
  uint32_t crashes = 3;
  std::string folder;  // for the queue; emptied first
};

struct ScenarioReport {
  std::vector<std::string> faults;  // empty: all rules held
  uint64_t trace_hash = 0;
  uint64_t steps = 0;
  uint64_t acknowledged = 0;  // recipients
  uint64_t delivered = 0;
  uint64_t bounced = 0;
  uint64_t expired = 0;
  uint64_t cancelled = 0;
  uint64_t duplicates = 0;  // excused ones
  double days = 0;          // of virtual time
  std::string last_notes;
};

ScenarioReport RunScenario(const ScenarioOptions& options);

}  // namespace sluice::sim

#endif  // SLUICE_TESTS_SIM_SCENARIO_H_
