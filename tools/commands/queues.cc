#include "tools/commands/queues.h"

#include "tools/base/json_text.h"
#include "tools/commands/order_views.h"

namespace sluice::tools {

namespace {

int ShowGroups(const QueuesOptions& options) {
  std::string request = "{";
  AppendJsonField(request, "command", "queues_by");
  AppendJsonField(request, "by", options.by);
  const auto response = CallEngine(options.engine, request + "}");
  if (!response) return response.error();
  if (!Print(options.json ? MemberJson(response->json, "groups") + "\n"
                          : RenderGroups(response->json, options.by)))
    return 1;
  if (HasMore(response->json)) Complain("these are the fullest only");
  return 0;
}

}  // namespace

int ShowQueues(const QueuesOptions& options) {
  if (!options.by.empty()) return ShowGroups(options);
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
