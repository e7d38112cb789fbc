// Pools and what finds their objects: heaps, tables, names.

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "engine/base/leftist_heap.h"
#include "engine/base/name_table.h"
#include "engine/base/place_table.h"
#include "engine/base/random.h"

namespace sluice {
namespace {

struct Node : HeapLinks {};

TEST(LeftistHeap, HasTheLeastOnTopWhoeverComesAndLeaves) {
  Pool<Node> nodes;
  LeftistHeap heap(nodes);
  Random random(1);
  uint32_t top = kNoPlace;
  std::multiset<uint64_t> keys;
  std::vector<uint32_t> in;
  for (int step = 0; step < 20'000; ++step) {
    if (in.empty() || random.Below(100) < 55) {
      const uint32_t node = nodes.Take();
      nodes[node].key = random.Below(500);
      keys.insert(nodes[node].key);
      heap.Push(top, node);
      in.push_back(node);
    } else {
      const size_t i = size_t(random.Below(in.size()));
      const uint32_t node = random.Below(2) == 0 ? top : in[i];
      in.erase(std::ranges::find(in, node));
      keys.erase(keys.find(nodes[node].key));
      heap.Remove(top, node);
      nodes.Free(node);
    }
    ASSERT_EQ(nodes.size(), keys.size());
    if (keys.empty()) {
      ASSERT_EQ(top, kNoPlace);
    } else {
      ASSERT_EQ(nodes[top].key, *keys.begin());
    }
  }
}

// The way down to the right bounds every operation.
TEST(LeftistHeap, IsNoDeeperToTheRightThanTheLogarithm) {
  Pool<Node> nodes;
  LeftistHeap heap(nodes);
  uint32_t top = kNoPlace;
  for (uint64_t i = 0; i < 10'000; ++i) {
    const uint32_t node = nodes.Take();
    nodes[node].key = i * 7919 % 10'007;
    heap.Push(top, node);
  }
  EXPECT_LE(nodes[top].rank, int(std::log2(10'001)));
}

TEST(Pool, GivesAFreePlaceAgainWithFreshValues) {
  Pool<Node> nodes;
  const uint32_t place = nodes.Take();
  nodes[place].key = 7;
  nodes.Free(place);
  EXPECT_EQ(nodes.Take(), place);
  EXPECT_EQ(nodes[place].key, 0u);
}

TEST(PlaceTable, FindsWhatIsInItWhateverComesAndLeaves) {
  Pool<Node> nodes;
  const auto hash = [](uint64_t key) { return key % 61 * 3; };  // a bad one, so that they meet
  PlaceTable table([&](uint32_t place) { return hash(nodes[place].key); });
  const auto find = [&](uint64_t key) {
    return table.Find(hash(key), [&](uint32_t place) { return nodes[place].key == key; });
  };
  Random random(2);
  std::map<uint64_t, uint32_t> in;
  for (int step = 0; step < 20'000; ++step) {
    const uint64_t key = random.Below(300);
    const auto it = in.find(key);
    ASSERT_EQ(find(key), it == in.end() ? kNoPlace : it->second);
    if (it == in.end()) {
      const uint32_t place = nodes.Take();
      nodes[place].key = key;
      table.Add(place);
      in.emplace(key, place);
    } else {
      table.Remove(it->second);
      nodes.Free(it->second);
      in.erase(it);
    }
    ASSERT_EQ(table.size(), in.size());
  }
  size_t seen = 0;
  table.ForEach([&](uint32_t place) { seen += in.at(nodes[place].key) == place; });
  EXPECT_EQ(seen, in.size());
}

TEST(NameTable, KeepsANameAsLongAsSomebodyHoldsIt) {
  NameTable names;
  const uint32_t place = names.Hold("shop");
  EXPECT_EQ(names.Hold("shop"), place);
  names.Drop(place);
  EXPECT_EQ(names.Find("shop"), place);
  EXPECT_EQ(names.Text(place), "shop");
  names.Drop(place);
  EXPECT_EQ(names.Find("shop"), kNoPlace);
  EXPECT_EQ(names.size(), 0u);
}

}  // namespace
}  // namespace sluice
