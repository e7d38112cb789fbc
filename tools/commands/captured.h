// tools/commands/captured.h — `sluice captured list|show ID|release ID`: messages of users with
// deliver = "capture", which are kept and not sent.

#ifndef SLUICE_TOOLS_COMMANDS_CAPTURED_H_
#define SLUICE_TOOLS_COMMANDS_CAPTURED_H_

#include <string>

#include "tools/commands/engine_call.h"

namespace sluice::tools {

struct CapturedOptions {
  EngineAddress engine;  // -c, --socket
  std::string id;        // ID, of show and release
  bool json = false;     // --json, of list
};

// Each returns the exit status.
int ListCaptured(const CapturedOptions& options);
// The message as it is stored, Bcc included, on standard output.
int ShowCaptured(const CapturedOptions& options);
// From now on it is delivered as any other.
int ReleaseCaptured(const CapturedOptions& options);

}  // namespace sluice::tools

#endif  // SLUICE_TOOLS_COMMANDS_CAPTURED_H_
