// config/path_checks.h — what already lies where the queue, the event log and the sockets should be.

#ifndef SLUICE_CONFIG_PATH_CHECKS_H_
#define SLUICE_CONFIG_PATH_CHECKS_H_

#include "config/config.h"
#include "config/document.h"
#include "config/reader.h"
#include "config/surroundings.h"

namespace sluice::config {

// Tells `reader` what is wrong. `root` is the document that `config` was read from.
void CheckPaths(Reader& reader, const Value& root, const Surroundings& surroundings,
                const Config& config);

}  // namespace sluice::config

#endif  // SLUICE_CONFIG_PATH_CHECKS_H_
