// Goal: the shipped shaping file, the one that is built in, the table of keys and docs/shaping.md
// never drift apart; a configuration gets the file it names. Runs in the top folder of the tree.

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "config/keys_shaping.h"
#include "config/parser.h"
#include "config/reference.h"
#include "config/shaping_parser.h"
#include "engine/base/check.h"
#include "engine/base/text.h"

namespace sluice::config {
namespace {

std::string ReadAll(const std::string& file) {
  std::ifstream in(file, std::ios::binary);
  EXPECT_TRUE(in) << file;
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

Config Plain() {
  Config config;
  config.file = "sluice.toml";
  return config;
}

TEST(ShippedShaping, IsTheOneThatIsBuiltIn) {
  EXPECT_EQ(ReadAll("config/shaping.toml"), BuiltInShaping());
}

TEST(ShippedShaping, HasNothingToFind) {
  const auto loaded = ParseShaping(BuiltInShaping(), kBuiltInShapingFile, Plain());
  ASSERT_TRUE(loaded) << FormatProblems(loaded.error());
  EXPECT_EQ(FormatProblems(loaded->warnings), "");
}

TEST(ShippedShaping, HasTheResearchedValues) {
  const Config config = Plain();
  const auto loaded = ParseShaping(BuiltInShaping(), kBuiltInShapingFile, config);
  ASSERT_TRUE(loaded);
  const Shaping& shaping = loaded->shaping;
  struct Case {
    const char* host;
    const char* provider;
    CountOn count_on;
    int connections;
    int messages;
    bool tls;
  };
  constexpr CountOn kSite = CountOn::kSite;
  constexpr CountOn kAll = CountOn::kProvider;
  for (const Case& c :
       {Case{"gmail-smtp-in.l.google.com", "google", kAll, 5, 50, true},
        Case{"mx1.googlemail.com", "google", kAll, 5, 50, true},
        Case{"mta5.am0.yahoodns.net", "yahoo", kAll, 10, 20, false},
        Case{"hotmail-com.olc.protection.outlook.com", "outlook-consumer", kAll, 5, 50, false},
        Case{"example-com.mail.protection.outlook.com", "office365", kSite, 5, 50, false},
        Case{"example-com.h-v1.mx.microsoft", "office365", kSite, 5, 50, false},
        Case{"mx01.mail.icloud.com", "apple", kAll, 10, 5, false},
        Case{"mx1.comcast.net", "comcast", kSite, 25, 1000, false},
        Case{"cxr.mx.a.cloudfilter.cox.net", "cox", kSite, 10, 100, false},
        Case{"smtp-in.orange.fr", "orange", kAll, 2, 100, true},
        Case{"mx00.gmx.net", "gmx", kSite, 4, 20, true},
        Case{"mx-ha02.web.de", "gmx", kSite, 4, 20, true},
        Case{"eu-smtp-inbound-1.mimecast.com", "mimecast", kSite, 10, 100, false},
        Case{"d1.ess.barracudanetworks.com", "barracuda", kSite, 10, 15, true},
        Case{"mx.kpnmail.nl", "kpn", kSite, 10, 10, true},
        Case{"mx1.qq.com", "qq", kSite, 4, 8, false},
        Case{"163mx01.mxmail.netease.com", "netease", kSite, 4, 7, false}}) {
    const ShapingBlock* provider = shaping.ProviderOf(std::vector<std::string>{c.host});
    ASSERT_NE(provider, nullptr) << c.host;
    EXPECT_EQ(provider->name, c.provider);
    EXPECT_EQ(provider->count_on, c.count_on) << c.host;
    const Effective values = shaping.Resolve(ShapingBase(config), provider, "", "");
    const auto number = [&](ShapingKey key) { return values[size_t(key)].value->number; };
    EXPECT_EQ(number(ShapingKey::kConnections), c.connections) << c.host;
    EXPECT_EQ(number(ShapingKey::kMessagesPerConnection), c.messages) << c.host;
    EXPECT_EQ(number(ShapingKey::kTls) == int64_t(RouteTls::kRequired), c.tls) << c.host;
  }
  const Effective japan = shaping.Resolve(ShapingBase(config), nullptr, "yahoo.co.jp", "");
  EXPECT_EQ(japan[size_t(ShapingKey::kConnections)].value->number, 2);
  EXPECT_EQ(japan[size_t(ShapingKey::kMessagesPerConnection)].value->number, 20);
}

TEST(ShippedShaping, NamesASourceForEveryValue) {
  std::ifstream in("config/shaping.toml");
  for (std::string line; std::getline(in, line);) {
    const bool sets = line.find(" = ") != std::string::npos && !line.starts_with("#") &&
                      !line.starts_with("name") && !line.starts_with("mx");
    if (!sets) continue;
    EXPECT_NE(line.find("  # "), std::string::npos) << line;
  }
}

TEST(ShapingReference, HasTheTablesOfTheKeys) {
  EXPECT_NE(ReadAll("docs/shaping.md").find(MakeShapingReference()), std::string::npos)
      << "renew the part under \"Reference\" by sluice check --shaping-reference";
}

TEST(ShapingReference, MarksTheKeysThatTheEngineDoesNotReadYet) {
  const std::string code = Lower(ReadAll("engine/delivery/shape.cc"));
  for (const Key& key : ShapingKeys()) {
    std::string name(key.name);
    std::erase(name, '_');
    EXPECT_EQ(code.find("shapingkey::k" + name + ")") == std::string::npos, key.later) << key.name;
  }
}

// A folder with a sluice.toml whose first line is `top`.
class ShapingOfAConfig : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::temp_directory_path().string() + "/sluice-shaping-XXXXXX";
    CHECK(mkdtemp(folder_.data()) != nullptr);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  void Write(const std::string& name, const std::string& text) const {
    std::ofstream(folder_ + "/" + name) << text;
  }
  auto Load(const std::string& top) const {
    Write("sluice.toml", top +
                             "hostname = \"a.example\"\n[[listener]]\nbind = \"127.0.0.1:1\"\n"
                             "tls = \"none\"\ntrusted = \"127.0.0.0/8\"\n");
    return LoadConfig(folder_ + "/sluice.toml", SystemSurroundings());
  }

  std::string folder_;
};

TEST_F(ShapingOfAConfig, IsTheBuiltInOneUnlessItNamesAnother) {
  const auto plain = Load("");
  ASSERT_TRUE(plain) << FormatProblems(plain.error());
  ASSERT_NE(plain->config.shaping, nullptr);
  EXPECT_EQ(plain->config.shaping->file, kBuiltInShapingFile);
  EXPECT_NE(plain->config.shaping->ProviderNamed("google"), nullptr);
  EXPECT_EQ(FormatProblems(plain->warnings), "");
  Write("mine.toml", "[[provider]]\nname = \"mine\"\nmx = \"mx.example\"\n");
  const auto own = Load("shaping = \"mine.toml\"\n");
  ASSERT_TRUE(own) << FormatProblems(own.error());
  EXPECT_EQ(own->config.shaping->file, folder_ + "/mine.toml");
  EXPECT_NE(own->config.shaping->ProviderNamed("mine"), nullptr);
  EXPECT_EQ(own->config.shaping->ProviderNamed("google"), nullptr);
}

TEST_F(ShapingOfAConfig, IsRefusedWithItWhenItIsMissingOrWrong) {
  const auto missing = Load("shaping = \"mine.toml\"\n");
  ASSERT_FALSE(missing);
  EXPECT_EQ(FormatProblems(missing.error()),
            folder_ + "/mine.toml: cannot read the shaping file: No such file or directory\n");
  Write("mine.toml", "[default]\nconnections = 0\n[[source]]\nname = \"x\"\nidle = \"1s\"\n");
  const auto wrong = Load("shaping = \"mine.toml\"\n");
  ASSERT_FALSE(wrong);
  EXPECT_EQ(FormatProblems(wrong.error()),
            folder_ + "/mine.toml:2:15: default.connections: 0 is out of range: 1 to 100000\n" +
                folder_ + "/mine.toml:3:1: source[0].name: there is no [[source]] in " + folder_ +
                "/sluice.toml named \"x\"\n");
}

TEST_F(ShapingOfAConfig, TellsItsWarningsBesideTheConfigs) {
  Write("mine.toml", "[default]\nconnection_growth = \"5/s\"\n");
  const auto loaded = Load("shaping = \"mine.toml\"\ninbound = { forward = \"a@example.com\" }\n");
  ASSERT_TRUE(loaded) << FormatProblems(loaded.error());
  const std::string later = ": is read and checked, but has no effect in this version\n";
  EXPECT_EQ(FormatProblems(loaded->warnings),
            folder_ + "/sluice.toml:2:1: inbound" + later + folder_ +
                "/sluice.toml:2:13: inbound.forward" + later + folder_ +
                "/mine.toml:2:1: default.connection_growth" + later);
}

}  // namespace
}  // namespace sluice::config
