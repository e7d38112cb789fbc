// config/domain_checks.h — what must hold of sending domains, their keys, and tenants.

#ifndef SLUICE_CONFIG_DOMAIN_CHECKS_H_
#define SLUICE_CONFIG_DOMAIN_CHECKS_H_

#include "config/config.h"
#include "config/document.h"
#include "config/reader.h"
#include "config/surroundings.h"

namespace sluice::config {

// Tells `reader` what is wrong. A part of CheckConfig.
void CheckDomains(Reader& reader, const Value& root, const Surroundings& surroundings,
                  const Config& config);

}  // namespace sluice::config

#endif  // SLUICE_CONFIG_DOMAIN_CHECKS_H_
