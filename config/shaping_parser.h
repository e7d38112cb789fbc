// config/shaping_parser.h — from the text of shaping.toml to a Shaping, or to everything that is
// wrong with it.
//
// FLOW      document.h (TOML tree) -> reader.h by the table keys_shaping.h -> shaping_checks.h
//           (what belongs together) -> Shaping.
// TESTS     tests/config/shaping_parser_test.cc, tests/fuzz/fuzz_shaping_parse.cc

#ifndef SLUICE_CONFIG_SHAPING_PARSER_H_
#define SLUICE_CONFIG_SHAPING_PARSER_H_

#include <expected>
#include <string>
#include <string_view>

#include "config/config.h"
#include "config/problem.h"
#include "config/shaping.h"
#include "config/surroundings.h"

namespace sluice::config {

struct LoadedShaping {
  Shaping shaping;
  Problems warnings;
};

// All errors at once, in the order of the file. `file` names the text in messages; `config` has the
// sources and the values that the file's are measured against.
std::expected<LoadedShaping, Problems> ParseShaping(std::string_view text, const std::string& file,
                                                    const Config& config);

// The file that `config` names, else the built-in one.
std::expected<LoadedShaping, Problems> LoadShaping(const Config& config,
                                                   const Surroundings& machine);

// The shipped config/shaping.toml, as it was when this program was built.
std::string_view BuiltInShaping();
// What it is called in messages.
inline constexpr const char* kBuiltInShapingFile = "built-in shaping.toml";

}  // namespace sluice::config

#endif  // SLUICE_CONFIG_SHAPING_PARSER_H_
