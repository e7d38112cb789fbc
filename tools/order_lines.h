// tools/order_lines.h — the command lines of `sluice cancel`, `retry`, `pause`, `rate`, `reroute`,
// `resume`, `orders`, `suspensions`, `lift`, `warmup` and `campaign`.

#ifndef SLUICE_TOOLS_ORDER_LINES_H_
#define SLUICE_TOOLS_ORDER_LINES_H_

#include "tools/command_line.h"

namespace CLI {
class App;
}

namespace sluice::tools {

void AddOrders(CLI::App& app, Action& action);
void AddSuspensions(CLI::App& app, Action& action);
void AddWarmup(CLI::App& app, Action& action);
void AddCampaign(CLI::App& app, Action& action);

}  // namespace sluice::tools

#endif  // SLUICE_TOOLS_ORDER_LINES_H_
