#include "tools/commands/suspensions.h"

#include <nlohmann/json.hpp>
#include <utility>

#include "tools/base/json_text.h"
#include "tools/commands/json_fields.h"
#include "tools/commands/table.h"
#include "tools/commands/views.h"

namespace sluice::tools {
namespace {

std::string Render(const std::string& response) {
  const Json list = Parse(MemberJson(response, "suspensions"));
  if (!list.is_array() || list.empty()) return "nothing is suspended or slowed down\n";
  Table table({{"kind"}, {"what"}, {"since what"}});
  for (const Json& one : list)
    if (one.is_object()) table.AddRow({Text(one, "kind"), Text(one, "key"), SuspensionNote(one)});
  return table.ToString();
}

}  // namespace

// What a path has learnt has no end.
std::string SuspensionNote(const Json& suspension) {
  const std::string until = Text(suspension, "until");
  const std::string reason = Text(suspension, "reason");
  if (until.empty()) return reason;
  const std::string kind = Text(suspension, "kind");
  const int64_t number = Number(suspension, "failures");
  std::string out = "until " + ShortTime(until);
  if (kind == "connections" || kind == "messages_per_connection") {
    out += ", at most " + std::to_string(number);
  } else if (number > 0) {
    out += " after " + Counted(uint64_t(number), "failure");
  }
  return out + ": " + reason;
}

int ShowSuspensions(const SuspensionOptions& options) {
  const auto response = CallEngine(options.engine, R"({"command":"suspensions"})");
  if (!response) return response.error();
  if (!Print(options.json ? MemberJson(response->json, "suspensions") + "\n"
                          : Render(response->json)))
    return 1;
  if (HasMore(response->json)) Complain("these are those that end soonest only");
  return 0;
}

int Lift(const SuspensionOptions& options) {
  std::string request = "{";
  AppendJsonField(request, "command", "lift");
  AppendJsonField(request, "key", options.key);
  if (!options.kind.empty()) AppendJsonField(request, "kind", options.kind);
  const auto response = CallEngine(options.engine, request + "}");
  if (!response) return response.error();
  return Print(options.key + " may go again, until it is refused anew\n") ? 0 : 1;
}

}  // namespace sluice::tools
