// config/source_text.h — what the parsers of all our files share: reading one, its TOML, the order
// of what is wrong with it.

#ifndef SLUICE_CONFIG_SOURCE_TEXT_H_
#define SLUICE_CONFIG_SOURCE_TEXT_H_

#include <expected>
#include <string>
#include <string_view>

#include "config/document.h"
#include "config/problem.h"
#include "config/surroundings.h"

namespace sluice::config {

// `what` completes "cannot read ...".
std::expected<std::string, Problem> ReadWhole(const std::string& file, std::string_view what,
                                              const Surroundings& machine);

// `file` names the text in the error.
std::expected<Value, Problem> ParseTomlOf(std::string_view text, const std::string& file);

void InFileOrder(Problems& problems);

}  // namespace sluice::config

#endif  // SLUICE_CONFIG_SOURCE_TEXT_H_
