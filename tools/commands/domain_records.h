// tools/commands/domain_records.h — `sluice domain records DOMAIN`: what must be published for it.

#ifndef SLUICE_TOOLS_COMMANDS_DOMAIN_RECORDS_H_
#define SLUICE_TOOLS_COMMANDS_DOMAIN_RECORDS_H_

#include <optional>
#include <string>

#include "config/config.h"
#include "tools/commands/domain_options.h"

namespace sluice::tools {

// Returns the exit status.
int ShowDomainRecords(const DomainOptions& options);

// The same of a configuration that is read already.
int PrintRecords(const config::Config& config, const std::string& domain,
                 const RecordFormat& format);

std::string ConfigFile(const EngineAddress& address);
// None: what is wrong with it is on standard error.
std::optional<config::Config> LoadOrComplain(const std::string& file);
// Null, with a complaint, when there is no such [[domain]].
const config::Domain* FindDomain(const config::Config& config, const std::string& name);

}  // namespace sluice::tools

#endif  // SLUICE_TOOLS_COMMANDS_DOMAIN_RECORDS_H_
