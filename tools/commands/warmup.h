// tools/commands/warmup.h — `sluice warmup`: how far new sources are; pause, resume, reset.

#ifndef SLUICE_TOOLS_COMMANDS_WARMUP_H_
#define SLUICE_TOOLS_COMMANDS_WARMUP_H_

#include <string>

#include "tools/commands/engine_call.h"

namespace sluice::tools {

struct WarmupOptions {
  EngineAddress engine;  // -c, --socket
  std::string action = "list";
  std::string source;
  std::string provider;  // empty: all
  bool json = false;     // --json
};

// The engine's answer as a table.
std::string RenderWarmups(const std::string& json);
// The exit status.
int Warmup(const WarmupOptions& options);

}  // namespace sluice::tools

#endif  // SLUICE_TOOLS_COMMANDS_WARMUP_H_
