// A file changed by a command keeps every octet that was there, is right or stays as it was.

#include "config/edit.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "config/public_mail.h"
#include "engine/base/check.h"

namespace sluice::config {
namespace {

using ::testing::HasSubstr;

constexpr char kMinimal[] =
    "# ours\r\nhostname = \"mta.test\"  # é\r\n[queue]\r\npath = \"queue\"\r\n"
    "[[listener]]\r\nbind = [\"127.0.0.1:2525\"]\r\nrole = \"submission\"\r\ntls = \"none\"\r\n"
    "trusted = [\"127.0.0.0/8\"]";

class Edit : public testing::Test {
 protected:
  Edit() {
    folder_ = std::filesystem::temp_directory_path().string() + "/sluice-edit-XXXXXX";
    CHECK(mkdtemp(folder_.data()) != nullptr);
    file_ = folder_ + "/sluice.toml";
    Write(kMinimal);
  }
  ~Edit() override { std::filesystem::remove_all(folder_); }
  void Write(const std::string& text) { std::ofstream(file_, std::ios::binary) << text; }
  std::string Text() const {
    std::ifstream in(file_, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  }
  static Domain Example() {
    return {.name = "a.test", .tenant = "crm", .dkim = {}, .return_path = {}};
  }
  static Problems Nothing(const Config&) { return {}; }
  size_t Files() const {
    const std::filesystem::directory_iterator all(folder_);
    return size_t(std::distance(begin(all), end(all)));
  }

  std::string folder_, file_;
};

TEST_F(Edit, AppendsABlockAndKeepsEveryOctetModeAndLineEnd) {
  ASSERT_EQ(chmod(file_.c_str(), 0640), 0);
  const auto loaded = AppendToFile(file_, DomainBlock(Example()), Nothing);
  ASSERT_TRUE(loaded.has_value()) << loaded.error().what;
  ASSERT_EQ(loaded->config.domains.size(), 1u);
  EXPECT_EQ(loaded->config.domains[0].name, "a.test");
  const std::string text = Text();
  EXPECT_TRUE(text.starts_with(kMinimal));
  EXPECT_EQ(text.substr(sizeof kMinimal - 1),
            "\r\n\r\n[[domain]]\r\nname = \"a.test\"\r\ntenant = \"crm\"\r\ndkim = []\r\n");
  struct stat info{};
  ASSERT_EQ(stat(file_.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777, 0640u);
  EXPECT_EQ(Files(), 1u);
}

TEST_F(Edit, GoesThroughASymbolicLink) {
  const std::string link = folder_ + "/link.toml";
  ASSERT_EQ(symlink("sluice.toml", link.c_str()), 0);
  ASSERT_TRUE(AppendToFile(link, DomainBlock(Example()), Nothing).has_value());
  EXPECT_TRUE(std::filesystem::is_symlink(link));
  EXPECT_THAT(Text(), HasSubstr("[[domain]]"));
}

TEST_F(Edit, LeavesTheFileAsItWasWhenTheResultIsWrong) {
  Domain broken = Example();
  broken.dkim.push_back({"s1", "missing.pem"});
  const auto loaded = AppendToFile(file_, DomainBlock(broken), Nothing);
  ASSERT_FALSE(loaded.has_value());
  EXPECT_THAT(loaded.error().what, HasSubstr("missing.pem"));
  const auto refused = AppendToFile(file_, DomainBlock(Example()), [](const Config&) {
    return Problems{{"f", {}, "domain[0]", "no"}};
  });
  EXPECT_FALSE(refused.has_value());
  Write(std::string(kMinimal) + "\n[[domain");
  EXPECT_FALSE(AppendToFile(file_, DomainBlock(Example()), Nothing).has_value());
  EXPECT_EQ(Text(), std::string(kMinimal) + "\n[[domain");
  EXPECT_EQ(Files(), 1u);
}

TEST_F(Edit, SeesWhenSomebodyElseChangesTheFile) {
  const auto loaded = AppendToFile(file_, DomainBlock(Example()), [&](const Config&) {
    Write(std::string(kMinimal) + "\n# in between\n");
    return Problems{};
  });
  ASSERT_FALSE(loaded.has_value());
  EXPECT_EQ(loaded.error().code, ErrorCode::kBusy);
  EXPECT_EQ(Text(), std::string(kMinimal) + "\n# in between\n");
}

TEST(DomainBlock, QuotesWhatItWrites) {
  const Domain domain{.name = "a.test",
                      .tenant = "a\"b\\c",
                      .dkim = {{"s1", "dkim/x.pem"}, {"s2", "dkim/y.pem"}},
                      .return_path = "r.a.test"};
  EXPECT_EQ(DomainBlock(domain),
            "[[domain]]\nname = \"a.test\"\ntenant = \"a\\\"b\\\\c\"\n"
            "dkim = [{ selector = \"s1\", key = \"dkim/x.pem\" }, "
            "{ selector = \"s2\", key = \"dkim/y.pem\" }]\nreturn_path = \"r.a.test\"\n");
}

TEST(PublicMail, KnowsProvidersAndTheirSubdomainsAlone) {
  for (const char* theirs : {"gmail.com", "yahoo.co.uk", "t-online.de", "x.outlook.com"})
    EXPECT_TRUE(IsPublicMailDomain(theirs)) << theirs;
  for (const char* others : {"example.com", "notgmail.com", "com", "", "gmail.com.example.org"})
    EXPECT_FALSE(IsPublicMailDomain(others)) << others;
  EXPECT_GT(PublicMailDomains().size(), 100u);
}

}  // namespace
}  // namespace sluice::config
