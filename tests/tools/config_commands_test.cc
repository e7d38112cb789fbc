// tests/tools/config_commands_test.cc — `sluice user hash` and the own part of `sluice check`.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <string>

#include "engine/base/check.h"
#include "engine/io/self_signed.h"
#include "engine/submission/password_hash.h"
#include "tools/commands/check.h"
#include "tools/commands/user_hash.h"

namespace sluice::tools {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

TEST(UserHash, StripsExactlyOneLineEnd) {
  EXPECT_EQ(*PasswordOf("secret"), "secret");
  EXPECT_EQ(*PasswordOf("secret\n"), "secret");
  EXPECT_EQ(*PasswordOf("secret\r\n"), "secret");
  EXPECT_EQ(*PasswordOf("secret\n\n"), "secret\n");
  EXPECT_EQ(*PasswordOf("secret\r"), "secret\r");
  EXPECT_EQ(*PasswordOf(" two words \n"), " two words ");
  for (const std::string& none :
       {std::string(), std::string("\n"), std::string("\r\n"), std::string(kPasswordMax + 1, 'x')})
    EXPECT_FALSE(PasswordOf(none).has_value());
}

TEST(UserHash, MakesAStringThatLogsIn) {
  const auto hash = engine::HashPassword(*PasswordOf("secret\n"));
  ASSERT_TRUE(hash.has_value());
  EXPECT_TRUE(hash->starts_with("$argon2id$"));
  EXPECT_TRUE(engine::VerifyPassword(*hash, "secret"));
  EXPECT_FALSE(engine::VerifyPassword(*hash, "secret\n"));
}

TEST(Check, FindsKeysThatDoNotFit) {
  std::string folder = std::filesystem::temp_directory_path().string() + "/sluice-cli-XXXXXX";
  CHECK(mkdtemp(folder.data()) != nullptr);
  const auto file = [&](const char* name) { return folder + "/" + name; };
  ASSERT_TRUE(io::WriteSelfSigned(file("a.pem"), file("a-key.pem"), "a.test").has_value());
  ASSERT_TRUE(io::WriteSelfSigned(file("b.pem"), file("b-key.pem"), "b.test").has_value());
  config::Config config;
  config.file = "sluice.toml";
  config.listeners.resize(3);
  config.listeners[0].tls = config::TlsMode::kNone;
  config.listeners[1].cert = file("a.pem");
  config.listeners[1].key = file("a-key.pem");
  EXPECT_THAT(CheckCertificates(config), IsEmpty());
  config.listeners[2].cert = file("a.pem");
  config.listeners[2].key = file("b-key.pem");
  config.listeners[2].line = 17;
  const config::Problems problems = CheckCertificates(config);
  ASSERT_THAT(problems, SizeIs(1));
  EXPECT_THAT(problems[0].ToString(), HasSubstr("sluice.toml:17:1: listener[2]"));
  EXPECT_THAT(problems[0].ToString(), HasSubstr("b-key.pem"));
  std::filesystem::remove_all(folder);
}

TEST(Check, FindsAddressesOfOtherMachines) {
  config::Config config;
  config.file = "sluice.toml";
  config.listeners.resize(2);
  config.listeners[0].bind = {*Endpoint::Parse("0.0.0.0:587"), *Endpoint::Parse("127.0.0.9:25")};
  config.listeners[1].line = 9;
  config.listeners[1].bind = {*Endpoint::Parse("127.0.0.1:25"), *Endpoint::Parse("192.0.2.77:587")};
  const config::Problems problems = CheckAddresses(config);
  ASSERT_THAT(problems, SizeIs(1));
  EXPECT_EQ(problems[0].ToString(),
            "sluice.toml:9:1: listener[1].bind: \"192.0.2.77:587\" cannot be opened: no interface "
            "of this machine has that address");
}

TEST(Check, SumsUpWhatItRead) {
  config::Config config;
  config.file = "sluice.toml";
  config.listeners.resize(1);
  config.listeners[0].bind = {*Endpoint::Parse("0.0.0.0:587"), *Endpoint::Parse("[::]:587")};
  config.users.resize(2);
  EXPECT_EQ(Summarise(config),
            "ok: sluice.toml: 1 listener (0.0.0.0:587, [::]:587), 2 users, 0 routes");
}

}  // namespace
}  // namespace sluice::tools
