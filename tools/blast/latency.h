// tools/blast/latency.h — percentiles of millions of durations in a few kilobytes.
//
// PURPOSE   Buckets of 1/16 of a power of two: a percentile is at most 6% above the truth.

#ifndef SLUICE_TOOLS_BLAST_LATENCY_H_
#define SLUICE_TOOLS_BLAST_LATENCY_H_

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>

#include "engine/base/time.h"

namespace sluice::tools {

class LatencyHistogram {
 public:
  void Add(Duration value) {
    const auto us = uint64_t(std::max<int64_t>(value.count(), 0));
    ++counts_[BucketOf(us)];
    ++total_;
    max_ = std::max(max_, us);
  }

  // `share` from 0 to 1. Never above the largest value.
  double PercentileMs(double share) const {
    if (total_ == 0) return 0;
    const auto rank = uint64_t(std::ceil(share * double(total_)));
    uint64_t seen = 0;
    for (size_t i = 0; i < counts_.size(); ++i) {
      seen += counts_[i];
      if (seen >= std::max<uint64_t>(rank, 1)) return double(std::min(UpperOf(i), max_)) / 1000;
    }
    return max_ms();
  }
  double max_ms() const { return double(max_) / 1000; }
  uint64_t total() const { return total_; }

 private:
  static constexpr int kSubBits = 4;
  static constexpr size_t kSub = size_t(1) << kSubBits;

  static size_t BucketOf(uint64_t us) {
    if (us < kSub) return size_t(us);
    const int shift = int(std::bit_width(us)) - 1 - kSubBits;
    return (size_t(shift) + 1) * kSub + (size_t(us >> shift) & (kSub - 1));
  }
  static uint64_t UpperOf(size_t bucket) {
    if (bucket < kSub) return bucket;
    const size_t shift = bucket / kSub - 1;
    return ((kSub + bucket % kSub + 1) << shift) - 1;
  }

  std::array<uint64_t, kSub * (64 - kSubBits + 1)> counts_{};
  uint64_t total_ = 0;
  uint64_t max_ = 0;
};

}  // namespace sluice::tools

#endif  // SLUICE_TOOLS_BLAST_LATENCY_H_
