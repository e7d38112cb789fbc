// engine/runtime/remote_authenticator.h — carries logins to the shard that checks passwords, and
// the answers back.

#ifndef SLUICE_ENGINE_RUNTIME_REMOTE_AUTHENTICATOR_H_
#define SLUICE_ENGINE_RUNTIME_REMOTE_AUTHENTICATOR_H_

#include <cstdint>
#include <utility>

#include "engine/shard/switchboard.h"
#include "engine/submission/authenticator.h"

namespace sluice::engine {

class RemoteAuthenticator final : public Authenticator {
 public:
  // `here` and `there` are the switchboards of this shard and of the checker's, shard `home`.
  RemoteAuthenticator(uint32_t shard, Switchboard& here, uint32_t home, Switchboard& there,
                      Authenticator& checker)
      : shard_(shard), here_(here), home_(home), there_(there), checker_(checker) {}

  void Check(AuthQuestion question, std::move_only_function<void(AuthOutcome)> done) override {
    here_.Send(home_, [this, question = std::move(question), done = std::move(done)]() mutable {
      checker_.Check(std::move(question), [this, done = std::move(done)](AuthOutcome out) mutable {
        there_.Send(shard_, [out, done = std::move(done)]() mutable { done(out); });
      });
    });
  }

  void StartScram(AuthQuestion question, std::move_only_function<void(ScramStart)> done) override {
    here_.Send(home_, [this, question = std::move(question), done = std::move(done)]() mutable {
      checker_.StartScram(
          std::move(question), [this, done = std::move(done)](ScramStart out) mutable {
            there_.Send(shard_, [out = std::move(out), done = std::move(done)]() mutable {
              done(std::move(out));
            });
          });
    });
  }

  void EndScram(AuthQuestion question, bool proven,
                std::move_only_function<void(AuthOutcome)> done) override {
    here_.Send(
        home_, [this, question = std::move(question), proven, done = std::move(done)]() mutable {
          checker_.EndScram(
              std::move(question), proven, [this, done = std::move(done)](AuthOutcome out) mutable {
                there_.Send(shard_, [out, done = std::move(done)]() mutable { done(out); });
              });
        });
  }

 private:
  const uint32_t shard_;
  Switchboard& here_;
  const uint32_t home_;
  Switchboard& there_;
  Authenticator& checker_;
};

}  // namespace sluice::engine

#endif  // SLUICE_ENGINE_RUNTIME_REMOTE_AUTHENTICATOR_H_
