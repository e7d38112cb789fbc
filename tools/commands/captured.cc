#include "tools/commands/captured.h"

#include "engine/base/text.h"
#include "tools/base/json_text.h"

namespace sluice::tools {
namespace {

std::string Request(std::string_view command, const std::string& id) {
  std::string out = "{";
  AppendJsonField(out, "command", command);
  AppendJsonField(out, "id", id);
  return out + "}";
}

}  // namespace

int ListCaptured(const CapturedOptions& options) {
  const auto response = CallEngine(options.engine, R"({"command":"captured_list"})");
  if (!response) return response.error();
  if (!Print(options.json ? MemberJson(response->json, "messages") + "\n"
                          : RenderCaptured(response->json)))
    return 1;
  if (HasMore(response->json)) Complain("there are more: these are as many as fit in one answer");
  return 0;
}

int ShowCaptured(const CapturedOptions& options) {
  const auto response = CallEngine(options.engine, Request("captured_show", options.id));
  if (!response) return response.error();
  std::string message;
  if (!Base64Decode(MemberText(response->json, "message"), message)) {
    Complain("the engine's answer holds no message");
    return 1;
  }
  return Print(message) ? 0 : 1;
}

int ReleaseCaptured(const CapturedOptions& options) {
  const auto response = CallEngine(options.engine, Request("captured_release", options.id));
  if (!response) return response.error();
  const std::string n = MemberJson(response->json, "released");
  return Print("released to " + n + (n == "1" ? " recipient\n" : " recipients\n")) ? 0 : 1;
}

}  // namespace sluice::tools
