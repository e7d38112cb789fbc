// config/checks.h — what must fit together across keys, and what the machine must have.
//
// PURPOSE   The reader knows one value at a time; here stand the rules about several: names that
//           must exist, files that must be there, TLS that must be possible. Errors stop the start,
//           warnings are told and it starts.

#ifndef SLUICE_CONFIG_CHECKS_H_
#define SLUICE_CONFIG_CHECKS_H_

#include "config/config.h"
#include "config/document.h"
#include "config/reader.h"
#include "config/surroundings.h"

namespace sluice::config {

// The default source and pool, EHLO names, tenants, uids of local users. Works on half-right
// configurations too.
void FillDefaults(Config& config, const Surroundings& surroundings);

// Does all mail stay in private networks (tests, relays)? Then sources may be private too.
bool StaysPrivate(const Config& config);

// `root` tells where everything stands.
void CheckConfig(Reader& reader, const Value& root, const Surroundings& surroundings,
                 const Config& config);

}  // namespace sluice::config

#endif  // SLUICE_CONFIG_CHECKS_H_
