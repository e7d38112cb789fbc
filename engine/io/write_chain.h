// engine/io/write_chain.h — octets that wait until the kernel takes them: blocks from one pool.
//
// PURPOSE   A stream that is keeping up owns no buffer at all; one that is not holds blocks of
//           16 KiB, which go back to its loop's pool as they drain. Octets never move once
//           appended, so that a write in flight stays valid while more is appended.
// THREADS   Confined to one loop.

#ifndef SLUICE_ENGINE_IO_WRITE_CHAIN_H_
#define SLUICE_ENGINE_IO_WRITE_CHAIN_H_

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/base/check.h"

namespace sluice::io {

class BlockPool {
 public:
  using Block = std::unique_ptr<char[]>;
  static constexpr size_t kBlockBytes = size_t(16) << 10;
  // Spare blocks kept for the next stream that falls behind: 4 MiB a loop.
  static constexpr size_t kSpareMax = 256;

  Block Take() {
    if (spare_.empty()) return Block(new char[kBlockBytes]);
    Block block = std::move(spare_.back());
    spare_.pop_back();
    return block;
  }
  void Give(Block block) {
    if (spare_.size() < kSpareMax) spare_.push_back(std::move(block));
  }

 private:
  std::vector<Block> spare_;
};

class WriteChain {
 public:
  explicit WriteChain(BlockPool& pool) : pool_(pool) {}
  ~WriteChain() { Clear(); }
  WriteChain(const WriteChain&) = delete;
  WriteChain& operator=(const WriteChain&) = delete;

  bool empty() const { return size_ == 0; }
  size_t size() const { return size_; }

  void Append(std::string_view bytes) {
    while (!bytes.empty()) {
      const size_t end = head_ + size_;
      if (end == blocks_.size() * BlockPool::kBlockBytes) blocks_.push_back(pool_.Take());
      const size_t at = end % BlockPool::kBlockBytes;
      const size_t n = std::min(bytes.size(), BlockPool::kBlockBytes - at);
      std::memcpy(blocks_.back().get() + at, bytes.data(), n);
      size_ += n;
      bytes.remove_prefix(n);
    }
  }

  // Calls f(char*, size_t) for the pieces, in order, until it has seen `pieces_max` of them.
  template <typename F>
  void ForEachPiece(size_t pieces_max, F&& f) {
    size_t left = size_;
    size_t at = head_;
    for (size_t i = 0; left > 0 && i < pieces_max; ++i) {
      const size_t n = std::min(left, BlockPool::kBlockBytes - at);
      f(blocks_[i].get() + at, n);
      left -= n;
      at = 0;
    }
  }

  void Consume(size_t n) {
    CHECK(n <= size_);
    head_ += n;
    size_ -= n;
    if (size_ == 0) {
      Clear();
      return;
    }
    const size_t done = head_ / BlockPool::kBlockBytes;
    for (size_t i = 0; i < done; ++i) pool_.Give(std::move(blocks_[i]));
    blocks_.erase(blocks_.begin(), blocks_.begin() + ptrdiff_t(done));
    head_ %= BlockPool::kBlockBytes;
  }

  void Clear() {
    for (BlockPool::Block& block : blocks_) pool_.Give(std::move(block));
    blocks_.clear();
    head_ = 0;
    size_ = 0;
  }

 private:
  BlockPool& pool_;
  std::vector<BlockPool::Block> blocks_;
  size_t head_ = 0;  // offset of the first octet in blocks_[0]
  size_t size_ = 0;
};

}  // namespace sluice::io

#endif  // SLUICE_ENGINE_IO_WRITE_CHAIN_H_
