// tests/sim/sim_world.h — virtual time, one event queue, one seed: same seed, same run.
//
// PURPOSE   Everything simulated happens in Step(): the earliest of what was scheduled and of the
//           deadlines in the registered TimerQueues, one at a time. The order is total: by time,
//           at one time first events in the order they were scheduled, then timer queues in the
//           order they were registered.
// FLOW      ScheduleAt/AddTimers -> Step, RunUntil, RunToEnd. After each step the turn hooks run:
//           the place of what a real loop does once a turn.
// LIMITS    kStepsAtOneTimeMax steps without time moving end the process: something spins.
// THREADS   One.
// TESTS     tests/sim/sim_world_test.cc

#ifndef SLUICE_TESTS_SIM_SIM_WORLD_H_
#define SLUICE_TESTS_SIM_SIM_WORLD_H_

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/base/random.h"
#include "engine/base/time.h"
#include "engine/base/timer_queue.h"
#include "tests/sim/sim_clock.h"

namespace sluice::sim {

inline constexpr uint64_t kStepsAtOneTimeMax = 5'000'000;

class SimWorld {
 public:
  explicit SimWorld(uint64_t seed) : seed_(seed), random_(seed) {}
  SimWorld(const SimWorld&) = delete;
  SimWorld& operator=(const SimWorld&) = delete;

  uint64_t seed() const { return seed_; }
  SimClock& clock() { return clock_; }
  Instant now() const { return clock_.Now(); }
  Random& random() { return random_; }
  // A seed for a part that rolls its own dice, so that one part's dice do not move another's.
  uint64_t NewSeed() { return random_.Next(); }

  // Not before now.
  void ScheduleAt(Instant when, std::function<void()> what);
  void ScheduleIn(Duration in, std::function<void()> what) {
    ScheduleAt(now() + in, std::move(what));
  }

  // Registered until removed; removed before it is destroyed.
  void AddTimers(TimerQueue& timers) { timers_.push_back(&timers); }
  void RemoveTimers(TimerQueue& timers) { std::erase(timers_, &timers); }

  // Called after every step, in the order added. Returns its name for RemoveTurnHook.
  int AddTurnHook(std::function<void()> hook);
  void RemoveTurnHook(int id);

  // kNever: nothing is to come.
  Instant next() const;
  // The next thing that happens. False when there is none.
  bool Step();
  // Everything up to `when`, which is then the time.
  void RunUntil(Instant when);
  void RunFor(Duration span) { RunUntil(now() + span); }
  // Until `done`, tested after each step, or until `bound` passes; says whether it was done.
  bool RunUntil(const std::function<bool()>& done, Duration bound);
  // Until nothing is to come or `bound` has passed; says whether nothing is.
  bool RunToEnd(Duration bound);

  uint64_t steps() const { return steps_; }

  // What the checkers compare between two runs of one seed: order, time and text of every note.
  void Note(std::string_view text);
  uint64_t trace_hash() const { return trace_hash_; }
  // The last notes with their times, for the failure's message.
  std::string LastNotes() const;

 private:
  struct Event {
    Instant when;
    uint64_t sequence;
    std::function<void()> what;
  };
  struct Later {
    bool operator()(const Event& a, const Event& b) const {
      return a.when != b.when ? a.when > b.when : a.sequence > b.sequence;
    }
  };

  const uint64_t seed_;
  SimClock clock_;
  Random random_;
  std::vector<Event> heap_;
  uint64_t sequence_ = 0;
  std::vector<TimerQueue*> timers_;
  std::vector<std::pair<int, std::function<void()>>> hooks_;
  int next_hook_ = 1;
  uint64_t steps_ = 0;
  uint64_t steps_at_this_time_ = 0;
  uint64_t trace_hash_ = 0xcbf29ce484222325u;
  std::vector<std::string> notes_;  // a ring of the last ones
  uint64_t noted_ = 0;
  bool stepping_ = false;
};

}  // namespace sluice::sim

#endif  // SLUICE_TESTS_SIM_SIM_WORLD_H_
