// tools/commands/status.h — `sluice status`: what the running engine is doing.

#ifndef SLUICE_TOOLS_COMMANDS_STATUS_H_
#define SLUICE_TOOLS_COMMANDS_STATUS_H_

#include "tools/commands/engine_call.h"

namespace sluice::tools {

struct StatusOptions {
  EngineAddress engine;  // -c, --socket
  bool json = false;     // --json
};

// Returns the exit status.
int ShowStatus(const StatusOptions& options);

}  // namespace sluice::tools

#endif  // SLUICE_TOOLS_COMMANDS_STATUS_H_
