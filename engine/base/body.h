// engine/base/body.h — the octets of one message, as a chain of blocks under one byte budget.
//
// PURPOSE   Submission appends, the queue writer stores, deliveries read: all share one copy. The
//           budget (default 128 MiB for all) is what submission checks before it reads on.
// THREADS   Append and Prepend on one thread; once shared, read-only from any thread.

#ifndef SLUICE_ENGINE_BASE_BODY_H_
#define SLUICE_ENGINE_BASE_BODY_H_

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/check.h"
#include "engine/base/ref.h"

namespace sluice {

// Counts the octets that all living bodies hold. Never refuses: who appends asks first.
class BodyBudget {
 public:
  explicit BodyBudget(size_t limit) : limit_(limit) {}
  BodyBudget(const BodyBudget&) = delete;
  BodyBudget& operator=(const BodyBudget&) = delete;

  bool exhausted() const { return used_.load(std::memory_order_relaxed) >= limit_; }
  size_t used() const { return used_.load(std::memory_order_relaxed); }
  size_t limit() const { return limit_; }

 private:
  friend class Body;
  const size_t limit_;
  std::atomic<size_t> used_{0};
};

class Body : public RefCounted<Body> {
 public:
  // The first block is small, for small mail; later ones double up to kBlockMax.
  static constexpr size_t kBlockMin = size_t(4) << 10;
  static constexpr size_t kBlockMax = size_t(64) << 10;

  // `budget` may be null (tests, tools); else it outlives the body.
  explicit Body(BodyBudget* budget) : budget_(budget) {}
  ~Body() {
    if (budget_) budget_->used_.fetch_sub(capacity_, std::memory_order_relaxed);
  }

  void Append(std::string_view bytes) {
    while (!bytes.empty()) {
      if (blocks_.empty() || blocks_.back().used == blocks_.back().size) AddBlock(bytes.size());
      Block& block = blocks_.back();
      const size_t n = std::min(bytes.size(), block.size - block.used);
      std::memcpy(block.data.get() + block.used, bytes.data(), n);
      block.used += n;
      size_ += n;
      bytes.remove_prefix(n);
    }
  }

  // Puts octets in front of what is there, which stays where it is. Before it is shared.
  void Prepend(std::string_view bytes) {
    if (bytes.empty()) return;
    blocks_.insert(blocks_.begin(),
                   {std::unique_ptr<char[]>(new char[bytes.size()]), bytes.size(), bytes.size()});
    std::memcpy(blocks_.front().data.get(), bytes.data(), bytes.size());
    size_ += bytes.size();
    Count(bytes.size());
  }

  size_t size() const { return size_; }

  // Calls f(std::string_view) for the pieces of [offset, offset + length), in order.
  template <typename F>
  void ForEachPiece(size_t offset, size_t length, F&& f) const {
    CHECK(offset <= size_);
    CHECK(length <= size_ - offset);
    for (const Block& block : blocks_) {
      if (length == 0) return;
      if (offset >= block.used) {
        offset -= block.used;
        continue;
      }
      const size_t n = std::min(length, block.used - offset);
      f(std::string_view(block.data.get() + offset, n));
      length -= n;
      offset = 0;
    }
  }

  // A copy in one piece. For small things and tests.
  std::string ToString() const {
    std::string out;
    out.reserve(size_);
    ForEachPiece(0, size_, [&](std::string_view piece) { out.append(piece); });
    return out;
  }

 private:
  struct Block {
    std::unique_ptr<char[]> data;
    size_t size;
    size_t used;
  };

  void AddBlock(size_t wanted) {
    const size_t grown = blocks_.empty() ? kBlockMin : blocks_.back().size * 2;
    const size_t size = std::clamp(std::max(grown, wanted), kBlockMin, kBlockMax);
    blocks_.push_back({std::unique_ptr<char[]>(new char[size]), size, 0});
    Count(size);
  }
  void Count(size_t octets) {
    capacity_ += octets;
    if (budget_) budget_->used_.fetch_add(octets, std::memory_order_relaxed);
  }

  BodyBudget* const budget_;
  std::vector<Block> blocks_;
  size_t size_ = 0;
  size_t capacity_ = 0;
};

}  // namespace sluice

#endif  // SLUICE_ENGINE_BASE_BODY_H_
