// engine/base/timer_queue.h — every deadline of one shard, in one heap, moved by the injected
// clock.
//
// PURPOSE   Sessions and the scheduler set and move deadlines; the loop asks for the next one. No
//           timer of a library per session, so virtual and real time run the same code.
// LIFETIME  A Timer unlinks itself when destroyed.
// THREADS   Confined to one thread.

#ifndef SLUICE_ENGINE_BASE_TIMER_QUEUE_H_
#define SLUICE_ENGINE_BASE_TIMER_QUEUE_H_

#include <cstddef>
#include <functional>
#include <utility>
#include <vector>

#include "engine/base/check.h"
#include "engine/base/time.h"

namespace sluice {

class TimerQueue;

// One deadline and what to do at it. Set again from within its own callback freely.
class Timer {
 public:
  Timer(TimerQueue& queue, std::function<void()> fire) : queue_(queue), fire_(std::move(fire)) {}
  ~Timer() { Cancel(); }
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;

  // Moves the deadline; kNever cancels.
  void Set(Instant when);
  void Cancel() { Set(kNever); }
  Instant when() const { return when_; }

 private:
  friend class TimerQueue;
  static constexpr size_t kUnlinked = SIZE_MAX;

  TimerQueue& queue_;
  std::function<void()> fire_;
  Instant when_ = kNever;
  size_t slot_ = kUnlinked;
};

class TimerQueue {
 public:
  TimerQueue() = default;
  TimerQueue(const TimerQueue&) = delete;
  TimerQueue& operator=(const TimerQueue&) = delete;
  ~TimerQueue() { CHECK(heap_.empty()); }

  // kNever when nothing waits.
  Instant next() const { return heap_.empty() ? kNever : heap_[0]->when_; }

  // Fires everything due at `now`, earliest first, each once: what a callback sets anew for `now`
  // or before waits for the next call, so a wrong deadline cannot spin the loop.
  void Run(Instant now) {
    due_.clear();
    while (!heap_.empty() && heap_[0]->when_ <= now) {
      Timer* timer = heap_[0];
      Remove(timer);
      timer->when_ = kNever;
      timer->slot_ = kDueBase + due_.size();
      due_.push_back(timer);
    }
    for (size_t i = 0; i < due_.size(); ++i) {
      Timer* timer = due_[i];
      if (timer == nullptr) continue;  // cancelled or moved by an earlier callback
      due_[i] = nullptr;
      timer->slot_ = Timer::kUnlinked;
      timer->fire_();
    }
    due_.clear();
  }

 private:
  friend class Timer;
  // Slots from here on are places in due_, not in the heap.
  static constexpr size_t kDueBase = SIZE_MAX / 2;

  void Place(size_t slot, Timer* timer) {
    heap_[slot] = timer;
    timer->slot_ = slot;
  }
  void Up(size_t slot) {
    Timer* timer = heap_[slot];
    while (slot > 0 && timer->when_ < heap_[(slot - 1) / 2]->when_) {
      Place(slot, heap_[(slot - 1) / 2]);
      slot = (slot - 1) / 2;
    }
    Place(slot, timer);
  }
  void Down(size_t slot) {
    Timer* timer = heap_[slot];
    for (size_t child = slot * 2 + 1; child < heap_.size(); child = slot * 2 + 1) {
      if (child + 1 < heap_.size() && heap_[child + 1]->when_ < heap_[child]->when_) ++child;
      if (heap_[child]->when_ >= timer->when_) break;
      Place(slot, heap_[child]);
      slot = child;
    }
    Place(slot, timer);
  }
  void Insert(Timer* timer) {
    heap_.push_back(timer);
    timer->slot_ = heap_.size() - 1;
    Up(timer->slot_);
  }
  void Remove(Timer* timer) {
    const size_t slot = timer->slot_;
    timer->slot_ = Timer::kUnlinked;
    if (slot >= kDueBase) {
      due_[slot - kDueBase] = nullptr;
      return;
    }
    CHECK(heap_[slot] == timer);
    Timer* last = heap_.back();
    heap_.pop_back();
    if (last == timer) return;
    Place(slot, last);
    Up(slot);
    Down(last->slot_);
  }

  std::vector<Timer*> heap_;
  std::vector<Timer*> due_;  // being fired by Run()
};

inline void Timer::Set(Instant when) {
  if (slot_ != kUnlinked) queue_.Remove(this);
  when_ = when;
  if (when != kNever) queue_.Insert(this);
}

}  // namespace sluice

#endif  // SLUICE_ENGINE_BASE_TIMER_QUEUE_H_
