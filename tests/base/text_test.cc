// ASCII helpers, base64 and UTF-8: against published vectors, and against every near miss we know.

#include "engine/base/text.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>

namespace sluice {
namespace {

TEST(Text, ComparesWithoutCaseInAsciiOnly) {
  EXPECT_TRUE(EqualsNoCase("MaIl", "mAiL"));
  EXPECT_FALSE(EqualsNoCase("mail", "mai"));
  EXPECT_FALSE(EqualsNoCase("\xc4", "\xe4")) << "octets outside ASCII have no case here";
  EXPECT_FALSE(EqualsNoCase("@", "`")) << "neighbours of the letters are no letters";
  EXPECT_FALSE(EqualsNoCase("[", "{"));
  EXPECT_EQ(Lower("X-Campaign: \xc3\x84"), "x-campaign: \xc3\x84");
  EXPECT_TRUE(StartsWithNoCase("mail from:<>", "MAIL FROM:"));
  EXPECT_FALSE(StartsWithNoCase("mai", "mail"));
}

TEST(Text, TrimsSpacesAndTabsAtBothEnds) {
  EXPECT_EQ(Trim(" \t a b\t "), "a b");
  EXPECT_EQ(Trim(" \t "), "");
  EXPECT_EQ(Trim("\r\n"), "\r\n");
}

TEST(Text, FindsTheDomainAfterTheLastAt) {
  EXPECT_EQ(DomainOf("a@example.com"), "example.com");
  EXPECT_EQ(DomainOf("\"a@b\"@example.com"), "example.com");
  EXPECT_EQ(DomainOf("postmaster"), "");
  EXPECT_EQ(DomainOf("a@"), "");
}

TEST(Base64, AgreesWithRfc4648) {
  const std::pair<const char*, const char*> kVectors[] = {{"", ""},
                                                          {"f", "Zg=="},
                                                          {"fo", "Zm8="},
                                                          {"foo", "Zm9v"},
                                                          {"foob", "Zm9vYg=="},
                                                          {"fooba", "Zm9vYmE="},
                                                          {"foobar", "Zm9vYmFy"}};
  for (const auto& [plain, coded] : kVectors) {
    std::string decoded;
    EXPECT_EQ(Base64Encode(plain), coded);
    EXPECT_TRUE(Base64Decode(coded, decoded));
    EXPECT_EQ(decoded, plain);
  }
}

TEST(Base64, CarriesEveryOctet) {
  std::string all;
  for (int i = 0; i < 256; ++i) all.push_back(char(i));
  for (size_t length = 0; length <= all.size(); ++length) {
    std::string decoded;
    ASSERT_TRUE(Base64Decode(Base64Encode(all.substr(0, length)), decoded));
    ASSERT_EQ(decoded, all.substr(0, length));
  }
}

TEST(Base64, RefusesWhatIsNotItsOneSpelling) {
  std::string out;
  for (const char* text : {"Z", "Zg", "Zg=", "Zg===", "Zm9v=", "=", "====", "Z===", "Zg==Zg==",
                           "Zm=v", "Zm9 v", "Zm9v\n", "Zh==", "Zm9=", "Zm-_", "Zm9\xff"})
    EXPECT_FALSE(Base64Decode(text, out)) << text;
}

TEST(Utf8, AcceptsWellFormedText) {
  for (const char* text : {"", "plain", "\xc2\x80", "\xdf\xbf", "\xe0\xa0\x80", "\xed\x9f\xbf",
                           "\xee\x80\x80", "\xef\xbf\xbf", "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf",
                           "gr\xc3\xbc\xc3\x9f@b\xc3\xbc"
                           "cher.example"})
    EXPECT_TRUE(IsUtf8(text)) << text;
}

TEST(Utf8, RefusesOverlongSurrogatesBeyondAndCutShort) {
  for (const char* text : {"\x80",
                           "\xbf",
                           "\xc0\x80",
                           "\xc1\xbf",
                           "\xc2",
                           "\xc2\x41",
                           "\xe0\x80\x80",
                           "\xe0\x9f\xbf",
                           "\xe1\x80",
                           "\xed\xa0\x80",
                           "\xed\xbf\xbf",
                           "\xf0\x80\x80\x80",
                           "\xf0\x8f\xbf\xbf",
                           "\xf0\x90\x80",
                           "\xf4\x90\x80\x80",
                           "\xf5\x80\x80\x80",
                           "\xfe",
                           "\xff",
                           "a\xffz",
                           "\xc3\xa9\xc3"})
    EXPECT_FALSE(IsUtf8(text)) << text;
}

}  // namespace
}  // namespace sluice
