// config/source_checks.h — what must hold of sources, the proxies before them, and pools.

#ifndef SLUICE_CONFIG_SOURCE_CHECKS_H_
#define SLUICE_CONFIG_SOURCE_CHECKS_H_

#include "config/config.h"
#include "config/document.h"
#include "config/reader.h"
#include "config/surroundings.h"

namespace sluice::config {

// Tells `reader` what is wrong. A part of CheckConfig.
void CheckSources(Reader& reader, const Value& root, const Surroundings& surroundings,
                  const Config& config);

}  // namespace sluice::config

#endif  // SLUICE_CONFIG_SOURCE_CHECKS_H_
