#include "tools/commands/explain.h"

#include "tools/base/json_text.h"

namespace sluice::tools {

int Explain(const ExplainOptions& options) {
  std::string request = "{";
  AppendJsonField(request, "command", "explain");
  AppendJsonField(request, "what", options.what);
  const auto response = CallEngine(options.engine, request + "}");
  if (!response) return response.error();
  if (!Print(options.json ? WithoutOk(response->json) + "\n" : RenderExplanation(response->json)))
    return 1;
  if (HasMore(response->json)) Complain("there are more: these are the first ones only");
  return 0;
}

}  // namespace sluice::tools
