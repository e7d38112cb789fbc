// Goal: what leaves after DATA cannot be misread: dots stuffed, only CR LF, one final dot.
// Method: a table of contents, encoded in every cut and with few slices at a time.

#include "smtp/content_encoder.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

namespace sluice::smtp {
namespace {

std::string Encode(std::string_view text, size_t cut, size_t slices_max) {
  ContentEncoder encoder;
  std::string out;
  std::vector<std::string_view> slices;
  for (std::string_view piece : {text.substr(0, cut), text.substr(cut)}) {
    while (!piece.empty()) {
      slices.clear();
      const size_t taken = encoder.Encode(piece, slices_max, slices);
      EXPECT_GT(taken, 0u);
      EXPECT_LE(slices.size(), slices_max);
      for (const std::string_view slice : slices) out.append(slice);
      piece.remove_prefix(taken);
    }
  }
  slices.clear();
  encoder.Finish(slices);
  for (const std::string_view slice : slices) out.append(slice);
  return out;
}

TEST(ContentEncoder, StuffsDotsAndEndsOnceInEveryCut) {
  struct Case {
    std::string_view in;
    const char* out;
  };
  for (const Case& c : {
           Case{"", ".\r\n"},
           Case{"a\r\n", "a\r\n.\r\n"},
           Case{"a", "a\r\n.\r\n"},
           Case{".\r\n", "..\r\n.\r\n"},
           Case{".", "..\r\n.\r\n"},
           Case{"..\r\n.\r\n", "...\r\n..\r\n.\r\n"},
           Case{"a.\r\nb.c\r\n", "a.\r\nb.c\r\n.\r\n"},
           Case{"a\r\n.b\r\n\r\n.", "a\r\n..b\r\n\r\n..\r\n.\r\n"},
           // What must not be in the store is put right all the same.
           Case{"a\n.b", "a\r\n..b\r\n.\r\n"},
           Case{"a\r.b", "a\r\n..b\r\n.\r\n"},
           Case{"a\r", "a\r\n.\r\n"},
           Case{"a\r\r\nb\r\n", "a\r\n\r\nb\r\n.\r\n"},
           Case{"a\n.\nb\r\n", "a\r\n..\r\nb\r\n.\r\n"},
           Case{{"a\0b\r\n", 5}, "ab\r\n.\r\n"},
           Case{{"\r\n\0.\r\n", 6}, "\r\n..\r\n.\r\n"},
       }) {
    for (size_t cut = 0; cut <= c.in.size(); ++cut) {
      EXPECT_EQ(Encode(c.in, cut, 100), c.out) << c.in << " cut at " << cut;
      EXPECT_EQ(Encode(c.in, cut, 3), c.out) << c.in << " cut at " << cut;
    }
  }
}

TEST(ContentEncoder, CopiesNothingAndMergesLines) {
  const std::string text = "one\r\ntwo\r\n.three\r\nfour\r\n";
  ContentEncoder encoder;
  std::vector<std::string_view> slices;
  EXPECT_EQ(encoder.Encode(text, 100, slices), text.size());
  ASSERT_EQ(slices.size(), 2u);
  for (const std::string_view slice : slices) {
    EXPECT_GE(slice.data(), text.data());
    EXPECT_LE(slice.data() + slice.size(), text.data() + text.size());
  }
}

}  // namespace
}  // namespace sluice::smtp
