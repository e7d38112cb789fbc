// tests/io/write_chain_test.cc — the buffer behind a stream that its peer does not keep up with.

#include "engine/io/write_chain.h"

#include <gtest/gtest.h>

#include <string>

#include "engine/base/random.h"

namespace sluice::io {
namespace {

std::string ToString(WriteChain& chain) {
  std::string out;
  chain.ForEachPiece(SIZE_MAX, [&](char* bytes, size_t n) { out.append(bytes, n); });
  return out;
}

TEST(WriteChain, IsAQueueOfOctets) {
  BlockPool pool;
  WriteChain chain(pool);
  Random random(7);
  std::string model;
  for (int i = 0; i < 2000; ++i) {
    if (random.Below(2) == 0) {
      const std::string more(random.Below(40'000), char('a' + i % 26));
      chain.Append(more);
      model += more;
    } else {
      const size_t n = size_t(random.Below(std::min<size_t>(model.size(), 60'000) + 1));
      chain.Consume(n);
      model.erase(0, n);
    }
    ASSERT_EQ(chain.size(), model.size());
    ASSERT_EQ(chain.empty(), model.empty());
    if (i % 50 == 0) {
      ASSERT_EQ(ToString(chain), model);
    }
  }
  chain.Consume(chain.size());
  EXPECT_TRUE(chain.empty());
  EXPECT_EQ(ToString(chain), "");
}

TEST(WriteChain, NeverMovesWhatItHolds) {
  BlockPool pool;
  WriteChain chain(pool);
  chain.Append("abc");
  char* first = nullptr;
  chain.ForEachPiece(1, [&](char* bytes, size_t) { first = bytes; });
  for (int i = 0; i < 100; ++i) chain.Append(std::string(5000, 'x'));
  chain.ForEachPiece(1, [&](char* bytes, size_t) { EXPECT_EQ(bytes, first); });
  EXPECT_EQ(std::string(first, 3), "abc");
}

}  // namespace
}  // namespace sluice::io
