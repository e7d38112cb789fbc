// SCRAM-SHA-256: the example of RFC 7677, and everything that a message can have wrong.

#include "smtp/scram.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "engine/base/text.h"

namespace sluice::smtp {
namespace {

using testing::HasSubstr;

// RFC 7677 3: user "user", password "pencil".
constexpr char kFirst[] = "n,,n=user,r=rOprNGfwEbeRWgbNEkqO";
constexpr char kServerNonce[] = "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
constexpr char kChallenge[] =
    "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";
constexpr char kLast[] =
    "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
    "p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=";
constexpr char kSignature[] = "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=";

ScramKeys ExampleKeys() {
  std::string salt;
  EXPECT_TRUE(Base64Decode("W22ZaJ0SNY7soEsUEjb6gQ==", salt));
  return MakeScramKeys("pencil", salt, 4096);
}

TEST(Scram, SpeaksTheExampleOfRfc7677) {
  ScramExchange exchange;
  EXPECT_TRUE(exchange.First(kFirst).empty());
  EXPECT_EQ(exchange.user(), "user");
  EXPECT_EQ(exchange.Challenge(ExampleKeys(), kServerNonce), kChallenge);
  EXPECT_EQ(exchange.Last(kLast), ScramExchange::Proof::kGood);
  EXPECT_EQ(exchange.Signature(), kSignature);
}

TEST(Scram, KeepsKeysAsTextWithoutThePassword) {
  const std::string text = FormatScramKeys(ExampleKeys());
  EXPECT_EQ(text.find("pencil"), std::string::npos);
  const auto keys = ParseScramKeys(text);
  ASSERT_TRUE(keys);
  EXPECT_EQ(FormatScramKeys(*keys), text);
  EXPECT_TRUE(IsScramPassword(*keys, "pencil"));
  EXPECT_FALSE(IsScramPassword(*keys, "pencils"));
  for (size_t cut = 0; cut < text.size(); ++cut)
    EXPECT_FALSE(ParseScramKeys(std::string_view(text).substr(0, cut))) << cut;
  for (const char* cost : {"4095:", "1000001:", "-1:", "x:", ":", "99999999999:"}) {
    std::string other = text;
    other.replace(other.find("4096:"), 5, cost);
    EXPECT_FALSE(ParseScramKeys(other)) << other;
  }
}

TEST(Scram, TellsAWrongProofFromAMalformedMessage) {
  const std::string nonce = "rOprNGfwEbeRWgbNEkqO" + std::string(kServerNonce);
  const std::string proof = std::string(kLast).substr(std::string(kLast).find("p="));
  const struct {
    std::string last;
    ScramExchange::Proof proof;
  } kCases[] = {
      {"c=biws,r=" + nonce + ",p=" + Base64Encode(std::string(32, 'x')),
       ScramExchange::Proof::kWrong},
      {"c=eSws,r=" + nonce + "," + proof, ScramExchange::Proof::kWrong},
      {"c=biws,r=" + nonce + "x," + proof, ScramExchange::Proof::kWrong},
      {"c=biws,r=rOprNGfwEbeRWgbNEkqO," + proof, ScramExchange::Proof::kWrong},
      {"c=biws,r=" + nonce, ScramExchange::Proof::kMalformed},
      {"c=biws,r=" + nonce + ",p=", ScramExchange::Proof::kMalformed},
      {"c=biws,r=" + nonce + ",p=!!", ScramExchange::Proof::kMalformed},
      {"r=" + nonce + ",c=biws," + proof, ScramExchange::Proof::kMalformed},
      {"", ScramExchange::Proof::kMalformed},
      {",p=", ScramExchange::Proof::kMalformed},
  };
  for (const auto& c : kCases) {
    ScramExchange exchange;
    EXPECT_TRUE(exchange.First(kFirst).empty());
    exchange.Challenge(ExampleKeys(), kServerNonce);
    EXPECT_EQ(exchange.Last(c.last), c.proof) << c.last;
  }
}

TEST(Scram, RefusesFirstMessagesThatAreNone) {
  const struct {
    const char* first;
    int code;
  } kCases[] = {
      {"n,,n=user,r=abc", 0},
      {"y,,n=user,r=abc,x=later", 0},
      {"n,a=user,n=user,r=abc", 0},
      {"n,a=other,n=user,r=abc", 535},
      {"p=tls-unique,,n=user,r=abc", 504},
      {"n,,m=ext,n=user,r=abc", 501},
      {"", 501},
      {"n", 501},
      {"n,", 501},
      {"n,,", 501},
      {"n,x,n=user,r=abc", 501},
      {"n,a=,n=user,r=abc", 0},
      {"n,a=x", 501},
      {"n,,n=,r=abc", 501},
      {"n,,n=user", 501},
      {"n,,n=user,r=", 501},
      {"n,,n=us=er,r=abc", 501},
      {"n,,n=us=2,r=abc", 501},
      {"n,,n=us\ner,r=abc", 501},
      {"n,,n=\xff,r=abc", 501},
      {"n,,r=abc,n=user", 501},
      {"n,,n=user,r=a\x01", 501},
  };
  for (const auto& c : kCases) EXPECT_EQ(ScramExchange().First(c.first).code, c.code) << c.first;
  ScramExchange exchange;
  EXPECT_TRUE(exchange.First("n,,n=a=2Cb=3Dc,r=abc").empty());
  EXPECT_EQ(exchange.user(), "a,b=c");
  EXPECT_EQ(ScramExchange().First("n,,n=u,r=" + std::string(kScramNonceMax + 1, 'r')).code, 501);
  EXPECT_THAT(ScramExchange().First("p=x,,n=u,r=r").text, HasSubstr("Channel binding"));
}

TEST(Scram, PreparesNamesAndPasswords) {
  ScramExchange exchange;
  EXPECT_TRUE(exchange.First("n,,n=I\xc2\xadX,r=abc").empty());  // RFC 4013 3: a soft hyphen goes
  EXPECT_EQ(exchange.user(), "IX");
  for (const char* forbidden : {"n,,n=\xd8\xa7"
                                "1,r=abc",
                                "n,,n=a\tb,r=abc", "n,,n=\xc2\xad,r=abc"})
    EXPECT_FALSE(ScramExchange().First(forbidden).empty()) << forbidden;
  const ScramKeys keys = MakeScramKeys("gr\xc3\xbc\xc3\x9f", "salt", kScramIterationsMin);
  EXPECT_TRUE(IsScramPassword(keys, "gru\xcc\x88\xc3\x9f"));  // u and a combining diaeresis
  EXPECT_FALSE(IsScramPassword(keys, "grus"));
  EXPECT_FALSE(IsScramPassword(keys, "\xff"));
}

}  // namespace
}  // namespace sluice::smtp
