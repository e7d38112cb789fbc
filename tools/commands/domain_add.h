// tools/commands/domain_add.h — `sluice domain add DOMAIN`: keys, configuration, records to
// publish.
//
// PURPOSE   Makes the keys, adds a [[domain]] to the configuration file and prints what must be
//           published. Either all of it is done or nothing: keys that were made go again when the
//           configuration cannot take the domain. A key file that is there is never overwritten.

#ifndef SLUICE_TOOLS_COMMANDS_DOMAIN_ADD_H_
#define SLUICE_TOOLS_COMMANDS_DOMAIN_ADD_H_

#include "tools/commands/domain_options.h"

namespace sluice::tools {

// Returns the exit status: 2 when the command line or the configuration is wrong, 1 when the domain
// cannot be added.
int AddDomain(const DomainOptions& options);

}  // namespace sluice::tools

#endif  // SLUICE_TOOLS_COMMANDS_DOMAIN_ADD_H_
