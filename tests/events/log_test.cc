// Goal: the diagnostic log writes one clean line per line, and nothing below its level.

#include "engine/log/log.h"

#include <gtest/gtest.h>

#include <string>

namespace sluice::engine {
namespace {

TEST(Log, WritesWhatReachesItsLevelInCleanLines) {
  testing::internal::CaptureStderr();
  LogError("engine", "before the start nothing is written");
  StartLog(LogLevel::kInfo);
  LogDebug("engine", "too fine");
  LogInfo("engine", "ready");
  LogWarn("dns", "a\x1b[31mb\nsecond");
  SetLogLevel(LogLevel::kError);
  LogWarn("dns", "no longer");
  StopLog();
  const std::string text = testing::internal::GetCapturedStderr();
  std::string words;  // without the times
  for (size_t at = 0; at < text.size();) {
    const size_t end = text.find('\n', at);
    ASSERT_NE(end, std::string::npos);
    words += text.substr(at + 25, end - at - 24);
    at = end + 1;
  }
  EXPECT_EQ(words,
            "info  engine: ready\n"
            "warning dns: a?[31mb\n"
            "warning dns: second\n");
}

TEST(Log, KnowsTheLevelsOfTheConfiguration) {
  EXPECT_EQ(LogLevelOf("debug"), LogLevel::kDebug);
  EXPECT_EQ(LogLevelOf("info"), LogLevel::kInfo);
  EXPECT_EQ(LogLevelOf("warn"), LogLevel::kWarn);
  EXPECT_EQ(LogLevelOf("error"), LogLevel::kError);
}

}  // namespace
}  // namespace sluice::engine
