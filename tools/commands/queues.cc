#include "tools/commands/queues.h"

#include "tools/base/json_text.h"

namespace sluice::tools {

int ShowQueues(const QueuesOptions& options) {
  std::string request = "{";
  AppendJsonField(request, "command", "queues");
  if (!options.domain.empty()) AppendJsonField(request, "domain", options.domain);
  const auto response = CallEngine(options.engine, request + "}");
  if (!response) return response.error();
  if (!Print(options.json ? MemberJson(response->json, "lanes") + "\n"
                          : RenderLanes(response->json)))
    return 1;
  if (HasMore(response->json))
    Complain("these are the fullest lanes only; `sluice queues DOMAIN` shows those of a domain");
  return 0;
}

}  // namespace sluice::tools
