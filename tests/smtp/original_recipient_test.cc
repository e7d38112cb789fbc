// Goal: an ORCPT of the type utf-8 reaches receivers without SMTPUTF8 in the form of RFC 6533 3.
// Method: values and what is written for them.

#include "smtp/original_recipient.h"

#include <gtest/gtest.h>

#include <string>

namespace sluice::smtp {
namespace {

TEST(OriginalRecipient, IsLeftAloneWhereItIsAscii) {
  for (const char* value : {"rfc822;a+2Bx@b", "utf-8;\\x{FC}ser@b", "utf-8;plain@b", ""})
    EXPECT_EQ(AsciiOrcpt(value), value);
}

TEST(OriginalRecipient, IsWrittenWithEmbeddedCodePoints) {
  EXPECT_EQ(AsciiOrcpt("utf-8;\xc3\xbcser@b"), "utf-8;\\x{FC}ser@b");
  EXPECT_EQ(AsciiOrcpt("UTF-8;\xc3\xbcser@b"), "utf-8;\\x{FC}ser@b");
  EXPECT_EQ(AsciiOrcpt("utf-8;\xe2\x82\xac@b"), "utf-8;\\x{20AC}@b");
  EXPECT_EQ(AsciiOrcpt("utf-8;\xf0\x9f\x93\xae@b"), "utf-8;\\x{1F4EE}@b");
}

TEST(OriginalRecipient, KeepsWhatWasEmbeddedAndEmbedsWhatXtextForbids) {
  EXPECT_EQ(AsciiOrcpt("utf-8;\\x{2B}\xc3\xbc+=\\@b"),
            "utf-8;\\x{2B}\\x{FC}\\x{2B}\\x{3D}\\x{5C}@b");
}

TEST(OriginalRecipient, IsLeftOutWhereItHasNoSuchForm) {
  EXPECT_EQ(AsciiOrcpt("rfc822;\xc3\xbc@b"), "");
  EXPECT_EQ(AsciiOrcpt("utf-8;\xc3@b"), "");
  std::string longest = "utf-8;" + std::string(488, 'x');
  EXPECT_EQ(AsciiOrcpt(longest + "\xc3\xbc").size(), kOrcptMax);
  EXPECT_EQ(AsciiOrcpt(longest + "x\xc3\xbc"), "");
}

}  // namespace
}  // namespace sluice::smtp
