// config/zone.h — the time zone that is named, from the files of this machine.

#ifndef SLUICE_CONFIG_ZONE_H_
#define SLUICE_CONFIG_ZONE_H_

#include "config/config.h"
#include "config/reader.h"
#include "config/syntax.h"

namespace sluice::config {

// Fills in `config.zone` by `config.timezone`; an unknown name is an error at its place in `root`.
void LoadZone(Reader& reader, const Value& root, Config& config);

}  // namespace sluice::config

#endif  // SLUICE_CONFIG_ZONE_H_
