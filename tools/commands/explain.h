// tools/commands/explain.h — `sluice explain ID|ADDRESS|DOMAIN|SITE`: why a message, or what goes
// there, has not left yet.

#ifndef SLUICE_TOOLS_COMMANDS_EXPLAIN_H_
#define SLUICE_TOOLS_COMMANDS_EXPLAIN_H_

#include <string>

#include "tools/commands/engine_call.h"

namespace sluice::tools {

struct ExplainOptions {
  EngineAddress engine;  // -c, --socket
  std::string what;      // the id of a 250, an address, a domain or a site
  bool json = false;     // --json
};

// Returns the exit status.
int Explain(const ExplainOptions& options);

}  // namespace sluice::tools

#endif  // SLUICE_TOOLS_COMMANDS_EXPLAIN_H_
