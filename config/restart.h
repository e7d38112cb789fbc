// config/restart.h — what a reload cannot bring into force.
//
// PURPOSE   A reload must not let the operator believe in a change that waits for a restart.
// TESTS     tests/config/restart_test.cc

#ifndef SLUICE_CONFIG_RESTART_H_
#define SLUICE_CONFIG_RESTART_H_

#include <string>

#include "config/config.h"

namespace sluice::config {

// The keys that differ and are only read at the start: "queue, dns.servers", and the listeners that
// were added or removed: "listener 127.0.0.1:588 (is not opened)". Empty: none.
std::string NeedsRestart(const Config& in_force, const Config& read);

}  // namespace sluice::config

#endif  // SLUICE_CONFIG_RESTART_H_
