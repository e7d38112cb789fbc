// config/reference.h — docs/configuration.md, made from the table of keys.

#ifndef SLUICE_CONFIG_REFERENCE_H_
#define SLUICE_CONFIG_REFERENCE_H_

#include <string>

namespace sluice::config {

// The whole page, in Markdown.
std::string MakeReference();

}  // namespace sluice::config

#endif  // SLUICE_CONFIG_REFERENCE_H_
