// engine/base/random.h — seeded dice for everything that must differ but not be secret.
//
// PURPOSE   Jitter, shuffles, weighted picks. One Random per shard, seeded by the engine (from the
//           system) or by the simulator (from its seed), so that a run can be repeated exactly.
// NOT HERE  Secrets, tokens and keys: those come from OpenSSL.

#ifndef SLUICE_ENGINE_BASE_RANDOM_H_
#define SLUICE_ENGINE_BASE_RANDOM_H_

#include <cstddef>
#include <cstdint>
#include <utility>

#include "engine/base/check.h"

namespace sluice {

class Random {
 public:
  explicit constexpr Random(uint64_t seed) : state_(seed) {}

  // SplitMix64: one addition and three xor-shifts, full period, good enough for dice.
  constexpr uint64_t Next() {
    state_ += 0x9e3779b97f4a7c15u;
    uint64_t z = state_;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
  }

  // Uniform in [0, bound). The bias of the modulo is under 2^-32 for the bounds we use.
  constexpr uint64_t Below(uint64_t bound) {
    CHECK(bound > 0);
    return Next() % bound;
  }

  // Uniform in [0, 1).
  constexpr double Unit() { return double(Next() >> 11) * 0x1.0p-53; }

  template <typename Range>
  constexpr void Shuffle(Range& range) {
    for (size_t i = range.size(); i > 1; --i) {
      const size_t j = size_t(Below(i));
      using std::swap;
      swap(range[i - 1], range[j]);
    }
  }

 private:
  uint64_t state_;
};

}  // namespace sluice

#endif  // SLUICE_ENGINE_BASE_RANDOM_H_
