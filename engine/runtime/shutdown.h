// engine/runtime/shutdown.h — the end in order: stop accepting, finish what runs, cut the rest.
//
// THREADS   Lives on shard 0.

#ifndef SLUICE_ENGINE_RUNTIME_SHUTDOWN_H_
#define SLUICE_ENGINE_RUNTIME_SHUTDOWN_H_

#include <atomic>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "engine/base/timer_queue.h"
#include "engine/runtime/shard_runtime.h"

namespace sluice::engine {

class Shutdown {
 public:
  // After the deadline connections are cut; this long for what that sets off.
  static constexpr Duration kAbortGrace{1'000'000};

  // The first is the home of signals; its loop is told to end when all have stopped.
  explicit Shutdown(std::span<ShardRuntime* const> shards);

  // Once; later calls do nothing.
  void Begin(Duration within);

 private:
  // How often it looks whether all is done.
  static constexpr Duration kPoll{10'000};
  void Poll();
  void OnEachShard(const std::function<void(ShardRuntime&, std::atomic<bool>&)>& f);

  const std::vector<ShardRuntime*> shards_;
  std::vector<std::unique_ptr<std::atomic<bool>>> stopped_;  // by shard
  Timer timer_;
  Instant deadline_ = kNever;
  bool aborted_ = false;
};

}  // namespace sluice::engine

#endif  // SLUICE_ENGINE_RUNTIME_SHUTDOWN_H_
