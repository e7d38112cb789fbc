// engine/io/uv_loop.h — one event loop of one thread: its clock, its timers, its network.
//
// PURPOSE   Everything that a shard needs from the outside, over libuv, without libuv's types.
// FLOW      A turn: sockets, wake-ups and signals are served; then due timers run; then BeforePoll;
//           then the loop sleeps until the next socket, wake-up or timer. Now() and Wall() stand
//           still within a turn.
// THREADS   Made on any thread, used on the one that calls Run(); only Wake() and Stop() may be
//           called from others.
// LIMITS    A timer is never early and up to about two milliseconds late.
// BUGS      Ignores SIGPIPE for the whole process (libuv writes without MSG_NOSIGNAL).

#ifndef SLUICE_ENGINE_IO_UV_LOOP_H_
#define SLUICE_ENGINE_IO_UV_LOOP_H_

#include <functional>
#include <memory>

#include "engine/base/time.h"
#include "engine/base/timer_queue.h"
#include "engine/io/socket_watcher.h"
#include "engine/io/uv_net.h"

namespace sluice::io {

class UvLoop {
 public:
  UvLoop();
  ~UvLoop();
  UvLoop(const UvLoop&) = delete;
  UvLoop& operator=(const UvLoop&) = delete;

  const Clock& clock() const;
  TimerQueue& timers();
  UvNet& net();
  SocketWatcher& watcher();

  // Serves until Stop(). A Stop() that came before ends it at once. May be run again.
  void Run();
  void Stop();  // any thread

  // Makes the loop call OnWake soon. Many wake-ups may become one call.
  void Wake();  // any thread
  void SetOnWake(std::function<void()> on_wake);
  // Called once a turn, just before the loop may sleep.
  void SetBeforePoll(std::function<void()> before_poll);
  void OnSignal(int signum, std::function<void()> on_signal);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace sluice::io

#endif  // SLUICE_ENGINE_IO_UV_LOOP_H_
