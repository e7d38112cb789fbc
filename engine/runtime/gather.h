// engine/runtime/gather.h — one question to all shards, the answers together.
//
// PURPOSE   Control commands look at what each shard holds on its own loop, and merge on shard 0's.
// THREADS   Called on shard 0; `ask` runs on each shard's loop, `done` on shard 0's.

#ifndef SLUICE_ENGINE_RUNTIME_GATHER_H_
#define SLUICE_ENGINE_RUNTIME_GATHER_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "engine/runtime/shard_runtime.h"

namespace sluice::engine {

// The answers come in the order of the shards.
template <typename T>
void Gather(const std::vector<ShardRuntime*>& shards, const std::function<T(ShardRuntime&)>& ask,
            std::function<void(std::vector<T>)> done) {
  struct Pending {
    std::vector<T> answers;
    size_t missing;
    std::function<void(std::vector<T>)> done;
  };
  const size_t n = shards.size();
  auto pending = std::make_shared<Pending>(Pending{std::vector<T>(n), n, std::move(done)});
  Switchboard& home = shards.front()->shard().out();
  for (uint32_t i = 0; i < n; ++i) {
    home.Send(i, [runtime = shards[i], i, ask, pending] {
      runtime->shard().out().Send(0, [i, pending, answer = ask(*runtime)]() mutable {
        pending->answers[i] = std::move(answer);
        if (--pending->missing == 0) pending->done(std::move(pending->answers));
      });
    });
  }
}

}  // namespace sluice::engine

#endif  // SLUICE_ENGINE_RUNTIME_GATHER_H_
