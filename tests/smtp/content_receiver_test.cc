// Content of messages: the end of DATA, dots, line ends, NUL, sizes. Every case is fed whole, octet
// by octet and cut once at each place; a reference that goes octet by octet checks random input.

#include "smtp/content_receiver.h"

#include <gtest/gtest.h>

#include <string>

#include "engine/base/random.h"

namespace sluice::smtp {
namespace {

struct Outcome {
  std::string content;
  std::string rest;  // behind the end of data
  bool done = false;
  ContentFacts facts;
};

class Collect final : public ContentSink {
 public:
  void OnContent(std::string_view piece) override { text += piece; }
  std::string text;
};

// Feeds input[0, cut) and input[cut, end), or pieces of `step`.
Outcome Receive(std::string_view input, size_t cut, size_t step, const ContentRules& rules = {}) {
  Collect sink;
  ContentReceiver receiver;
  receiver.Begin(rules, &sink);
  size_t at = 0;
  while (at < input.size() && !receiver.done()) {
    const size_t end =
        at < cut ? cut : std::min(input.size(), step == 0 ? input.size() : at + step);
    const std::string piece(input.substr(at, end - at));
    at += receiver.Data(piece);
  }
  return {sink.text, std::string(input.substr(at)), receiver.done(), receiver.facts()};
}

Outcome ReceiveChunks(std::string_view input, size_t cut, const ContentRules& rules = {}) {
  Collect sink;
  ContentReceiver receiver;
  receiver.Begin(rules, &sink);
  receiver.Chunk(std::string(input.substr(0, cut)));
  receiver.Chunk(std::string(input.substr(cut)));
  receiver.Finish();
  return {sink.text, "", receiver.done(), receiver.facts()};
}

void ExpectSame(const Outcome& a, const Outcome& b, const std::string& input) {
  // After a fault nothing more is passed on; how much was before depends on the pieces.
  if (a.facts.fault == ContentFault::kNone) {
    EXPECT_EQ(a.content, b.content) << testing::PrintToString(input);
  }
  EXPECT_EQ(a.rest, b.rest) << testing::PrintToString(input);
  EXPECT_EQ(a.done, b.done) << testing::PrintToString(input);
  EXPECT_EQ(a.facts.fault, b.facts.fault) << testing::PrintToString(input);
  EXPECT_EQ(a.facts.received, b.facts.received) << testing::PrintToString(input);
  EXPECT_EQ(a.facts.lines, b.facts.lines) << testing::PrintToString(input);
  EXPECT_EQ(a.facts.bare_line_ends, b.facts.bare_line_ends) << testing::PrintToString(input);
  EXPECT_EQ(a.facts.eight_bit, b.facts.eight_bit) << testing::PrintToString(input);
  EXPECT_EQ(a.facts.long_lines, b.facts.long_lines) << testing::PrintToString(input);
  EXPECT_EQ(a.facts.dots, b.facts.dots) << testing::PrintToString(input);
}

Outcome ReceiveEveryWay(const std::string& input, const ContentRules& rules = {}) {
  const Outcome whole = Receive(input, 0, 0, rules);
  ExpectSame(whole, Receive(input, 0, 1, rules), input);
  for (size_t cut = 1; cut < input.size(); ++cut)
    ExpectSame(whole, Receive(input, cut, 0, rules), input);
  return whole;
}

struct Case {
  std::string_view input;
  std::string_view content;
  bool done;
  uint64_t bare;
};

// protocol.md 1. None of the ways to end data that others fell for ends it here.
constexpr Case kSmuggling[] = {
    {"a\r\n.\r\n", "a\r\n", true, 0},
    {".\r\n", "", true, 0},
    {"a\n.\n", "a\r\n.\r\n", false, 2},
    {"a\n.\r\n", "a\r\n.\r\n", false, 1},
    {"a\r\n.\n", "a\r\n\r\n", false, 1},
    {"a\r.\r", "a\r\n.", false, 1},
    {"a\r.\r\n", "a\r\n.\r\n", false, 1},
    {"a\r\n.\r", "a\r\n", false, 0},
    {"a\r\n.\rb", "a\r\n\r\nb", false, 1},
    {"a\r\r\n.\r\n", "a\r\n\r\n", true, 1},
    {"a\n\r\n.\r\n", "a\r\n\r\n", true, 1},
    {"a\r\n\r.\r\nb", "a\r\n\r\n.\r\nb", false, 1},
    {"a\n\n.\n\nb", "a\r\n\r\n.\r\n\r\nb", false, 4},
    {"a\r\n..\r\n.\r\n", "a\r\n.\r\n", true, 0},
    {"a\r\n...b\r\n.\r\n", "a\r\n..b\r\n", true, 0},
    {"a\r\n.b\r\n.\r\n", "a\r\nb\r\n", true, 0},
    {"..\r\n.\r\n", ".\r\n", true, 0},
    {"a.\r\n.\r\n", "a.\r\n", true, 0},
    {"a\r\n.\r\r\n", "a\r\n\r\n\r\n", false, 1},
    {"a\r\n. \r\n", "a\r\n \r\n", false, 0},
    {"a\n..b\r\n.\r\n", "a\r\n.b\r\n", true, 1},
    {"a\n..\r\n.\r\n", "a\r\n.\r\n", true, 1},
    {"a\n.b\r\n.\r\n", "a\r\n.b\r\n", true, 1},
    {"a\n.\r\n.\r\n", "a\r\n.\r\n", true, 1},
    {"a\n.\r.\r\n.\r\n", "a\r\n.\r\n.\r\n", true, 2},
};

TEST(ContentReceiver, EndsDataAtCrLfDotCrLfAndNothingElse) {
  for (const Case& c : kSmuggling) {
    const Outcome outcome = ReceiveEveryWay(std::string(c.input));
    EXPECT_EQ(outcome.content, c.content) << testing::PrintToString(std::string(c.input));
    EXPECT_EQ(outcome.done, c.done) << testing::PrintToString(std::string(c.input));
    EXPECT_EQ(outcome.facts.bare_line_ends, c.bare) << testing::PrintToString(std::string(c.input));
  }
}

TEST(ContentReceiver, LeavesWhatFollowsTheEndOfData) {
  const Outcome outcome = ReceiveEveryWay("a\r\n.\r\nMAIL FROM:<a@b>\r\n");
  EXPECT_EQ(outcome.rest, "MAIL FROM:<a@b>\r\n");
}

TEST(ContentReceiver, PutsNothingButCrLfLineEndsOut) {
  Random random(7);
  const std::string alphabet("\r\n.\r\nab\0\xc3", 10);
  for (int round = 0; round < 20'000; ++round) {
    std::string input;
    for (size_t n = random.Below(100); n > 0; --n) input += alphabet[random.Below(8)];
    for (const Outcome& outcome : {Receive(input, 0, 0), ReceiveChunks(input, 0)}) {
      for (size_t i = 0; i < outcome.content.size(); ++i) {
        if (outcome.content[i] == '\n') {
          ASSERT_TRUE(i > 0 && outcome.content[i - 1] == '\r');
        }
        if (outcome.content[i] == '\r' && outcome.content.size() > i + 1) {
          ASSERT_EQ(outcome.content[i + 1], '\n');
        }
      }
    }
    ExpectSame(Receive(input, 0, 0), Receive(input, 0, 1), input);
    ExpectSame(ReceiveChunks(input, 0), ReceiveChunks(input, random.Below(input.size() + 1)),
               input);
  }
}

TEST(ContentReceiver, GivesTheSameForLongInputHoweverItIsCut) {
  Random random(11);
  for (int round = 0; round < 300; ++round) {
    std::string input;
    while (input.size() < 3'000) {
      switch (random.Below(12)) {
        case 0:
          input += "\r\n.";
          break;
        case 1:
          input += "\n";
          break;
        case 2:
          input += "\r";
          break;
        case 3:
          input += "\xc3\xb6";
          break;
        case 4:
          input += std::string(random.Below(1'100), 'x');
          break;
        default:
          input += std::string(random.Below(80), 'y') + "\r\n";
      }
    }
    input += "\r\n.\r\n";
    ExpectSame(Receive(input, 0, 0), Receive(input, 0, 1), input);
    ExpectSame(Receive(input, 0, 0), Receive(input, 0, 61), input);
    ExpectSame(Receive(input, 0, 0), Receive(input, random.Below(3'000) + 1, 0), input);
    ExpectSame(ReceiveChunks(input, 0), ReceiveChunks(input, random.Below(3'000)), input);
  }
}

TEST(ContentReceiver, RefusesNulWhereverItStands) {
  for (const size_t at : {0u, 1u, 63u, 64u, 65u, 200u}) {
    std::string input(300, 'x');
    input[at] = '\0';
    EXPECT_EQ(ReceiveEveryWay(input + "\r\n.\r\n").facts.fault, ContentFault::kNul) << at;
    EXPECT_EQ(ReceiveChunks(input, at).facts.fault, ContentFault::kNul) << at;
  }
  EXPECT_EQ(ReceiveEveryWay(std::string("\r\0\r\n.\r\n", 7)).facts.fault, ContentFault::kNul);
}

TEST(ContentReceiver, RefusesBareLineEndsWhenToldAndReadsOnToTheEnd) {
  const ContentRules rules{.refuse_bare_line_ends = true};
  for (const char* input : {"a\nb\r\n.\r\n", "a\rb\r\n.\r\n", "a\r\r\n.\r\n"}) {
    const Outcome outcome = ReceiveEveryWay(input, rules);
    EXPECT_EQ(outcome.facts.fault, ContentFault::kBareLineEnd) << input;
    EXPECT_TRUE(outcome.done);
  }
}

TEST(ContentReceiver, SeesEightBitOctetsAndLinesThatBeginWithDots) {
  EXPECT_TRUE(ReceiveEveryWay("a\xc3\xb6\r\n.\r\n").facts.eight_bit);
  EXPECT_FALSE(ReceiveEveryWay("a\r\n.\r\n").facts.eight_bit);
  EXPECT_FALSE(ReceiveEveryWay("a.b\r\n.\r\n").facts.dots);
  for (const char* input : {"..a\r\n.\r\n", "b\r\n..\r\n.\r\n", "b\n.a\r\n.\r\n", "b\r.a\r\n.\r\n"})
    EXPECT_TRUE(ReceiveEveryWay(input).facts.dots) << input;
  EXPECT_TRUE(ReceiveChunks(".a\r\n", 0).facts.dots);
  EXPECT_TRUE(ReceiveChunks("a\r\n.\r\nb", 2).facts.dots);
  EXPECT_TRUE(ReceiveChunks("a\r\n.\r\nb", 3).facts.dots);
  EXPECT_FALSE(ReceiveChunks("a.\r\nb", 3).facts.dots);
}

TEST(ContentReceiver, FindsLinesOver998Octets) {
  const std::string fits(998, 'x');
  EXPECT_FALSE(ReceiveEveryWay("a\r\n" + fits + "\r\n.\r\n").facts.long_lines);
  EXPECT_TRUE(ReceiveEveryWay("a\r\n" + fits + "x\r\n.\r\n").facts.long_lines);
  EXPECT_TRUE(ReceiveEveryWay("a\r\n" + fits + "xxx\n.\r\n").facts.long_lines);
  EXPECT_EQ(Receive(fits + "x\r\n.\r\n", 0, 0, {.refuse_long_lines = true}).facts.fault,
            ContentFault::kLongLine);
  EXPECT_EQ(Receive(fits + "\r\n.\r\n", 0, 0, {.refuse_long_lines = true}).facts.fault,
            ContentFault::kNone);
}

TEST(ContentReceiver, StopsPassingOnAtItsSizeAndReadsToTheEnd) {
  const std::string input = std::string(100, 'x') + "\r\n..y\r\n.\r\n";  // 102 + 4 octets
  EXPECT_EQ(ReceiveEveryWay(input, {.size_max = 106}).facts.fault, ContentFault::kNone);
  const Outcome over = ReceiveEveryWay(input, {.size_max = 105});
  EXPECT_EQ(over.facts.fault, ContentFault::kTooLarge);
  EXPECT_TRUE(over.done);
  EXPECT_EQ(Receive(input, 0, 0).facts.received, 106u);
  EXPECT_EQ(ReceiveChunks("abc\r", 1, {.size_max = 3}).facts.fault, ContentFault::kTooLarge);
}

TEST(ContentReceiver, GivesChunkedContentItsLastLineEnd) {
  EXPECT_EQ(ReceiveChunks("a", 0).content, "a\r\n");
  EXPECT_EQ(ReceiveChunks("a\r", 0).content, "a\r\n");
  EXPECT_EQ(ReceiveChunks("a\r\n", 2).content, "a\r\n");
  EXPECT_EQ(ReceiveChunks("a\n", 1).content, "a\r\n");
  EXPECT_EQ(ReceiveChunks("", 0).content, "");
  EXPECT_EQ(ReceiveChunks("a\r\n.\r\nb\r\n", 0).content, "a\r\n.\r\nb\r\n");
}

}  // namespace
}  // namespace sluice::smtp
