// engine/submission/password_checker.h — the one place where passwords are checked.
//
// PURPOSE   Answers logins from a cache of verified ones, else by argon2 on the password worker,
//           one at a time; slows and stops addresses that guess.
// NOT HERE  Threads (Workers), the hash itself (password_hash.h), the count of failures
//           (login_guard.h), SASL (smtp/server_session.h).
// FLOW      Check -> guard (1 s delay, or kTooMany) -> cache -> same attempt already waiting: join
//           it -> queue of kWaitingMax -> worker -> cache, guard, answers.
// THREADS   Confined to the loop that made it. Only VerifyPassword runs on the worker.
// PROMISE   An unknown user costs one computation as a known one does; a cache hit waits for
//           nobody; the cache holds HMACs under a key of this run, never passwords.
// LIFETIME  Outlives its jobs: the engine stops the worker first.

#ifndef SLUICE_ENGINE_SUBMISSION_PASSWORD_CHECKER_H_
#define SLUICE_ENGINE_SUBMISSION_PASSWORD_CHECKER_H_

#include <array>
#include <cstdint>
#include <deque>
#include <functional>
#include <list>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "config/config.h"
#include "engine/base/time.h"
#include "engine/base/timer_queue.h"
#include "engine/base/workers.h"
#include "engine/submission/authenticator.h"
#include "engine/submission/failed_logins.h"
#include "engine/submission/login_guard.h"

namespace sluice::engine {

class PasswordChecker final : public Authenticator {
 public:
  // Different attempts that may wait for the worker; more are answered kBusy (design part 5).
  static constexpr size_t kWaitingMax = 64;
  // Askers that may share one computation.
  static constexpr size_t kSharersMax = 1024;
  static constexpr Duration kCacheFor = std::chrono::minutes(10);
  static constexpr size_t kCacheMax = 10'000;

  struct Counters {
    uint64_t good = 0;
    uint64_t wrong = 0;
    uint64_t busy = 0;
    uint64_t too_many = 0;
    uint64_t cache_hits = 0;
    uint64_t computed = 0;  // argon2 runs
    uint64_t delayed = 0;
  };

  // All outlive this.
  PasswordChecker(const Clock& clock, TimerQueue& timers, Workers& workers,
                  std::shared_ptr<const config::Config> config);
  ~PasswordChecker() override;
  PasswordChecker(const PasswordChecker&) = delete;
  PasswordChecker& operator=(const PasswordChecker&) = delete;

  void Check(AuthQuestion question, std::move_only_function<void(AuthOutcome)> done) override;
  void StartScram(AuthQuestion question, std::move_only_function<void(ScramStart)> done) override;
  void EndScram(AuthQuestion question, bool proven,
                std::move_only_function<void(AuthOutcome)> done) override;
  // New users and passwords count from now on; the cache is dropped.
  void Reload(std::shared_ptr<const config::Config> config);

  const Counters& counters() const { return counters_; }
  size_t waiting() const { return waiting_.size(); }

 private:
  using DoneFn = std::move_only_function<void(AuthOutcome)>;
  using Digest = std::array<uint8_t, 32>;
  struct DigestHash {
    size_t operator()(const Digest& digest) const;
  };
  struct Asker {
    IpAddress peer;
    DoneFn done;
  };
  struct Attempt {
    Digest digest;
    uint64_t generation;  // of the configuration it began under
    AuthQuestion question;
    std::vector<std::string> hashes;
    bool known = false;  // the user exists
    bool good = false;   // written by the worker
    std::vector<Asker> askers;
  };
  using Action = std::move_only_function<void()>;
  struct Delayed {
    Instant when;
    Action go;
  };

  Digest DigestOf(const AuthQuestion& question) const;
  bool Cached(const Digest& digest);
  void Remember(const Digest& digest);
  void Ask(AuthQuestion question, DoneFn done);
  void AddAttempt(const Digest& digest, AuthQuestion question);
  void StartNext();
  void OnComputed();
  void Finish(Attempt& attempt);
  // What is known of the users' passwords at a whole.
  void LookAtUsers();
  smtp::ScramKeys ScramKeysOf(const std::string& user) const;
  void Note(std::string_view user, const IpAddress& peer, bool good);
  // From the loop, not within the call that asked.
  void Answer(AuthOutcome outcome, DoneFn done);
  void Later(Action action);
  void OnTimer();
  void SetTimer();

  // Borrowed.
  const Clock& clock_;
  Workers& workers_;
  // Owned.
  std::shared_ptr<const config::Config> config_;
  uint64_t generation_ = 1;
  std::array<uint8_t, 32> key_{};  // of this run
  bool scram_used_ = false;        // some user has SCRAM keys
  uint32_t scram_iterations_ = 0;  // of those
  std::string nobodys_seed_;       // the same after a restart with the same users
  LoginGuard guard_;
  FailedLogins failed_;
  std::unordered_map<Digest, Instant, DigestHash> cache_;  // -> until when
  std::deque<Digest> cache_order_;                         // oldest first
  std::list<Attempt> waiting_;  // the front is with the worker while running_
  bool running_ = false;
  std::vector<Action> answers_;
  std::deque<Delayed> delayed_;  // each by the same delay: soonest first
  Timer timer_;
  Counters counters_;
};

}  // namespace sluice::engine

#endif  // SLUICE_ENGINE_SUBMISSION_PASSWORD_CHECKER_H_
