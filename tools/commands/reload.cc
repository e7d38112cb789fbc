#include "tools/commands/reload.h"

namespace sluice::tools {

int Reload(const ReloadOptions& options) {
  const auto response = CallEngine(options.engine, R"({"command":"reload"})");
  if (!response) return response.error();
  return Print("reloaded\n") ? 0 : 1;
}

}  // namespace sluice::tools
