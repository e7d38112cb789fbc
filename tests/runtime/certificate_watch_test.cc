// Which changes of certificate files are noticed, and when.

#include "engine/runtime/certificate_watch.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <string>

namespace sluice::engine {
namespace {

constexpr Instant kStart{};

class CertificateWatchTest : public testing::Test {
 protected:
  CertificateWatchTest() {
    config_.listeners.resize(1);
    config_.listeners[0].cert = File("cert.pem");
    config_.tls.key = File("client.key");
    watch_.Read(config_);
  }
  std::string File(const std::string& name) {
    const std::string path = testing::TempDir() + "/certificate_watch_" + name;
    std::ofstream(path) << "something";
    return path;
  }
  // A change counts when two looks find the same.
  bool Noticed() { return !watch_.Changed(config_, kStart) && watch_.Changed(config_, kStart); }

  config::Config config_;
  CertificateWatch watch_;
};

TEST_F(CertificateWatchTest, NoticesAChangedModeWithTheSameContent) {
  EXPECT_FALSE(watch_.Changed(config_, kStart));
  ASSERT_EQ(chmod(config_.listeners[0].cert.c_str(), 0400), 0);
  EXPECT_TRUE(Noticed());
  EXPECT_FALSE(watch_.Changed(config_, kStart)) << "once";
}

TEST_F(CertificateWatchTest, NoticesTheClientsFilesToo) {
  std::filesystem::remove(config_.tls.key);
  EXPECT_TRUE(Noticed());
}

TEST_F(CertificateWatchTest, TriesAMinuteAfterAFailureAgain) {
  watch_.Failed(kStart);
  EXPECT_FALSE(watch_.Changed(config_, kStart + CertificateWatch::kAgainAfter - Duration(1)));
  EXPECT_TRUE(watch_.Changed(config_, kStart + CertificateWatch::kAgainAfter));
  EXPECT_FALSE(watch_.Changed(config_, kStart + 2 * CertificateWatch::kAgainAfter)) << "once";
}

}  // namespace
}  // namespace sluice::engine
