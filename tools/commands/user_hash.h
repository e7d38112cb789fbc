// tools/commands/user_hash.h — `sluice user hash`: a password in, its argon2id or SCRAM string out,
// for [[user]] password.

#ifndef SLUICE_TOOLS_COMMANDS_USER_HASH_H_
#define SLUICE_TOOLS_COMMANDS_USER_HASH_H_

#include <cstddef>
#include <string>
#include <string_view>

#include "engine/base/error.h"

namespace sluice::tools {

// A longer one might be set and never used: it must fit, with a name, into one AUTH command of
// 4,096 octets of base64.
inline constexpr size_t kPasswordMax = 1024;

struct UserHashOptions {
  bool scram = false;  // the string for SCRAM-SHA-256, which serves PLAIN and LOGIN too
};

// Reads the password from standard input, prints exactly one line. Returns the exit status.
int HashUserPassword(const UserHashOptions& options);

// `input` without one line end, LF or CR LF; kInvalid: empty, or too long.
Result<std::string> PasswordOf(std::string_view input);

}  // namespace sluice::tools

#endif  // SLUICE_TOOLS_COMMANDS_USER_HASH_H_
