// tools/commands/run.h — `sluice run -c FILE`: the engine, in the foreground.

#ifndef SLUICE_TOOLS_COMMANDS_RUN_H_
#define SLUICE_TOOLS_COMMANDS_RUN_H_

#include <string>

namespace sluice::tools {

struct RunOptions {
  std::string config;  // -c FILE
};

// Returns the exit status: 2 when the configuration is wrong, 1 when the engine cannot start.
int RunEngine(const RunOptions& options);

}  // namespace sluice::tools

#endif  // SLUICE_TOOLS_COMMANDS_RUN_H_
