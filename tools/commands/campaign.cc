#include "tools/commands/campaign.h"

#include "tools/base/json_text.h"
#include "tools/commands/order_views.h"

namespace sluice::tools {

int ShowCampaigns(const CampaignOptions& options) {
  std::string request = "{";
  AppendJsonField(request, "command", "campaign");
  if (!options.campaign.empty()) AppendJsonField(request, "campaign", options.campaign);
  if (!options.tenant.empty()) AppendJsonField(request, "tenant", options.tenant);
  const auto response = CallEngine(options.engine, request + "}");
  if (!response) return response.error();
  if (!Print(options.json ? MemberJson(response->json, "campaigns") + "\n"
                          : RenderCampaigns(response->json)))
    return 1;
  if (HasMore(response->json)) Complain("there are more: these are the latest");
  return 0;
}

}  // namespace sluice::tools
