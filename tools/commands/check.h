// tools/commands/check.h — `sluice check [-c FILE]`: everything that is wrong with a configuration.

#ifndef SLUICE_TOOLS_COMMANDS_CHECK_H_
#define SLUICE_TOOLS_COMMANDS_CHECK_H_

#include <string>

#include "config/config.h"
#include "config/problem.h"

namespace sluice::tools {

struct CheckOptions {
  std::string config;              // -c FILE; empty: the usual one
  bool reference = false;          // --reference: print docs/configuration.md instead
  bool shaping_reference = false;  // --shaping-reference: the tables of docs/shaping.md
};

// Returns the exit status: 2 when `sluice run` would refuse it.
int CheckConfig(const CheckOptions& options);

// What only loading shows: certificates and keys that are damaged or do not belong together; those
// that are out of date or never shown.
struct CertificateFindings {
  config::Problems errors;
  config::Problems warnings;
};
CertificateFindings LookAtCertificates(const config::Config& config);
// Of those the errors.
config::Problems CheckCertificates(const config::Config& config);

// Those of `bind` that no interface of this machine has: `sluice run` could not open them.
config::Problems CheckAddresses(const config::Config& config);

// "ok: sluice.toml: 3 listeners (587, 465), 1 user, 2 routes".
std::string Summarise(const config::Config& config);

}  // namespace sluice::tools

#endif  // SLUICE_TOOLS_COMMANDS_CHECK_H_
