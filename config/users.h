// config/users.h — who a login name belongs to.

#ifndef SLUICE_CONFIG_USERS_H_
#define SLUICE_CONFIG_USERS_H_

#include <string_view>

#include "config/config.h"

namespace sluice::config {

// Null: nobody has this name. Names are compared as SASL compares them (engine/base/saslprep.h).
const User* FindUser(const Config& config, std::string_view name);

}  // namespace sluice::config

#endif  // SLUICE_CONFIG_USERS_H_
