#include "tools/commands/status.h"

namespace sluice::tools {

int ShowStatus(const StatusOptions& options) {
  const auto response = CallEngine(options.engine, R"({"command":"status"})");
  if (!response) return response.error();
  return Print(options.json ? MemberJson(response->json, "status") + "\n"
                            : RenderStatus(response->json))
             ? 0
             : 1;
}

}  // namespace sluice::tools
