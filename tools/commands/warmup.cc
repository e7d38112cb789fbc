#include "tools/commands/warmup.h"

#include <nlohmann/json.hpp>
#include <string_view>

#include "tools/base/json_text.h"
#include "tools/commands/table.h"
#include "tools/commands/views.h"

namespace sluice::tools {
namespace {

using Json = nlohmann::json;

// What is missing or of another kind reads as nothing.
std::string Text(const Json& json, std::string_view key) {
  const auto found = json.find(key);
  if (found == json.end()) return {};
  return found->is_string() ? found->get<std::string>() : found->dump();
}

int List(const WarmupOptions& options) {
  const auto response = CallEngine(options.engine, R"({"command":"warmup"})");
  if (!response) return response.error();
  return Print(options.json ? MemberJson(response->json, "warmups") + "\n"
                            : RenderWarmups(response->json))
             ? 0
             : 1;
}

}  // namespace

std::string RenderWarmups(const std::string& json) {
  const Json warmups = Json::parse(MemberJson(json, "warmups"), nullptr, false);
  if (!warmups.is_array() || warmups.empty()) return "No source is in warm-up.\n";
  Table table({{"SOURCE"},
               {"PROVIDER"},
               {"STATE"},
               {"DAY", Table::Align::kRight},
               {"PLAN", Table::Align::kRight},
               {"GIVEN", Table::Align::kRight},
               {"DEFERRED", Table::Align::kRight},
               {"BOUNCED", Table::Align::kRight},
               {"OVER"},
               {"LAST DAY"}});
  for (const Json& one : warmups) {
    if (!one.is_object()) continue;
    table.AddRow({Text(one, "source"), Text(one, "provider"), Text(one, "state"),
                  Text(one, "day") + "/" + Text(one, "days"), Text(one, "planned"),
                  Text(one, "given"), Text(one, "deferred"), Text(one, "bounced"),
                  Text(one, "overflow"), Text(one, "last")});
  }
  return table.ToString();
}

int Warmup(const WarmupOptions& options) {
  if (options.action == "list") return List(options);
  if (options.source.empty()) {
    Complain("write whose warm-up: sluice warmup " + options.action + " SOURCE [PROVIDER]");
    return 2;
  }
  std::string request = "{";
  AppendJsonField(request, "command", "warmup_order");
  AppendJsonField(request, "order", options.action);
  AppendJsonField(request, "source", options.source);
  if (!options.provider.empty()) AppendJsonField(request, "provider", options.provider);
  const auto response = CallEngine(options.engine, request + "}");
  if (!response) return response.error();
  const std::string paths = MemberJson(response->json, "paths");
  if (options.json) return Print(WithoutOk(response->json) + "\n") ? 0 : 1;
  const std::string_view done = options.action == "pause"    ? "paused"
                                : options.action == "resume" ? "resumed"
                                                             : "begun anew";
  return Print(std::string(done) + " at " + paths + (paths == "1" ? " provider\n" : " providers\n"))
             ? 0
             : 1;
}

}  // namespace sluice::tools
