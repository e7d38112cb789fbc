// engine/base/leftist_heap.h — heaps of pool objects that carry their own links.
//
// PURPOSE   The one with the least key on top. A heap is one number; any member can leave. Every
//           operation is O(log n) in the worst case, not only on average, and nothing is allocated.
// USE       Nodes derive from HeapLinks; `top` is kNoPlace for an empty heap.
// THREADS   Confined to one thread.

#ifndef SLUICE_ENGINE_BASE_LEFTIST_HEAP_H_
#define SLUICE_ENGINE_BASE_LEFTIST_HEAP_H_

#include <cstdint>
#include <utility>

#include "engine/base/check.h"
#include "engine/base/pool.h"

namespace sluice {

struct HeapLinks {
  uint64_t key = 0;  // not to be changed while it is in a heap
  uint32_t left = kNoPlace;
  uint32_t right = kNoPlace;
  uint32_t up = kNoPlace;
  uint8_t rank = 0;  // nodes on the way down to the right, this one too; 0: in no heap
};

template <typename Node>
class LeftistHeap {
 public:
  explicit LeftistHeap(Pool<Node>& nodes) : nodes_(nodes) {}

  void Push(uint32_t& top, uint32_t node) {
    CHECK(nodes_[node].rank == 0);
    nodes_[node].rank = 1;
    top = Merge(top, node);
    nodes_[top].up = kNoPlace;
  }

  void Remove(uint32_t& top, uint32_t node) {
    Node& gone = nodes_[node];
    CHECK(gone.rank > 0);
    const uint32_t rest = Merge(gone.left, gone.right);
    const uint32_t up = gone.up;
    if (rest != kNoPlace) nodes_[rest].up = up;
    if (up == kNoPlace) {
      CHECK(top == node);
      top = rest;
    } else {
      (nodes_[up].left == node ? nodes_[up].left : nodes_[up].right) = rest;
    }
    gone.left = gone.right = gone.up = kNoPlace;
    gone.rank = 0;
    for (uint32_t at = up; at != kNoPlace && Settle(nodes_[at]);) at = nodes_[at].up;
  }

 private:
  uint8_t RankOf(uint32_t node) const { return node == kNoPlace ? 0 : nodes_[node].rank; }

  // Puts the deeper side left. False: the rank has not changed, nor does any above it.
  bool Settle(Node& node) {
    if (RankOf(node.left) < RankOf(node.right)) std::swap(node.left, node.right);
    const uint8_t rank = uint8_t(RankOf(node.right) + 1);
    return std::exchange(node.rank, rank) != rank;
  }

  // Weaves the right sides of both by key, which are no longer than the logarithm, then settles
  // them from below.
  uint32_t Merge(uint32_t a, uint32_t b) {
    uint32_t top = kNoPlace;
    uint32_t last = kNoPlace;
    while (a != kNoPlace && b != kNoPlace) {
      if (nodes_[b].key < nodes_[a].key) std::swap(a, b);
      if (last == kNoPlace) {
        top = a;
      } else {
        SetRight(last, a);
      }
      last = a;
      a = nodes_[a].right;
    }
    const uint32_t rest = a != kNoPlace ? a : b;
    if (last == kNoPlace) return rest;
    if (rest != kNoPlace) SetRight(last, rest);
    uint32_t at = last;
    for (; at != top; at = nodes_[at].up) Settle(nodes_[at]);
    Settle(nodes_[top]);
    return top;
  }

  void SetRight(uint32_t parent, uint32_t child) {
    nodes_[parent].right = child;
    nodes_[child].up = parent;
  }

  Pool<Node>& nodes_;
};

}  // namespace sluice

#endif  // SLUICE_ENGINE_BASE_LEFTIST_HEAP_H_
