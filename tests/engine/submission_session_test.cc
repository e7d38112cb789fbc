// One submission connection on a fake stream: what is said, when, and what ends it.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "tests/engine/submission_fixture.h"

namespace sluice::engine {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;

using SubmissionSessionTest = SubmissionTest;

TEST_F(SubmissionSessionTest, GreetsAtOnceAndQuits) {
  Client& client = Connect();
  EXPECT_EQ(client.stream->Take(), "220 mta.test ESMTP ready\r\n");
  EXPECT_EQ(client.Say("QUIT\r\n"), "221 2.0.0 Bye\r\n");
  EXPECT_TRUE(client.stream->closed);
}

TEST_F(SubmissionSessionTest, AnswersTheDotOnlyWithTheCommitAndThenAtOnce) {
  Client& client = Connect();
  client.Say(kEnvelope);
  EXPECT_THAT(client.Say("DATA\r\n"), StartsWith("354 "));
  EXPECT_EQ(client.Say("Subject: s\r\n\r\nx\r\n.\r\n"), "");
  ASSERT_EQ(intake.accepted.size(), 1u);
  intake.Commit();
  EXPECT_EQ(client.stream->Take(),
            "250 2.0.0 Ok: queued as " + FormatMessageId(intake.accepted[0].message.id) + "\r\n");
  EXPECT_EQ(listener->counters().messages, 1u);
}

TEST_F(SubmissionSessionTest, AnswersPipelinedCommandsInOneWrite) {
  Client& client = Connect();
  client.stream->writes = 0;
  client.Say(std::string(kEnvelope) + "DATA\r\n");
  EXPECT_EQ(client.stream->writes, 1);
  client.Say("x: y\r\n\r\n.\r\nMAIL FROM:<a@b.test>\r\nRCPT TO:<c@d.test>\r\nDATA\r\n");
  EXPECT_EQ(client.stream->writes, 1);
  intake.Commit();
  EXPECT_EQ(client.stream->writes, 2);
  EXPECT_THAT(client.stream->Take(),
              testing::ContainsRegex("queued as .*\r\n250.*\r\n250.*\r\n354"));
}

TEST_F(SubmissionSessionTest, AnswersAFailedCommitAsTemporary) {
  Client& client = Connect();
  client.Say(std::string(kEnvelope) + "DATA\r\n.\r\n");
  intake.Commit(Fail(ErrorCode::kFull, "full"));
  EXPECT_THAT(client.stream->Take(), HasSubstr("452 4.3.1 "));
  client.Say("MAIL FROM:<a@b.test>\r\nRCPT TO:<c@d.test>\r\nDATA\r\n.\r\n");
  intake.Commit(Fail(ErrorCode::kIo, "disk"));
  EXPECT_THAT(client.stream->Take(), HasSubstr("451 4.3.0 "));
}

TEST_F(SubmissionSessionTest, SurvivesACommitThatOutlivesTheConnection) {
  Client& client = Connect();
  client.Say(std::string(kEnvelope) + "DATA\r\n.\r\n");
  client.Leave();
  intake.Commit();
  EXPECT_EQ(listener->sessions(), 0u);
}

TEST_F(SubmissionSessionTest, QueuesNothingOfALostConnection) {  // protocol.md 6
  Client& client = Connect();
  client.Say(std::string(kEnvelope) + "DATA\r\nx: y\r\n\r\nabc\r\n.\r");
  client.events->OnEof();
  EXPECT_TRUE(client.stream->closed);
  EXPECT_TRUE(intake.accepted.empty());
}

TEST_F(SubmissionSessionTest, AnswersAClientThatHasClosedItsSideAfterTheDot) {
  Client& client = Connect();
  client.Say(std::string(kEnvelope) + "DATA\r\nx: y\r\n\r\nabc\r\n.\r\nQUIT\r\n");
  client.events->OnEof();
  EXPECT_FALSE(client.stream->closed);
  intake.Commit();
  EXPECT_THAT(client.stream->Take(), EndsWith("221 2.0.0 Bye\r\n"));
  EXPECT_TRUE(client.stream->closed);
}

TEST_F(SubmissionSessionTest, QueuedAsPlainLeavesTheEnhancedCodeOut) {
  config.submission.queued_as_plain = true;
  Client& client = Connect();
  client.Say(std::string(kEnvelope) + "DATA\r\n.\r\n");
  intake.Commit();
  EXPECT_THAT(client.stream->Take(), testing::ContainsRegex("^250 Ok: queued as [0-9a-v]+\r\n$"));
}

}  // namespace
}  // namespace sluice::engine
