// config/reference.h — docs/configuration.md and the tables of docs/shaping.md, made from the
// tables of keys.

#ifndef SLUICE_CONFIG_REFERENCE_H_
#define SLUICE_CONFIG_REFERENCE_H_

#include <string>

namespace sluice::config {

// The whole page, in Markdown.
std::string MakeReference();

// The tables of keys of shaping.toml, for docs/shaping.md.
std::string MakeShapingReference();

}  // namespace sluice::config

#endif  // SLUICE_CONFIG_REFERENCE_H_
