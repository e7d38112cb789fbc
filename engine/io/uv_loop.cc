#include "engine/io/uv_loop.h"

#include <uv.h>

#include <atomic>
#include <csignal>
#include <unordered_map>
#include <utility>
#include <vector>

#include "engine/base/check.h"
#include "engine/io/system_clock.h"
#include "engine/io/uv_net_impl.h"

namespace sluice::io {
namespace {

template <typename H>
uv_handle_t* HandleOf(H* handle) {
  return reinterpret_cast<uv_handle_t*>(handle);
}

// Reads the time at the first question of a turn and repeats it until the turn ends. (libuv offers
// no place between its poll and the first callback where time could be read beforehand.)
class TurnClock final : public Clock {
 public:
  Instant Now() const override {
    if (now_ == kNever) now_ = system_.Now();
    return now_;
  }
  WallTime Wall() const override {
    if (!wall_) wall_ = system_.Wall();
    return *wall_;
  }
  void EndTurn() {
    now_ = kNever;
    wall_.reset();
  }

 private:
  const SystemClock system_;
  mutable Instant now_ = kNever;
  mutable std::optional<WallTime> wall_;
};

class UvSocketWatcher final : public SocketWatcher {
 public:
  explicit UvSocketWatcher(uv_loop_t* loop) : loop_(loop) {}
  ~UvSocketWatcher() override { CHECK(polls_.empty()); }

  void Watch(int fd, bool want_read, bool want_write, ReadyFn ready) override {
    const int events = (want_read ? UV_READABLE : 0) | (want_write ? UV_WRITABLE : 0);
    if (events == 0) return Unwatch(fd);
    Poll*& poll = polls_[fd];
    if (poll == nullptr) {
      poll = new Poll;  // deleted by its close callback
      CHECK(uv_poll_init(loop_, &poll->handle, fd) == 0);
      poll->handle.data = poll;
    }
    poll->ready = std::move(ready);
    CHECK(uv_poll_start(&poll->handle, events, OnReady) == 0);
  }

  void Unwatch(int fd) override {
    const auto found = polls_.find(fd);
    if (found == polls_.end()) return;
    Close(found->second);
    polls_.erase(found);
  }

  void CloseAll() {
    for (const auto& [fd, poll] : polls_) Close(poll);
    polls_.clear();
  }

 private:
  struct Poll {
    uv_poll_t handle;
    ReadyFn ready;
    bool closed = false;
  };

  static void Close(Poll* poll) {
    poll->closed = true;
    uv_close(HandleOf(&poll->handle),
             [](uv_handle_t* handle) { delete static_cast<Poll*>(handle->data); });
  }

  static void OnReady(uv_poll_t* handle, int status, int events) {
    auto* poll = static_cast<Poll*>(handle->data);
    // Out of the way while it runs: it may replace itself.
    ReadyFn ready = std::exchange(poll->ready, nullptr);
    ready(status != 0 || (events & UV_READABLE) != 0, status != 0 || (events & UV_WRITABLE) != 0);
    if (poll->ready == nullptr && !poll->closed) poll->ready = std::move(ready);
  }

  uv_loop_t* const loop_;
  std::unordered_map<int, Poll*> polls_;
};

}  // namespace

class UvLoop::Impl {
 public:
  Impl();
  ~Impl();

  void Run();
  void Stop() {
    stopping_.store(true);
    Wake();
  }
  void Wake() { CHECK(uv_async_send(&wake_) == 0); }
  void OnSignal(int signum, std::function<void()> on_signal);

  TurnClock clock_;
  TimerQueue timers_;
  std::function<void()> on_wake_;
  std::function<void()> before_poll_;
  uv_loop_t loop_;
  std::unique_ptr<UvNetImpl> net_;
  std::unique_ptr<UvSocketWatcher> watcher_;

 private:
  struct Signal {
    uv_signal_t handle;
    std::function<void()> fire;
  };

  static Impl& Of(void* data) { return *static_cast<Impl*>(data); }
  void OnAsync();
  void OnPrepare();
  void ArmTimer();

  std::atomic<bool> stopping_ = false;
  uv_async_t wake_;
  uv_prepare_t prepare_;
  uv_idle_t no_sleep_;
  uv_timer_t alarm_;
  uint64_t alarm_ms_ = UINT64_MAX;  // when alarm_ rings, on libuv's clock; never
  std::vector<std::unique_ptr<Signal>> signals_;
};

UvLoop::Impl::Impl() {
  std::signal(SIGPIPE, SIG_IGN);
  CHECK(uv_loop_init(&loop_) == 0);
  net_ = std::make_unique<UvNetImpl>(&loop_, clock_, timers_);
  watcher_ = std::make_unique<UvSocketWatcher>(&loop_);
  CHECK(uv_async_init(&loop_, &wake_, [](uv_async_t* h) { Of(h->data).OnAsync(); }) == 0);
  CHECK(uv_prepare_init(&loop_, &prepare_) == 0);
  CHECK(uv_idle_init(&loop_, &no_sleep_) == 0);
  CHECK(uv_timer_init(&loop_, &alarm_) == 0);
  wake_.data = prepare_.data = no_sleep_.data = alarm_.data = this;
  CHECK(uv_prepare_start(&prepare_, [](uv_prepare_t* h) { Of(h->data).OnPrepare(); }) == 0);
}

UvLoop::Impl::~Impl() {
  net_->CloseAll();
  watcher_->CloseAll();
  for (const auto& signal : signals_) uv_close(HandleOf(&signal->handle), nullptr);
  uv_close(HandleOf(&wake_), nullptr);
  uv_close(HandleOf(&prepare_), nullptr);
  uv_close(HandleOf(&no_sleep_), nullptr);
  uv_close(HandleOf(&alarm_), nullptr);
  uv_run(&loop_, UV_RUN_DEFAULT);  // the close callbacks
  CHECK(uv_loop_close(&loop_) == 0);
}

void UvLoop::Impl::Run() {
  clock_.EndTurn();
  if (!stopping_.load()) uv_run(&loop_, UV_RUN_DEFAULT);
  stopping_.store(false);
}

void UvLoop::Impl::OnAsync() {
  if (stopping_.load()) uv_stop(&loop_);
  if (on_wake_) on_wake_();
}

void UvLoop::Impl::OnSignal(int signum, std::function<void()> on_signal) {
  auto signal = std::make_unique<Signal>();
  signal->fire = std::move(on_signal);
  signal->handle.data = signal.get();
  CHECK(uv_signal_init(&loop_, &signal->handle) == 0);
  const int status = uv_signal_start(
      &signal->handle, [](uv_signal_t* h, int) { static_cast<Signal*>(h->data)->fire(); }, signum);
  CHECK(status == 0);
  signals_.push_back(std::move(signal));
}

void UvLoop::Impl::OnPrepare() {
  if (timers_.next() <= clock_.Now()) timers_.Run(clock_.Now());
  net_->RunDeferred();
  if (before_poll_) before_poll_();
  if (net_->has_deferred()) {
    uv_idle_start(&no_sleep_, [](uv_idle_t*) {});
  } else {
    uv_idle_stop(&no_sleep_);
  }
  ArmTimer();
  clock_.EndTurn();
}

// libuv's alarm only wakes the loop; whether a timer is due is decided by our own clock, which
// reads the same kernel clock in microseconds. Rounded up, so that a timer is due when the alarm
// rings.
void UvLoop::Impl::ArmTimer() {
  const Instant next = timers_.next();
  if (next == kNever) {
    if (alarm_ms_ != UINT64_MAX) uv_timer_stop(&alarm_);
    alarm_ms_ = UINT64_MAX;
    return;
  }
  uv_update_time(&loop_);  // libuv subtracts it from the alarm to find how long to sleep
  const int64_t next_us = std::max<int64_t>(MicrosOf(next), 0);
  const uint64_t next_ms = (uint64_t(next_us) + 999) / 1000;
  if (next_ms == alarm_ms_) return;
  alarm_ms_ = next_ms;
  const uint64_t now_ms = uv_now(&loop_);
  uv_timer_start(
      &alarm_, [](uv_timer_t* h) { Of(h->data).alarm_ms_ = UINT64_MAX; },
      next_ms > now_ms ? next_ms - now_ms : 0, 0);
}

UvLoop::UvLoop() : impl_(std::make_unique<Impl>()) {}
UvLoop::~UvLoop() = default;
const Clock& UvLoop::clock() const { return impl_->clock_; }
TimerQueue& UvLoop::timers() { return impl_->timers_; }
UvNet& UvLoop::net() { return *impl_->net_; }
SocketWatcher& UvLoop::watcher() { return *impl_->watcher_; }
void UvLoop::Run() { impl_->Run(); }
void UvLoop::Stop() { impl_->Stop(); }
void UvLoop::Wake() { impl_->Wake(); }
void UvLoop::SetOnWake(std::function<void()> on_wake) { impl_->on_wake_ = std::move(on_wake); }
void UvLoop::SetBeforePoll(std::function<void()> before_poll) {
  impl_->before_poll_ = std::move(before_poll);
}
void UvLoop::OnSignal(int signum, std::function<void()> on_signal) {
  impl_->OnSignal(signum, std::move(on_signal));
}

}  // namespace sluice::io
