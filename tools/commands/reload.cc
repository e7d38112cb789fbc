#include "tools/commands/reload.h"

#include <string>

#include "tools/commands/table.h"

namespace sluice::tools {

int Reload(const ReloadOptions& options) {
  const auto response = CallEngine(options.engine, R"({"command":"reload"})");
  if (!response) return response.error();
  const std::string later = MemberText(response->json, "needs_restart");
  const std::string note = later.empty() ? "" : "; needs a restart: " + Printable(later);
  return Print("reloaded" + note + "\n") ? 0 : 1;
}

}  // namespace sluice::tools
