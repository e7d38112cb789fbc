// tools/commands/domain_options.h — the command line of `sluice domain add|records|check|list`.

#ifndef SLUICE_TOOLS_COMMANDS_DOMAIN_OPTIONS_H_
#define SLUICE_TOOLS_COMMANDS_DOMAIN_OPTIONS_H_

#include <string>

#include "tools/commands/engine_call.h"

namespace sluice::tools {

// How records are shown; without any: a table.
struct RecordFormat {
  bool zone = false;   // --zone
  bool steps = false;  // --steps
  bool json = false;   // --json
};

struct DomainOptions {
  EngineAddress engine;     // -c, --socket (list)
  std::string domain;       // DOMAIN; check: empty: all
  std::string tenant;       // --tenant, of add
  std::string selector;     // --selector
  std::string return_path;  // --return-path
  bool ed25519 = false;     // --ed25519: a second key beside the RSA one
  RecordFormat format;
};

}  // namespace sluice::tools

#endif  // SLUICE_TOOLS_COMMANDS_DOMAIN_OPTIONS_H_
