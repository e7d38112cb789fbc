// Names of messages: same order as text and as number, and no second spelling.

#include "engine/base/message_id.h"

#include <gtest/gtest.h>

#include <cctype>

namespace sluice {
namespace {

constexpr MessageId kIds[] = {0,
                              1,
                              31,
                              32,
                              1u << 20,
                              FirstMessageIdOfRun(1) - 1,
                              FirstMessageIdOfRun(1),
                              FirstMessageIdOfRun(1) + 7,
                              FirstMessageIdOfRun((1u << 24) - 1),
                              UINT64_MAX};

TEST(MessageId, ComesBackFromItsText) {
  for (const MessageId id : kIds) {
    const std::string text = FormatMessageId(id);
    EXPECT_EQ(text.size(), kMessageIdChars);
    for (const char c : text) EXPECT_TRUE(std::isalnum(static_cast<unsigned char>(c)));
    EXPECT_EQ(ParseMessageId(text), id);
  }
}

TEST(MessageId, SortsAsTextLikeAsNumber) {
  for (size_t i = 1; i < std::size(kIds); ++i)
    EXPECT_LT(FormatMessageId(kIds[i - 1]), FormatMessageId(kIds[i]));
}

TEST(MessageId, RefusesOtherTexts) {
  for (const char* text : {"", "0", "000000000000", "00000000000000", "000000000000w",
                           "000000000000A", "00000000000 0", "g000000000000", "vvvvvvvvvvvvv"})
    EXPECT_FALSE(ParseMessageId(text).has_value()) << text;
}

}  // namespace
}  // namespace sluice
