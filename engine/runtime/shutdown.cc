#include "engine/runtime/shutdown.h"

#include <systemd/sd-daemon.h>

#include <algorithm>

#include "engine/log/log.h"

namespace sluice::engine {

Shutdown::Shutdown(std::span<ShardRuntime* const> shards)
    : shards_(shards.begin(), shards.end()),
      timer_(shards.front()->loop().timers(), [this] { Poll(); }) {
  for (size_t i = 0; i < shards_.size(); ++i)
    stopped_.push_back(std::make_unique<std::atomic<bool>>(false));
}

void Shutdown::Begin(Duration within) {
  if (deadline_ != kNever) return;
  (void)sd_notify(0, "STOPPING=1");
  LogInfo("engine", "stopping");
  deadline_ = shards_.front()->loop().clock().Now() + within;
  OnEachShard([](ShardRuntime& runtime, std::atomic<bool>&) {
    runtime.StopAccepting();
    runtime.Stop();
  });
  Poll();
}

void Shutdown::Poll() {
  const Instant now = shards_.front()->loop().clock().Now();
  const bool all =
      std::ranges::all_of(stopped_, [](const auto& stopped) { return stopped->load(); });
  if (all || now > deadline_ + kAbortGrace) return shards_.front()->Quit();
  if (now > deadline_ && !aborted_) {
    aborted_ = true;
    LogWarn("engine", "some connections did not end in time and are cut");
    OnEachShard([](ShardRuntime& runtime, std::atomic<bool>&) { runtime.Abort(); });
  }
  OnEachShard(
      [](ShardRuntime& runtime, std::atomic<bool>& stopped) { stopped.store(runtime.Stopped()); });
  timer_.Set(now + kPoll);
}

void Shutdown::OnEachShard(const std::function<void(ShardRuntime&, std::atomic<bool>&)>& f) {
  for (uint32_t i = 0; i < shards_.size(); ++i)
    shards_.front()->shard().out().Send(
        i, [f, runtime = shards_[i], stopped = stopped_[i].get()] { f(*runtime, *stopped); });
}

}  // namespace sluice::engine
