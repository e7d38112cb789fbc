// Goal: replies as real servers write them are understood, all others are faults (protocol.md 10).
// Method: tables of replies, fed whole and in every cut.

#include "smtp/reply.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "smtp/capabilities.h"

namespace sluice::smtp {
namespace {

// "550 5.1.1|text|text", or "more", or "fault".
std::string Parse(std::string_view bytes, size_t cut) {
  ReplyParser parser;
  ReplyParser::Step step;
  for (std::string_view part : {bytes.substr(0, cut), bytes.substr(cut)}) {
    if (part.empty()) continue;
    step = parser.Feed(part);
    if (step.state != ReplyParser::State::kMore) break;
    if (step.consumed != part.size()) return "left some";
  }
  if (step.state == ReplyParser::State::kMore) return "more";
  if (step.state == ReplyParser::State::kFault) return "fault";
  const Reply reply = parser.reply();
  std::string out = std::to_string(reply.code);
  if (!reply.enhanced.empty()) out += " " + std::string(reply.enhanced);
  out += "|";
  for (const char c : reply.text) out += c == '\n' ? '|' : c;
  return out;
}

TEST(Reply, IsUnderstoodInEveryCut) {
  struct Case {
    std::string_view bytes;
    const char* expected;
  };
  for (const Case& c : {
           Case{"250 ok\r\n", "250|ok"},
           Case{"250 2.1.0 Sender ok\r\n", "250 2.1.0|Sender ok"},
           Case{"250\r\n", "250|"},
           Case{"250 \r\n", "250|"},
           Case{"250 ok\n", "250|ok"},
           Case{"250-one\r\n250-\r\n250 two\r\n", "250|one||two"},
           Case{"421,4.7.0 try again\r\n", "421 4.7.0|try again"},
           Case{"550 5.1.1: who\r\n", "550 5.1.1|: who"},
           Case{"550 5.7.1.2 version\r\n", "550|5.7.1.2 version"},
           Case{"550 5.1.1\r\n", "550 5.1.1|"},
           Case{"550-5.1.1 first\r\n550 second\r\n", "550 5.1.1|first|second"},
           Case{"550-no service\r\n550 5.7.1 listed\r\n", "550 5.7.1|no service|listed"},
           Case{"550-5.1.1 a\r\n550 5.7.1 b\r\n", "550 5.7.1|a|b"},
           Case{"450 5.1.1 odd\r\n", "450 5.1.1|odd"},
           // Different codes: the last decides ...
           Case{"450-later\r\n550 no\r\n", "550|later|no"},
           Case{"550-no\r\n450 later\r\n", "450|no|later"},
           Case{"250-ok\r\n251 ok\r\n", "251|ok|ok"},
           // ... but the worst class is kept when they disagree on success.
           Case{"550-no\r\n250 ok\r\n", "550|no|ok"},
           Case{"450-later\r\n250 ok\r\n", "450|later|ok"},
           Case{"450-4.2.0 later\r\n250 2.0.0 ok\r\n", "450 4.2.0|later|ok"},
           Case{"250-ok\r\n550 no\r\n", "550|ok|no"},
           Case{"450-a\r\n554-b\r\n250 ok\r\n", "554|a|b|ok"},
           Case{"250-unfinished\r\n", "more"},
           Case{"25", "more"},
           Case{"hello\r\n", "fault"},
           Case{"\r\n", "fault"},
           Case{"25 ok\r\n", "fault"},
           Case{"2500 ok\r\n", "fault"},
           Case{"250ok\r\n", "fault"},
           Case{"150 ok\r\n", "fault"},
           Case{"600 ok\r\n", "fault"},
           Case{"000 ok\r\n", "fault"},
           Case{" 250 ok\r\n", "fault"},
           Case{"250-ok\r\nmore text\r\n", "fault"},
       }) {
    for (size_t cut = 0; cut <= c.bytes.size(); ++cut)
      EXPECT_EQ(Parse(c.bytes, cut), c.expected) << c.bytes << " cut at " << cut;
  }
}

TEST(Reply, TakesOnlyItsOwnOctets) {
  ReplyParser parser;
  const std::string two = "250-a\r\n250 b\r\n354 c\r\n";
  const ReplyParser::Step first = parser.Feed(two);
  ASSERT_EQ(first.state, ReplyParser::State::kReply);
  EXPECT_EQ(parser.reply().text, "a\nb");
  const ReplyParser::Step second = parser.Feed(std::string_view(two).substr(first.consumed));
  ASSERT_EQ(second.state, ReplyParser::State::kReply);
  EXPECT_EQ(parser.reply().code, 354);
  EXPECT_EQ(parser.reply().text, "c");
  EXPECT_FALSE(parser.partial());
}

TEST(Reply, BoundsALine) {
  const std::string fits = "250 " + std::string(kReplyLineBytesMax - 6, 'x') + "\r\n";
  EXPECT_EQ(Parse(fits, 100).substr(0, 5), "250|x");
  EXPECT_EQ(Parse("250 x" + fits.substr(4), 100), "fault");
  EXPECT_EQ(Parse(std::string(kReplyLineBytesMax + 1, '2'), 0), "fault") << "without an end too";
}

TEST(Reply, BoundsTheWhole) {
  const std::string line = "250-" + std::string(1018, 'x') + "\r\n";
  std::string reply;
  for (int i = 0; i < 63; ++i) reply += line;
  EXPECT_EQ(Parse(reply + "250 x\r\n", 5000).substr(0, 3), "250");
  EXPECT_EQ(Parse(reply + line + line + "250 x\r\n", 5000), "fault");
}

TEST(Reply, IsCleanedForTheRecord) {
  EXPECT_EQ(CleanReplyText("a\nb", 100), "a b");
  EXPECT_EQ(CleanReplyText("  a\t \x01\x7f"
                           "b  ",
                           100),
            "a b");
  EXPECT_EQ(CleanReplyText(std::string_view("a\0b", 3), 100), "a b");
  EXPECT_EQ(CleanReplyText("caf\xc3\xa9 \xff\xc3", 100), "caf\xc3\xa9 ??");
  EXPECT_EQ(CleanReplyText("x\xc2\x9b"
                           "31m",
                           100),
            "x?31m")
      << "C1 control characters";
  EXPECT_EQ(CleanReplyText("abcdef", 3), "abc");
  EXPECT_EQ(CleanReplyText("ab\xc3\xa9", 3), "ab") << "characters stay whole";
}

TEST(Capabilities, AreReadFromTheLinesBehindTheGreeting) {
  const Capabilities caps = ParseCapabilities(
      "mx.example DSN\nPIPELINING\nsize 35882577\n8BITMIME\nChunking\nSMTPUTF8\nSTARTTLS\n"
      "LIMITS RCPTMAX=20 MAILMAX=5 X=1\nXUNKNOWN 1 2");
  EXPECT_TRUE(caps.pipelining && caps.eight_bit && caps.chunking && caps.utf8 && caps.starttls);
  EXPECT_FALSE(caps.dsn) << "the greeting is no keyword";
  EXPECT_EQ(caps.size_max, 35882577u);
  EXPECT_EQ(caps.rcpt_max, 20u);
  EXPECT_EQ(caps.mail_max, 5u);
}

TEST(Capabilities, PassOverWhatIsMalformed) {
  for (const char* size : {"SIZE", "SIZE x", "SIZE -1", "SIZE 99999999999999999999999", "SIZE 0"}) {
    const Capabilities caps = ParseCapabilities(std::string("mx\n") + size);
    EXPECT_TRUE(caps.size) << size;
    EXPECT_EQ(caps.size_max, 0u) << size;
  }
  EXPECT_EQ(ParseCapabilities("mx\nSIZE=100").size_max, 100u);
  EXPECT_EQ(ParseCapabilities("mx\nLIMITS RCPTMAX MAILMAX=x RCPTMAX=").rcpt_max, 0u);
  EXPECT_FALSE(ParseCapabilities("").size);
  EXPECT_FALSE(ParseCapabilities("mx\n\n\n").pipelining);
}

}  // namespace
}  // namespace sluice::smtp
