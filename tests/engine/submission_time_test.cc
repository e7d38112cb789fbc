// A submission session and the clock: pacing, silence, replies that nobody reads.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "tests/engine/submission_fixture.h"

namespace sluice::engine {
namespace {

using testing::EndsWith;
using testing::StartsWith;

using SubmissionTimeTest = SubmissionTest;

TEST_F(SubmissionTimeTest, WaitsAtMailForRoomBeforeItRefuses) {  // design 1.5, 12.7
  intake.ready = Fail(ErrorCode::kFull, "full");
  Client& client = Connect();
  client.stream->Take();
  EXPECT_THAT(client.Say("EHLO c\r\nMAIL FROM:<a@b.test>\r\nRCPT TO:<c@d.test>\r\n"),
              EndsWith("=1000\r\n"));
  Pass(std::chrono::milliseconds(2'900), std::chrono::milliseconds(10));
  EXPECT_EQ(client.stream->Take(), "");
  intake.ready = {};
  Pass(std::chrono::milliseconds(60), std::chrono::milliseconds(10));
  EXPECT_EQ(client.stream->Take(), "250 2.1.0 Ok\r\n250 2.1.5 Ok\r\n");
  EXPECT_EQ(listener->counters().messages_paced, 1u);
  intake.ready = Fail(ErrorCode::kFull, "full");
  client.Say("RSET\r\nMAIL FROM:<a@b.test>\r\n");
  Pass(std::chrono::milliseconds(3'100), std::chrono::milliseconds(10));
  EXPECT_THAT(client.stream->Take(), StartsWith("452 4.3.1 "));
}

TEST_F(SubmissionTimeTest, ClosesSilentClientsWith421) {
  Client& client = Connect();
  client.stream->Take();
  Pass(std::chrono::minutes(4), std::chrono::seconds(10));
  client.Say("NOOP\r\n");
  Pass(std::chrono::minutes(4), std::chrono::seconds(10));
  EXPECT_FALSE(client.stream->closed);
  // Octets of a command that never ends are no life sign.
  for (int i = 0; i < 70; ++i) {
    if (!client.stream->closed) client.Say("x");
    Advance(std::chrono::seconds(1));
  }
  EXPECT_THAT(client.stream->Take(), StartsWith("421 4.4.2 "));
  EXPECT_TRUE(client.stream->closed);
  EXPECT_EQ(listener->counters().timeouts, 1u);
}

TEST_F(SubmissionTimeTest, GivesContentTimeAsLongAsItComes) {
  Client& client = Connect();
  client.Say(std::string(kEnvelope) + "DATA\r\n");
  for (int i = 0; i < 59; ++i) {
    client.Say("x");
    Advance(std::chrono::minutes(1));
    ASSERT_FALSE(client.stream->closed) << i;
  }
  Pass(std::chrono::minutes(2), std::chrono::minutes(1));
  EXPECT_TRUE(client.stream->closed);  // an hour is enough for any message
}

TEST_F(SubmissionTimeTest, NeverTimesOutWhileTheCommitIsAwaited) {
  Client& client = Connect();
  client.Say(std::string(kEnvelope) + "DATA\r\n.\r\n");
  Pass(std::chrono::hours(1), std::chrono::minutes(1));
  EXPECT_FALSE(client.stream->closed);
}

TEST_F(SubmissionTimeTest, WantsALoginWithinTenMinutes) {
  Client& client = Connect("198.51.100.7:1");
  for (int i = 0; i < 11; ++i) {
    if (!client.stream->closed) client.Say("NOOP\r\n");
    Advance(std::chrono::minutes(1));
  }
  EXPECT_TRUE(client.stream->closed);
}

TEST_F(SubmissionTimeTest,
       StopsReadingFromAndThenClosesWhoDoesNotReadReplies) {  // protocol.md 8
  Client& client = Connect();
  client.stream->Take();
  client.stream->room = 5;
  EXPECT_EQ(client.Say("NOOP\r\n"), "250 2");
  EXPECT_TRUE(client.stream->paused);
  client.stream->room = 100;
  client.events->OnWritable();
  EXPECT_EQ(client.stream->Take(), ".0.0 Ok\r\n");
  EXPECT_FALSE(client.stream->paused);
  client.stream->room = 0;
  client.Say("NOOP\r\n");
  Pass(std::chrono::seconds(61), std::chrono::seconds(1));
  EXPECT_TRUE(client.stream->aborted);
  EXPECT_EQ(listener->counters().unread_replies, 1u);
}

TEST_F(SubmissionTimeTest, PausesOnlyWhenMoreComesDuringTheCommit) {
  Client& client = Connect();
  client.Say(std::string(kEnvelope) + "DATA\r\n.\r\n");
  EXPECT_FALSE(client.stream->paused);
  client.Say("NO");
  EXPECT_TRUE(client.stream->paused);
  intake.Commit();
  EXPECT_FALSE(client.stream->paused);
  EXPECT_THAT(client.Say("OP\r\n"), EndsWith("250 2.0.0 Ok\r\n"));
}

}  // namespace
}  // namespace sluice::engine
