// tools/commands/shaping.h — `sluice shaping DOMAIN`: every value that holds for mail to a domain,
// and the line that says so. Works without a running engine.

#ifndef SLUICE_TOOLS_COMMANDS_SHAPING_H_
#define SLUICE_TOOLS_COMMANDS_SHAPING_H_

#include <string>
#include <vector>

#include "tools/commands/engine_call.h"

namespace sluice::tools {

struct ShapingOptions {
  EngineAddress engine;            // -c
  std::string domain;              // DOMAIN
  std::string source;              // --source; empty: what holds for any
  std::vector<std::string> hosts;  // --mx; empty: by route or DNS
  bool json = false;               // --json
};

// Returns the exit status.
int ShowShaping(const ShapingOptions& options);

}  // namespace sluice::tools

#endif  // SLUICE_TOOLS_COMMANDS_SHAPING_H_
