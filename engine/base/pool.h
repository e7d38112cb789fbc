// engine/base/pool.h — small objects by number, many of them.
//
// PURPOSE   For nodes of which there are millions: a number is half a pointer, chunks do not move,
//           and a free place is used again. Who holds a number must know that it is good (slab.h
//           is for those who cannot).
// LIFETIME  An object keeps its place until Free(); a reference to it is good as long.
// THREADS   Confined to one thread.

#ifndef SLUICE_ENGINE_BASE_POOL_H_
#define SLUICE_ENGINE_BASE_POOL_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "engine/base/check.h"

namespace sluice {

// No object of any pool.
inline constexpr uint32_t kNoPlace = UINT32_MAX;

template <typename T>
class Pool {
 public:
  Pool() = default;
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  // A new object with the values of T{}.
  uint32_t Take() {
    if (free_.empty()) {
      CHECK(size_ < kNoPlace);
      if (size_ % kChunk == 0) chunks_.push_back(std::make_unique<T[]>(kChunk));
      return uint32_t(size_++);
    }
    const uint32_t place = free_.back();
    free_.pop_back();
    return place;
  }
  void Free(uint32_t place) {
    (*this)[place] = T{};
    free_.push_back(place);
  }

  T& operator[](uint32_t place) { return chunks_[place / kChunk][place % kChunk]; }
  const T& operator[](uint32_t place) const { return chunks_[place / kChunk][place % kChunk]; }

  // Objects in use.
  size_t size() const { return size_ - free_.size(); }

 private:
  static constexpr size_t kChunk = 256;

  std::vector<std::unique_ptr<T[]>> chunks_;
  std::vector<uint32_t> free_;
  size_t size_ = 0;  // places ever taken
};

}  // namespace sluice

#endif  // SLUICE_ENGINE_BASE_POOL_H_
