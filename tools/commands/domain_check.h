// tools/commands/domain_check.h — `sluice domain check [DOMAIN]`: looks up what must be published
// and says what is right, missing or wrong, without the engine.

#ifndef SLUICE_TOOLS_COMMANDS_DOMAIN_CHECK_H_
#define SLUICE_TOOLS_COMMANDS_DOMAIN_CHECK_H_

#include "tools/commands/domain_options.h"

namespace sluice::tools {

// Returns the exit status: 0 when all is right.
int CheckDomains(const DomainOptions& options);

// `sluice domain list`: the states that the running engine keeps.
int ListDomains(const DomainOptions& options);

}  // namespace sluice::tools

#endif  // SLUICE_TOOLS_COMMANDS_DOMAIN_CHECK_H_
