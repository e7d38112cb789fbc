// tools/commands/suspensions.h — `sluice suspensions` and `sluice lift`: what is suspended or slowed
// down, with the cause, and its end by hand.

#ifndef SLUICE_TOOLS_COMMANDS_SUSPENSIONS_H_
#define SLUICE_TOOLS_COMMANDS_SUSPENSIONS_H_

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "tools/commands/engine_call.h"

namespace sluice::tools {

struct SuspensionOptions {
  EngineAddress engine;  // -c, --socket
  std::string key;       // KEY, of lift
  std::string kind;      // --kind; empty: any
  bool json = false;     // --json
};

// Return the exit status.
int ShowSuspensions(const SuspensionOptions& options);
int Lift(const SuspensionOptions& options);

// "until 2026-11-21 07:56:00 after 2 failures: connection refused".
std::string SuspensionNote(const nlohmann::json& suspension);

}  // namespace sluice::tools

#endif  // SLUICE_TOOLS_COMMANDS_SUSPENSIONS_H_
