// engine/submission/authenticator.h — who answers a login, asynchronously.
//
// PURPOSE   One PasswordChecker serves the whole engine (one queue, one cache, one count of
//           failures per address). Its shard uses it directly; other shards use an Authenticator
//           that carries the question over and the answer back.

#ifndef SLUICE_ENGINE_SUBMISSION_AUTHENTICATOR_H_
#define SLUICE_ENGINE_SUBMISSION_AUTHENTICATOR_H_

#include <cstdint>
#include <functional>
#include <string>

#include "engine/base/ip_address.h"
#include "smtp/scram.h"

namespace sluice::engine {

enum class AuthOutcome : uint8_t {
  kGood,
  kWrong,    // 535 5.7.8: unknown user and wrong password alike
  kBusy,     // 454 4.7.0: too many logins wait
  kTooMany,  // 421 4.7.0: too many failures from this address
};

struct AuthQuestion {
  std::string user;
  std::string password;
  IpAddress peer;
};

// What a SCRAM exchange goes on with; only kGood, kBusy or kTooMany.
struct ScramStart {
  AuthOutcome outcome = AuthOutcome::kGood;
  smtp::ScramKeys keys;  // of users that are not there, too: nobody can prove those
  std::string nonce;
};

class Authenticator {
 public:
  virtual ~Authenticator() = default;
  // `done` runs from the caller's loop, never inside this call, exactly once. It may outlive the
  // session that asked: capture handles, not pointers.
  virtual void Check(AuthQuestion question, std::move_only_function<void(AuthOutcome)> done) = 0;
  // SCRAM (password empty): its keys; then, `proven`, how it ended. `done` as above.
  virtual void StartScram(AuthQuestion question,
                          std::move_only_function<void(ScramStart)> done) = 0;
  virtual void EndScram(AuthQuestion question, bool proven,
                        std::move_only_function<void(AuthOutcome)> done) = 0;
};

}  // namespace sluice::engine

#endif  // SLUICE_ENGINE_SUBMISSION_AUTHENTICATOR_H_
