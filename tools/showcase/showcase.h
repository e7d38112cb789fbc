// tools/showcase/showcase.h — `sluice demo`: sink, engine and source in one go.
//
// PURPOSE   Shows on any machine, without root or network, that mail goes in over submission, is
//           kept durably, meets receivers of all tempers, and that each recipient ends in exactly
//           one final event.
// FLOW      Children of this same program: `sink` (several), `run -c`, `blast`; the event log is
//           tailed for progress and for the closing table.

#ifndef SLUICE_TOOLS_SHOWCASE_SHOWCASE_H_
#define SLUICE_TOOLS_SHOWCASE_SHOWCASE_H_

#include <cstdint>
#include <string>

namespace sluice::tools {

struct DemoOptions {
  int64_t recipients = 100000;     // --recipients
  int recipients_per_message = 1;  // --recipients-per-message
  int connections = 20;            // --connections of the source
  int64_t size = 10240;            // --size of a message
  bool keep = false;               // --keep: leave the temporary folder
  std::string folder;              // --folder: work here; default a new one in the system's place
  double timeout_s = 900;          // --timeout: bound of the whole demo
};

// Returns the exit status: 0 only when every recipient has exactly one final event and the sinks'
// counts agree with the events.
int RunDemo(const DemoOptions& options);

}  // namespace sluice::tools

#endif  // SLUICE_TOOLS_SHOWCASE_SHOWCASE_H_
