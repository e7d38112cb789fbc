#include "tools/commands/run.h"

#include <cstdio>

#include "config/parser.h"
#include "engine/runtime/engine.h"
#include "tools/commands/engine_call.h"

namespace sluice::tools {

int RunEngine(const RunOptions& options) {
  const auto loaded = config::LoadConfig(options.config);
  if (!loaded) {
    std::fputs(config::FormatProblems(loaded.error()).c_str(), stderr);
    return 2;
  }
  for (const config::Problem& warning : loaded->warnings)
    std::fprintf(stderr, "warning: %s\n", warning.ToString().c_str());
  auto engine = engine::Engine::Open(loaded->config);
  if (!engine) {
    Complain(engine.error().what);
    return 1;
  }
  return (*engine)->Run();
}

}  // namespace sluice::tools
