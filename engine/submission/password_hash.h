// engine/submission/password_hash.h — argon2id and SCRAM strings: make one, check one. The only
// user of libargon2.
//
// THREADS   Free functions without state. Each call takes about 20 ms and kMemoryKiB of memory:
//           never on a loop.

#ifndef SLUICE_ENGINE_SUBMISSION_PASSWORD_HASH_H_
#define SLUICE_ENGINE_SUBMISSION_PASSWORD_HASH_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "engine/base/error.h"

namespace sluice::engine {

// OWASP's second choice for argon2id, which design part 5 names.
inline constexpr uint32_t kArgonMemoryKiB = 19 * 1024;
inline constexpr uint32_t kArgonPasses = 2;
inline constexpr uint32_t kArgonLanes = 1;

// "$argon2id$v=19$m=19456,t=2,p=1$salt$hash" with a salt from the system's secure dice.
Result<std::string> HashPassword(std::string_view password);

// "SCRAM-SHA-256$16384:salt$stored:server", which serves SCRAM and, checked here, PLAIN and LOGIN.
// kInvalid: no SCRAM client could send this password.
Result<std::string> HashScramPassword(std::string_view password);

// False for a wrong password and for anything that is neither kind of string.
bool VerifyPassword(std::string_view hash, std::string_view password);

// Is this a string VerifyPassword can work with? kInvalid says what is wrong.
Status CheckPasswordHash(std::string_view hash);

}  // namespace sluice::engine

#endif  // SLUICE_ENGINE_SUBMISSION_PASSWORD_HASH_H_
