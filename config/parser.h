// config/parser.h — from the text of sluice.toml to a Config, or to everything that is wrong.
//
// FLOW      document.h (TOML tree) -> reader.h by the table keys.h (types, ranges, unknown keys)
//           -> checks.h (what belongs together) -> Config with all defaults.

#ifndef SLUICE_CONFIG_PARSER_H_
#define SLUICE_CONFIG_PARSER_H_

#include <expected>
#include <string>
#include <string_view>

#include "config/config.h"
#include "config/problem.h"
#include "config/surroundings.h"

namespace sluice::config {

struct Loaded {
  Config config;
  Problems warnings;
};

// All errors at once, in the order of the file. `file` names the text in messages; its folder is
// where relative paths start.
std::expected<Loaded, Problems> ParseConfig(std::string_view text, const std::string& file,
                                            const Surroundings& surroundings);

// Reads the file and checks it against this machine.
std::expected<Loaded, Problems> LoadConfig(const std::string& file, const Surroundings& machine);

}  // namespace sluice::config

#endif  // SLUICE_CONFIG_PARSER_H_
