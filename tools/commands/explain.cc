#include "tools/commands/explain.h"

#include "tools/base/json_text.h"

namespace sluice::tools {

int Explain(const ExplainOptions& options) {
  std::string request = "{";
  AppendJsonField(request, "command", "explain");
  AppendJsonField(request, "what", options.what);
  const auto response = CallEngine(options.engine, request + "}");
  if (!response) return response.error();
  return Print(options.json ? WithoutOk(response->json) + "\n" : RenderExplanation(response->json))
             ? 0
             : 1;
}

}  // namespace sluice::tools
