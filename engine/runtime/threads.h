// engine/runtime/threads.h — every thread of the engine but the main one, from start to join.

#ifndef SLUICE_ENGINE_RUNTIME_THREADS_H_
#define SLUICE_ENGINE_RUNTIME_THREADS_H_

#include <pthread.h>
#include <sched.h>
#include <sys/resource.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <functional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace sluice::engine {

inline uint32_t Cores() { return std::max(1u, std::thread::hardware_concurrency()); }

class Threads {
 public:
  // Priorities below the loops'.
  static constexpr int kSignerNice = 5;
  static constexpr int kPasswordNice = 10;

  // Names are what `top -H` and /proc show; the system cuts them to 15 characters.
  void RunShard(std::string name, std::function<void()> run) {
    shards_.emplace_back([name = std::move(name), run = std::move(run)] {
      Name(name);
      run();
    });
  }

  // Steps while `step` finds something to do, else waits; `nice` is a priority below the loops'.
  void Work(std::string name, std::function<bool()> step, std::function<void()> wait,
            int nice = 0) {
    workers_.emplace_back(
        [this, name = std::move(name), step = std::move(step), wait = std::move(wait), nice] {
          Name(name);
          if (nice != 0) StandBack(nice);
          while (!stop_.load(std::memory_order_acquire))
            if (!step()) wait();
        });
  }
  template <typename Worker>
  void Work(std::string name, Worker& worker, int nice = 0) {
    Work(std::move(name), [&worker] { return worker.Step(); }, [&worker] { worker.Wait(); }, nice);
  }

  // The shards, whose loops have been told to end, then the workers, who serve them to the end.
  void Join() {
    for (std::thread& thread : shards_) thread.join();
    stop_.store(true, std::memory_order_release);
    for (std::thread& thread : workers_) thread.join();
  }

 private:
  // What computes for long yields to the loops: a lower priority, and a batch thread never takes the
  // processor from who has just woken it. Of this thread alone, on Linux.
  static void StandBack(int nice) {
    const sched_param none{};
    (void)pthread_setschedparam(pthread_self(), SCHED_BATCH, &none);
    (void)setpriority(PRIO_PROCESS, 0, nice);
  }
  static void Name(const std::string& name) {
    (void)pthread_setname_np(pthread_self(), name.substr(0, 15).c_str());
  }

  std::vector<std::thread> shards_;
  std::vector<std::thread> workers_;
  std::atomic<bool> stop_{false};
};

}  // namespace sluice::engine

#endif  // SLUICE_ENGINE_RUNTIME_THREADS_H_
