// Any text is a configuration or a list of errors, never a crash; a good one is never half filled.

#include <cstdlib>

#include "config/parser.h"
#include "tests/config/fake_surroundings.h"
#include "tests/fuzz/fuzz_target.h"

FUZZ_TARGET(config_parse) {
  const auto result =
      sluice::config::ParseConfig(input, "sluice.toml", sluice::config::FakeSurroundings());
  if (result) {
    if (result->config.listeners.empty() || result->config.sources.empty() ||
        result->config.pools.empty() || result->config.hostname.empty())
      std::abort();
  } else if (result.error().empty()) {
    std::abort();
  }
}
