// tools/commands/queues.h — `sluice queues [DOMAIN]`: the lanes that have something waiting, the
// fullest first, each with the reason.

#ifndef SLUICE_TOOLS_COMMANDS_QUEUES_H_
#define SLUICE_TOOLS_COMMANDS_QUEUES_H_

#include <string>

#include "tools/commands/engine_call.h"

namespace sluice::tools {

struct QueuesOptions {
  EngineAddress engine;  // -c, --socket
  std::string domain;    // DOMAIN; empty: all
  std::string by;        // --by; empty: each lane by itself
  bool json = false;     // --json
};

// Returns the exit status.
int ShowQueues(const QueuesOptions& options);

}  // namespace sluice::tools

#endif  // SLUICE_TOOLS_COMMANDS_QUEUES_H_
