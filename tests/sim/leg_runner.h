// tests/sim/leg_runner.h — runs a piece of work in legs, with other things in between.
//
// PURPOSE   What a thread of the engine does in one call, a reader's answer for instance, goes on
//           while others act. The simulator has one thread of its own for such work and lets it run
//           only up to its next Pause; so the order stays a matter of the seed.
// THREADS   Never two at once: each side waits while the other runs.

#ifndef SLUICE_TESTS_SIM_LEG_RUNNER_H_
#define SLUICE_TESTS_SIM_LEG_RUNNER_H_

#include <functional>
#include <semaphore>
#include <thread>
#include <utility>

#include "engine/base/check.h"

namespace sluice::sim {

class LegRunner {
 public:
  LegRunner() : thread_([this] { Loop(); }) {}
  ~LegRunner() {
    CHECK(!running());
    go_.release();
    thread_.join();
  }
  LegRunner(const LegRunner&) = delete;
  LegRunner& operator=(const LegRunner&) = delete;

  // Runs `work` up to its first pause, or to its end.
  void Start(std::function<void()> work) {
    CHECK(!running());
    work_ = std::move(work);
    Resume();
  }
  bool running() const { return work_ != nullptr; }
  void Resume() {
    CHECK(running());
    go_.release();
    back_.acquire();
  }
  // To its end, without a pause.
  void Finish() {
    finishing_ = true;
    while (running()) Resume();
    finishing_ = false;
  }
  // From within the work.
  void Pause() {
    if (!running() || finishing_) return;
    back_.release();
    go_.acquire();
  }

 private:
  void Loop() {
    for (go_.acquire(); running(); go_.acquire()) {
      work_();
      work_ = nullptr;
      back_.release();
    }
  }

  std::function<void()> work_;
  bool finishing_ = false;
  std::binary_semaphore go_{0};
  std::binary_semaphore back_{0};
  std::thread thread_;
};

}  // namespace sluice::sim

#endif  // SLUICE_TESTS_SIM_LEG_RUNNER_H_
