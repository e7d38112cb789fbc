// engine/base/slab.h — objects that can die while somebody still holds their handle.
//
// PURPOSE   Sessions, streams and pending requests are named by Handle {index, generation}: a late
//           callback with an old handle finds nothing instead of a freed object.
// LIFETIME  Objects never move. Get() is valid until Erase() of the same handle.
// THREADS   Confined to one thread.

#ifndef SLUICE_ENGINE_BASE_SLAB_H_
#define SLUICE_ENGINE_BASE_SLAB_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "engine/base/check.h"

namespace sluice {

template <typename T>
struct Handle {
  uint32_t index = UINT32_MAX;
  uint32_t generation = 0;

  constexpr bool empty() const { return index == UINT32_MAX; }
  constexpr uint64_t ToU64() const { return uint64_t(generation) << 32 | index; }
  static constexpr Handle FromU64(uint64_t v) { return {uint32_t(v), uint32_t(v >> 32)}; }
  friend constexpr bool operator==(Handle, Handle) = default;
};

template <typename T>
class Slab {
 public:
  Slab() = default;
  Slab(const Slab&) = delete;
  Slab& operator=(const Slab&) = delete;

  template <typename... Args>
  Handle<T> Emplace(Args&&... args) {
    if (free_.empty()) {
      free_.push_back(uint32_t(slots_.size()));
      slots_.push_back(std::make_unique<Slot>());
    }
    const uint32_t index = free_.back();
    free_.pop_back();
    Slot& slot = *slots_[index];
    CHECK(!slot.value.has_value());
    slot.value.emplace(std::forward<Args>(args)...);
    ++size_;
    return {index, slot.generation};
  }

  T* Get(Handle<T> h) {
    if (h.index >= slots_.size()) return nullptr;
    Slot& slot = *slots_[h.index];
    return slot.generation == h.generation && slot.value ? &*slot.value : nullptr;
  }

  // Of a living object by the first part of its handle, for tables that keep only that.
  Handle<T> HandleAt(uint32_t index) const { return {index, slots_[index]->generation}; }
  T& At(uint32_t index) { return *slots_[index]->value; }
  const T& At(uint32_t index) const { return *slots_[index]->value; }

  void Erase(Handle<T> h) {
    CHECK(Get(h) != nullptr);
    Slot& slot = *slots_[h.index];
    ++slot.generation;  // first, so that a destructor that looks itself up finds nothing
    slot.value.reset();
    free_.push_back(h.index);
    --size_;
  }

  size_t size() const { return size_; }

  // Calls f(handle, object) for each living object. f may erase the object it is given.
  template <typename F>
  void ForEach(F&& f) {
    for (uint32_t i = 0; i < slots_.size(); ++i) {
      if (slots_[i]->value) f(Handle<T>{i, slots_[i]->generation}, *slots_[i]->value);
    }
  }

  // The same for `slots` places from `from` on, free ones included. Where to go on; UINT32_MAX: that
  // was the last.
  template <typename F>
  uint32_t Visit(uint32_t from, uint32_t slots, F&& f) {
    uint32_t i = from;
    for (; i < slots_.size() && i - from < slots; ++i)
      if (slots_[i]->value) f(Handle<T>{i, slots_[i]->generation}, *slots_[i]->value);
    return i < slots_.size() ? i : UINT32_MAX;
  }

 private:
  struct Slot {
    uint32_t generation = 1;
    std::optional<T> value;
  };
  std::vector<std::unique_ptr<Slot>> slots_;
  std::vector<uint32_t> free_;
  size_t size_ = 0;
};

}  // namespace sluice

#endif  // SLUICE_ENGINE_BASE_SLAB_H_
