// config/shaping_checks.h — what must fit together in a shaping file.
//
// PURPOSE   The reader knows one value at a time; here stand the rules about several: names that
//           must exist and be there once, limits that can never be reached. Errors refuse the file,
//           warnings are told.

#ifndef SLUICE_CONFIG_SHAPING_CHECKS_H_
#define SLUICE_CONFIG_SHAPING_CHECKS_H_

#include "config/config.h"
#include "config/reader.h"
#include "config/shaping.h"

namespace sluice::config {

void CheckShaping(Reader& reader, const Shaping& shaping, const Config& config);

}  // namespace sluice::config

#endif  // SLUICE_CONFIG_SHAPING_CHECKS_H_
