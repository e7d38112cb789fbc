// config/proxy_passwords.h — the passwords of proxies, which stand in files of their own.

#ifndef SLUICE_CONFIG_PROXY_PASSWORDS_H_
#define SLUICE_CONFIG_PROXY_PASSWORDS_H_

#include <optional>

#include "config/config.h"
#include "config/problem.h"
#include "config/surroundings.h"

namespace sluice::config {

// Reads those of all sources into the configuration. What is wrong with the first that cannot be
// used.
std::optional<Problem> ReadProxyPasswords(Config& config, const Surroundings& machine);

}  // namespace sluice::config

#endif  // SLUICE_CONFIG_PROXY_PASSWORDS_H_
