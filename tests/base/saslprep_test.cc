// SASLprep: the examples of RFC 4013, and what it forbids.

#include "engine/base/saslprep.h"

#include <gtest/gtest.h>

#include <string>

namespace sluice {
namespace {

std::string Prepared(std::string_view text, SaslUse use = SaslUse::kQuery) {
  const auto made = SaslPrep(text, use);
  return made ? *made : "error: " + made.error().what;
}

TEST(SaslPrep, MakesWhatTheExamplesOfRfc4013Say) {
  EXPECT_EQ(Prepared("I\xc2\xadX"), "IX");
  EXPECT_EQ(Prepared("user"), "user");
  EXPECT_EQ(Prepared("USER"), "USER");
  EXPECT_EQ(Prepared("\xc2\xaa"), "a");
  EXPECT_EQ(Prepared("\xe2\x85\xa8"), "IX");
  EXPECT_TRUE(Prepared("\x07").starts_with("error: "));
  EXPECT_TRUE(Prepared("\xd8\xa7\x31").starts_with("error: "));
}

TEST(SaslPrep, ComposesAndMakesEveryBlankOne) {
  EXPECT_EQ(Prepared("e\xcc\x81"), "\xc3\xa9");
  EXPECT_EQ(Prepared("a\xc2\xa0\x62"), "a b");
  EXPECT_EQ(Prepared(" ~!correct horse"), " ~!correct horse");
}

TEST(SaslPrep, RefusesWhatIsNoTextOrNothing) {
  EXPECT_EQ(Prepared("\xff"), "error: is not UTF-8, which SASL needs");
  EXPECT_EQ(Prepared(std::string_view("a\0b", 3)),
            "error: has control characters, which SASL forbids");
  EXPECT_EQ(Prepared("\xc2\xad"), "error: has nothing in it that SASL would keep");
  EXPECT_EQ(Prepared(""), "");
}

TEST(SaslPrep, StoresNothingThatUnicode32DoesNotKnow) {
  constexpr std::string_view kNewer = "\xc8\xa1";  // U+0221, of Unicode 4.0
  EXPECT_EQ(Prepared(kNewer), kNewer);
  EXPECT_TRUE(Prepared(kNewer, SaslUse::kStored).starts_with("error: "));
}

TEST(SaslName, LeavesWhatCannotBePrepared) {
  EXPECT_EQ(SaslName("I\xc2\xadX"), "IX");
  EXPECT_EQ(SaslName("\xff"), "\xff");
}

}  // namespace
}  // namespace sluice
