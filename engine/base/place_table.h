// engine/base/place_table.h — finds objects of a pool by what they contain.
//
// PURPOSE   A hash table of pool places: four octets an entry, for objects that know their own key.
//           The hash must be good in its low bits; where an enemy chooses the keys, seeded.
// LIFETIME  An object must not change what its hash is made of while it is here.
// THREADS   Confined to one thread.

#ifndef SLUICE_ENGINE_BASE_PLACE_TABLE_H_
#define SLUICE_ENGINE_BASE_PLACE_TABLE_H_

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "engine/base/check.h"
#include "engine/base/pool.h"

namespace sluice {

// HashOf: (uint32_t place) -> uint64_t, of an object that is here.
template <typename HashOf>
class PlaceTable {
 public:
  explicit PlaceTable(HashOf hash_of) : hash_of_(std::move(hash_of)) {}

  // The one of this hash for which same(place) holds; kNoPlace: there is none.
  template <typename Same>
  uint32_t Find(uint64_t hash, Same&& same) const {
    if (slots_.empty()) return kNoPlace;
    for (size_t i = hash & Mask(); slots_[i] != kNoPlace; i = (i + 1) & Mask())
      if (same(slots_[i])) return slots_[i];
    return kNoPlace;
  }

  // It must not be here yet.
  void Add(uint32_t place) {
    if ((size_ + 1) * 4 > slots_.size() * 3) Grow();
    Put(place);
    ++size_;
  }

  void Remove(uint32_t place) {
    size_t hole = hash_of_(place) & Mask();
    for (; slots_[hole] != place; hole = (hole + 1) & Mask()) CHECK(slots_[hole] != kNoPlace);
    // Those behind it that stand here only because it was in their way move up.
    for (size_t i = (hole + 1) & Mask(); slots_[i] != kNoPlace; i = (i + 1) & Mask()) {
      const size_t home = hash_of_(slots_[i]) & Mask();
      if (((i - home) & Mask()) >= ((i - hole) & Mask())) {
        slots_[hole] = slots_[i];
        hole = i;
      }
    }
    slots_[hole] = kNoPlace;
    --size_;
  }

  size_t size() const { return size_; }
  // f(place), of each.
  template <typename F>
  void ForEach(F&& f) const {
    for (const uint32_t place : slots_)
      if (place != kNoPlace) f(place);
  }

 private:
  size_t Mask() const { return slots_.size() - 1; }

  void Put(uint32_t place) {
    size_t i = hash_of_(place) & Mask();
    while (slots_[i] != kNoPlace) i = (i + 1) & Mask();
    slots_[i] = place;
  }

  void Grow() {
    const size_t size = slots_.empty() ? 16 : slots_.size() * 2;
    const std::vector<uint32_t> old = std::exchange(slots_, std::vector<uint32_t>(size, kNoPlace));
    for (const uint32_t place : old)
      if (place != kNoPlace) Put(place);
  }

  HashOf hash_of_;
  std::vector<uint32_t> slots_;
  size_t size_ = 0;
};

}  // namespace sluice

#endif  // SLUICE_ENGINE_BASE_PLACE_TABLE_H_
