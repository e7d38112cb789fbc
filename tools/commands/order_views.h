// tools/commands/order_views.h — orders, and sums of what waits, drawn for people (views.h).

#ifndef SLUICE_TOOLS_COMMANDS_ORDER_VIEWS_H_
#define SLUICE_TOOLS_COMMANDS_ORDER_VIEWS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sluice::tools {

// Of `queues --by`: what they are groups of.
std::string RenderGroups(const std::string& json, std::string_view by);
std::string RenderCampaigns(const std::string& json);
std::string RenderOrders(const std::string& json);
// One of the `orders`.
struct OrderView {
  bool done = false;
  int64_t recipients = 0;
  std::string json;  // all of it
};
std::optional<OrderView> FindOrder(const std::string& json, std::string_view id);

}  // namespace sluice::tools

#endif  // SLUICE_TOOLS_COMMANDS_ORDER_VIEWS_H_
