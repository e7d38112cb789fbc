// Any text is a shaping file or a list of errors, never a crash; whatever it says, the values that
// come of it are within what the engine can work with.

#include <cstdlib>

#include "config/keys_shaping.h"
#include "config/shaping_parser.h"
#include "tests/fuzz/fuzz_target.h"

FUZZ_TARGET(shaping_parse) {
  using namespace sluice::config;
  Config config;
  config.file = "sluice.toml";
  config.sources = {{.name = "m1", .address = {}, .public_address = {}, .ehlo = {}}};
  const auto result = ParseShaping(input, "shaping.toml", config);
  if (!result) {
    if (result.error().empty()) std::abort();
    return;
  }
  const Shaping& shaping = result->shaping;
  const auto look = [&](const ShapingBlock* provider, std::string_view domain) {
    for (const char* source : {"", "m1"}) {
      const Effective values = shaping.Resolve(ShapingBase(config), provider, domain, source);
      for (size_t i = 0; i < values.size(); ++i) {
        const Kind kind = ShapingKeyOf(ShapingKey(i)).kind;
        const auto& value = values[i].value;
        if (!value) continue;
        if (kind == Kind::kCount && value->number < 1) std::abort();
        if (kind == Kind::kRate &&
            (value->rate.count < 1 || value->rate.per.count() < 1 || value->rate.burst < 1))
          std::abort();
        if (kind == Kind::kDurations && value->list.empty()) std::abort();
        if (FormatShapingValue(ShapingKey(i), *value).empty()) std::abort();
      }
    }
  };
  look(nullptr, "");
  for (const ShapingBlock& provider : shaping.providers) look(&provider, "");
  for (const ShapingBlock& domain : shaping.domains) look(nullptr, domain.domains.front());
}
