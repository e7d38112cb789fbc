// Goal: MTA-STS policies in files: what was written last is read, what is none of ours is skipped.

#include "engine/policy/sts_store.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

namespace sluice::engine {
namespace {

class StsFiles : public ::testing::Test {
 protected:
  StsFiles() {
    std::string name = (std::filesystem::temp_directory_path() / "sluice_sts_XXXXXX").string();
    EXPECT_NE(mkdtemp(name.data()), nullptr);
    root_ = name;
  }
  ~StsFiles() override { std::filesystem::remove_all(root_); }
  void Put(const std::string& file, const std::string& content) {
    std::ofstream(root_ + "/p/" + file, std::ios::binary) << content;
  }
  std::string root_;
};

TEST_F(StsFiles, KeepWhatWasWrittenLast) {
  const std::string folder = root_ + "/p";
  EXPECT_TRUE(LoadStsRecords(folder).empty());
  const WallTime when = WallFromMicros(1'700'000'000'000'000);
  ASSERT_TRUE(WriteStsRecord(folder, {"example.net", "1", when, "old"}));
  ASSERT_TRUE(WriteStsRecord(folder, {"example.net", "2", when, "new"}));
  const std::vector<StsRecord> records = LoadStsRecords(folder);
  ASSERT_EQ(records.size(), 1u);
  EXPECT_EQ(records[0].domain, "example.net");
  EXPECT_EQ(records[0].id, "2");
  EXPECT_EQ(records[0].fetched, when);
  EXPECT_EQ(records[0].text, "new");
}

TEST_F(StsFiles, SkipWhatIsNoneOfOurs) {
  ASSERT_TRUE(WriteStsRecord(root_ + "/p", {"good.example", "1", {}, "x"}));
  Put("a.policy", "");
  Put("b.policy", "sluice-mta-sts-1 \n");
  Put("c.policy", "sluice-mta-sts-1 x 1\n");
  Put("d.policy", "sluice-mta-sts-1 1\n");
  Put("e.policy", "sluice-mta-sts-1 99999999999999 1\n");
  Put("f.policy", "sluice-mta-sts-2 1 1\n");
  Put("not a name!.policy", "sluice-mta-sts-1 1 1\n");
  Put("g.policy.new", "sluice-mta-sts-1 1 1\n");
  Put("h.policy", "sluice-mta-sts-1 1 1\n" + std::string(70'000, 'x'));
  EXPECT_EQ(LoadStsRecords(root_ + "/p").size(), 1u);
}

TEST_F(StsFiles, SayWhereTheyCannotBeWritten) {
  const Status status = WriteStsRecord(root_ + "/no/p", {"a.example", "1", {}, "x"});
  ASSERT_FALSE(status);
  EXPECT_NE(status.error().what.find(root_ + "/no/p"), std::string::npos);
}

}  // namespace
}  // namespace sluice::engine
