#include "tools/commands/run.h"

#include <cstdio>

#include "config/parser.h"
#include "engine/log/log.h"
#include "engine/runtime/engine.h"
#include "engine/signing/key_store.h"
#include "tools/commands/engine_call.h"

namespace sluice::tools {
namespace {

int Serve(const config::Config& config) {
  auto engine = engine::Engine::Open(config);
  if (!engine) {
    Complain(engine.error().what);
    return 1;
  }
  return (*engine)->Run();
}

}  // namespace

int RunEngine(const RunOptions& options) {
  engine::KeyStore keys;
  const auto loaded = config::LoadConfig(options.config, engine::SigningSurroundings(keys));
  if (!loaded) {
    std::fputs(config::FormatProblems(loaded.error()).c_str(), stderr);
    return 2;
  }
  for (const config::Problem& warning : loaded->warnings)
    std::fprintf(stderr, "warning: %s\n", warning.ToString().c_str());
  engine::StartLog(engine::LogLevelOf(loaded->config.log.level));
  const int status = Serve(loaded->config);
  engine::StopLog();
  return status;
}

}  // namespace sluice::tools
