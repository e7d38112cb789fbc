// engine/base/workers.h — the seam to threads that do slow sums: job in, result back.
//
// PURPOSE   Password hashes and signatures must not stop a loop. The engine runs jobs on threads of
//           their own; the simulator and tests run them inline.
// THREADS   `job` runs on a worker, `done` on the loop that called Run, and never inside Run.

#ifndef SLUICE_ENGINE_BASE_WORKERS_H_
#define SLUICE_ENGINE_BASE_WORKERS_H_

#include <functional>

namespace sluice {

class Workers {
 public:
  virtual ~Workers() = default;
  // Jobs begin in the order given; those of a pool may end in another. What `job` touches lives until `done` has run.
  virtual void Run(std::move_only_function<void()> job, std::move_only_function<void()> done) = 0;
};

}  // namespace sluice

#endif  // SLUICE_ENGINE_BASE_WORKERS_H_
