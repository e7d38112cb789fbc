#include "config/users.h"

#include <algorithm>
#include <string>

#include "engine/base/saslprep.h"
#include "engine/base/text.h"

namespace sluice::config {
namespace {

// Without a copy for the many that are plain.
bool IsNamed(const User& user, const std::string& asked) {
  return IsAscii(user.name) ? user.name == asked : SaslName(user.name) == asked;
}

}  // namespace

const User* FindUser(const Config& config, std::string_view name) {
  if (name.empty()) return nullptr;
  const std::string asked = SaslName(name);
  const auto found =
      std::ranges::find_if(config.users, [&](const User& user) { return IsNamed(user, asked); });
  return found == config.users.end() ? nullptr : &*found;
}

}  // namespace sluice::config
