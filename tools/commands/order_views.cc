#include "tools/commands/order_views.h"

#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "tools/commands/json_fields.h"
#include "tools/commands/table.h"
#include "tools/commands/views.h"

namespace sluice::tools {

std::string RenderGroups(const std::string& json, std::string_view by) {
  const Json parsed = Parse(json);
  const Json& groups = Member(parsed, "groups");
  if (!groups.is_array() || groups.empty()) return "Nothing waits.\n";
  std::string title(by);
  for (char& c : title) c = c >= 'a' && c <= 'z' ? char(c - 'a' + 'A') : c;
  constexpr auto kRight = Table::Align::kRight;
  Table table({{std::move(title)},
               {"WAITING", kRight},
               {"SENDING", kRight},
               {"LANES", kRight},
               {"CONNECTIONS", kRight},
               {"WHY THE FULLEST LANE WAITS"}});
  for (const Json& group : groups) {
    const std::string name = Text(group, "name");
    table.AddRow({name.empty() ? "-" : name, CountOrNone(group, "waiting"),
                  CountOrNone(group, "in_flight"), CountOrNone(group, "lanes"),
                  CountOrNone(group, "connections"), by == "reason" ? "" : Text(group, "reason")});
  }
  return table.ToString();
}

std::string RenderCampaigns(const std::string& json) {
  const Json parsed = Parse(json);
  const Json& campaigns = Member(parsed, "campaigns");
  if (!campaigns.is_array() || campaigns.empty()) return "No campaigns.\n";
  constexpr auto kRight = Table::Align::kRight;
  Table table({{"TENANT"},
               {"CAMPAIGN"},
               {"ACCEPTED", kRight},
               {"WAITING", kRight},
               {"DELIVERED", kRight},
               {"DEFERRALS", kRight},
               {"BOUNCED", kRight},
               {"EXPIRED", kRight},
               {"CANCELLED", kRight},
               {"AN HOUR", kRight},
               {"ENDS ABOUT"}});
  for (const Json& one : campaigns) {
    std::vector<std::string> cells = {Text(one, "tenant"), Text(one, "campaign")};
    for (const char* key : {"accepted", "waiting", "delivered", "deferrals", "bounced", "expired",
                            "cancelled", "per_hour"}) {
      cells.push_back(CountOrNone(one, key));
    }
    cells.push_back(ShortTime(Text(one, "estimated_end")));
    table.AddRow(std::move(cells));
  }
  return table.ToString();
}

std::string RenderOrders(const std::string& json) {
  const Json parsed = Parse(json);
  const Json& orders = Member(parsed, "orders");
  if (!orders.is_array() || orders.empty()) return "No orders.\n";
  Table table({{"ORDER", Table::Align::kRight},
               {"WHAT"},
               {"OF"},
               {"NAME"},
               {"STATE"},
               {"RECIPIENTS", Table::Align::kRight},
               {"UNTIL"},
               {"GIVEN"},
               {"BY"},
               {"WHY"}});
  for (const Json& order : orders) {
    std::string name = Text(order, "name");
    if (!Text(order, "source").empty()) name = Text(order, "source") + " > " + name;
    if (!Text(order, "tenant").empty()) name += " of " + Text(order, "tenant");
    const std::string value = Text(order, "value");
    table.AddRow({std::to_string(Number(order, "id")),
                  Text(order, "order") + (value.empty() ? "" : " " + value), Text(order, "scope"),
                  std::move(name), Text(order, "state"), CountOrNone(order, "recipients"),
                  ShortTime(Text(order, "until")), ShortTime(Text(order, "given")),
                  Text(order, "by"), Text(order, "why")});
  }
  return table.ToString();
}

std::optional<OrderView> FindOrder(const std::string& json, std::string_view id) {
  const Json parsed = Parse(json);
  const Json& orders = Member(parsed, "orders");
  if (!orders.is_array()) return std::nullopt;
  for (const Json& order : orders)
    if (std::to_string(Number(order, "id")) == id)
      return OrderView{Text(order, "state") == "done", Number(order, "recipients"), Dump(order)};
  return std::nullopt;
}

}  // namespace sluice::tools
