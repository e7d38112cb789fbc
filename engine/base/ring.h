// engine/base/ring.h — the bounded queue in which threads meet.
//
// PURPOSE   Many producers, one consumer. The consumer takes everything at once; a producer is told
//           when it must wake the consumer (only the push that finds the ring empty needs to).
// THREADS   Any thread pushes, one thread drains. The only lock in the engine besides metrics.
// LIMITS    Push fails when `capacity` items wait: the caller says what then (pause reading,
//           retry).

#ifndef SLUICE_ENGINE_BASE_RING_H_
#define SLUICE_ENGINE_BASE_RING_H_

#include <algorithm>
#include <condition_variable>
#include <cstdint>
#include <iterator>
#include <mutex>
#include <utility>
#include <vector>

#include "engine/base/check.h"
#include "engine/base/time.h"

namespace sluice {

enum class PushResult : uint8_t {
  kFull,    // not taken
  kTaken,   // taken; the consumer already has a reason to come
  kWakeUp,  // taken, and the ring was empty: wake the consumer
};

template <typename T>
class Ring {
 public:
  explicit Ring(size_t capacity) : capacity_(capacity) { CHECK(capacity > 0); }

  // Moves from `item` only when it is taken.
  PushResult TryPush(T& item) {
    const std::lock_guard lock(mutex_);
    if (items_.size() >= capacity_) return PushResult::kFull;
    items_.push_back(std::move(item));
    if (items_.size() > 1) return PushResult::kTaken;
    waiting_.notify_one();
    return PushResult::kWakeUp;
  }

  PushResult Push(T&& item) { return TryPush(item); }

  // Takes as many of `items` as there is room for, from the front; what stays in `items` did not
  // fit. kFull: none.
  PushResult PushSome(std::vector<T>& items) {
    if (items.empty()) return PushResult::kTaken;
    const std::lock_guard lock(mutex_);
    const size_t room = capacity_ > items_.size() ? capacity_ - items_.size() : 0;
    const auto end = items.begin() + std::ptrdiff_t(std::min(room, items.size()));
    if (end == items.begin()) return PushResult::kFull;
    const bool was_empty = items_.empty();
    std::move(items.begin(), end, std::back_inserter(items_));
    items.erase(items.begin(), end);
    if (!was_empty) return PushResult::kTaken;
    waiting_.notify_one();
    return PushResult::kWakeUp;
  }

  // Moves everything that waits into `out`, which must be empty (its storage is reused).
  void Drain(std::vector<T>& out) {
    CHECK(out.empty());
    const std::lock_guard lock(mutex_);
    std::swap(items_, out);
  }

  // Blocks until something waits or `bound` passes. For consumers that are plain threads.
  void WaitFor(Duration bound) {
    std::unique_lock lock(mutex_);
    waiting_.wait_for(lock, bound, [this] { return !items_.empty(); });
  }

  size_t size() const {
    const std::lock_guard lock(mutex_);
    return items_.size();
  }
  size_t capacity() const { return capacity_; }

 private:
  const size_t capacity_;
  mutable std::mutex mutex_;
  std::condition_variable waiting_;
  std::vector<T> items_;
};

}  // namespace sluice

#endif  // SLUICE_ENGINE_BASE_RING_H_
