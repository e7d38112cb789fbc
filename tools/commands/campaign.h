// tools/commands/campaign.h — `sluice campaign [NAME]`: how far campaigns are.

#ifndef SLUICE_TOOLS_COMMANDS_CAMPAIGN_H_
#define SLUICE_TOOLS_COMMANDS_CAMPAIGN_H_

#include <string>

#include "tools/commands/engine_call.h"

namespace sluice::tools {

struct CampaignOptions {
  EngineAddress engine;  // -c, --socket
  std::string campaign;  // NAME; empty: all
  std::string tenant;    // --tenant
  bool json = false;     // --json
};

// Returns the exit status.
int ShowCampaigns(const CampaignOptions& options);

}  // namespace sluice::tools

#endif  // SLUICE_TOOLS_COMMANDS_CAMPAIGN_H_
