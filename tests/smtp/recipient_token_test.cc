// Tokens that name a recipient: what was made is read back, and nothing else is.

#include "smtp/recipient_token.h"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <fstream>
#include <string>

namespace sluice::smtp {
namespace {

const std::string kOne(64, 'a');
const std::string kTwo = std::string(63, '0') + "1";

TokenSecrets Secrets(const std::string& text) { return TokenSecrets::FromText(text, "f").value(); }

TEST(RecipientToken, IsReadBackWhateverItNamesAndInCapitalsToo) {
  const TokenSecrets secrets = Secrets(kOne);
  for (const MessageId message : {MessageId(1), MessageId(0x0123456789abcdef), ~MessageId(0)}) {
    for (const uint32_t recipient : {0u, 7u, ~0u}) {
      const RecipientToken token{TokenKind::kUnsubscribe, message, recipient};
      std::string text = secrets.Make(token);
      EXPECT_EQ(text.size(), kTokenChars);
      EXPECT_EQ(secrets.Read(text), token);
      std::transform(text.begin(), text.end(), text.begin(), ::toupper);
      EXPECT_EQ(secrets.Read(text), token);
    }
  }
}

TEST(RecipientToken, WithAnyCharacterChangedIsNoneOfOurs) {
  const TokenSecrets secrets = Secrets(kOne);
  const std::string text = secrets.Make({TokenKind::kUnsubscribe, 77, 1});
  for (size_t i = 0; i < text.size(); ++i) {
    for (const char c : {'0', '1', 'v', 'w', '-', ' ', '\0'}) {
      std::string other = text;
      if (other[i] == c) continue;
      other[i] = c;
      EXPECT_FALSE(secrets.Read(other)) << i << " " << c;
    }
  }
  EXPECT_FALSE(secrets.Read(""));
  EXPECT_FALSE(secrets.Read(text.substr(1)));
  EXPECT_FALSE(secrets.Read(text + "0"));
}

TEST(RecipientToken, IsBelievedAsLongAsItsSecretIsListed) {
  const std::string old = Secrets(kOne).Make({TokenKind::kUnsubscribe, 77, 1});
  EXPECT_TRUE(Secrets(kTwo + "\n" + kOne + "\n").Read(old));
  EXPECT_FALSE(Secrets(kTwo).Read(old));
  EXPECT_NE(Secrets(kTwo + "\n" + kOne).Make({TokenKind::kUnsubscribe, 77, 1}), old);
}

TEST(TokenSecrets, NameTheFileAndLineThatAreWrong) {
  EXPECT_EQ(TokenSecrets::FromText("\n\n", "t.key").error().what.find("t.key: "), 0u);
  const auto bad = TokenSecrets::FromText(kOne + "\nabc\n", "t.key");
  ASSERT_FALSE(bad);
  EXPECT_NE(bad.error().what.find("t.key: line 2"), std::string::npos);
  EXPECT_FALSE(TokenSecrets::FromText(std::string(64, 'g'), "t.key"));
}

TEST(TokenSecrets, AreMadeOnceAndKeptFromOthers) {
  std::string folder = (std::filesystem::temp_directory_path() / "sluice-token-XXXXXX").string();
  ASSERT_NE(::mkdtemp(folder.data()), nullptr);
  const std::string file = folder + "/token.key";
  const auto first = TokenSecrets::LoadOrMake(file);
  ASSERT_TRUE(first) << first.error().what;
  struct stat st;
  ASSERT_EQ(::stat(file.c_str(), &st), 0);
  EXPECT_EQ(st.st_mode & 0777, 0600u);
  const auto again = TokenSecrets::LoadOrMake(file);
  const RecipientToken token{TokenKind::kUnsubscribe, 5, 6};
  EXPECT_EQ(again->Read(first->Make(token)), token);
  const auto nowhere = TokenSecrets::LoadOrMake(folder + "/none/token.key");
  ASSERT_FALSE(nowhere);
  EXPECT_NE(nowhere.error().what.find("none/token.key"), std::string::npos);
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace sluice::smtp
