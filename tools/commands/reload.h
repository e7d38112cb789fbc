// tools/commands/reload.h — `sluice reload`: the running engine reads its configuration again.

#ifndef SLUICE_TOOLS_COMMANDS_RELOAD_H_
#define SLUICE_TOOLS_COMMANDS_RELOAD_H_

#include "tools/commands/engine_call.h"

namespace sluice::tools {

struct ReloadOptions {
  EngineAddress engine;  // -c, --socket
};

// Returns the exit status: 1 when the engine refused, and goes on with what it had.
int Reload(const ReloadOptions& options);

}  // namespace sluice::tools

#endif  // SLUICE_TOOLS_COMMANDS_RELOAD_H_
