// tests/dns/poll_loop.h — the least loop that the c-ares transport can live on: poll(2), real time.
//
// PURPOSE   Shows that the transport needs no more than SocketWatcher, TimerQueue and Clock.

#ifndef SLUICE_TESTS_DNS_POLL_LOOP_H_
#define SLUICE_TESTS_DNS_POLL_LOOP_H_

#include <poll.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <map>
#include <utility>
#include <vector>

#include "engine/base/time.h"
#include "engine/base/timer_queue.h"
#include "engine/io/socket_watcher.h"

namespace sluice::dns {

class PollLoop final : public Clock, public io::SocketWatcher {
 public:
  PollLoop() { Tell(); }

  Instant Now() const override { return now_; }
  WallTime Wall() const override { return WallFromMicros(MicrosOf(now_)); }
  TimerQueue& timers() { return timers_; }

  void Watch(int fd, bool want_read, bool want_write, ReadyFn ready) override {
    watches_[fd] = {want_read, want_write, std::move(ready)};
  }
  void Unwatch(int fd) override { watches_.erase(fd); }
  size_t watched() const { return watches_.size(); }

  // Turns until `done` or until `bound` has passed; says whether it was done.
  bool RunUntil(const std::function<bool()>& done, Duration bound) {
    Tell();
    const Instant end = now_ + bound;
    while (!done() && now_ < end) Turn(end);
    return done();
  }

 private:
  struct Interest {
    bool read = false;
    bool write = false;
    ReadyFn ready;
  };

  void Tell() {
    now_ = Instant(
        std::chrono::duration_cast<Duration>(std::chrono::steady_clock::now().time_since_epoch()));
  }
  void Turn(Instant end) {
    std::vector<pollfd> fds;
    for (const auto& [fd, interest] : watches_)
      fds.push_back({fd, short((interest.read ? POLLIN : 0) | (interest.write ? POLLOUT : 0)), 0});
    const Duration left = std::clamp(std::min(timers_.next(), end) - now_, Duration(0),
                                     Duration(std::chrono::seconds(1)));
    poll(fds.data(), fds.size(), int(left.count() / 1000 + 1));
    Tell();
    for (const pollfd& fd : fds) {
      const auto found = watches_.find(fd.fd);
      if (fd.revents == 0 || found == watches_.end()) continue;
      const bool failed = (fd.revents & (POLLERR | POLLHUP)) != 0;
      const ReadyFn ready = found->second.ready;
      ready(failed || (fd.revents & POLLIN) != 0, failed || (fd.revents & POLLOUT) != 0);
    }
    timers_.Run(now_);
  }

  Instant now_{};
  TimerQueue timers_;
  std::map<int, Interest> watches_;
};

}  // namespace sluice::dns

#endif  // SLUICE_TESTS_DNS_POLL_LOOP_H_
