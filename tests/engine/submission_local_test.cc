// Local senders (design 12.15): text with LF line ends becomes what a network session would have
// made.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>

#include "engine/submission/local_submission.h"
#include "smtp/command.h"
#include "tests/engine/submission_fixture.h"

namespace sluice::engine {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

class LocalSubmissionTest : public SubmissionTest {
 protected:
  std::expected<Accepted, smtp::Answer> Build(std::string_view text) {
    LocalSubmission submission(context, intake);
    if (smtp::Answer refusal = submission.Begin(message); !refusal.empty())
      return std::unexpected(std::move(refusal));
    submission.Receive(text);
    return submission.Finish();
  }
  LocalMessage message{.sender = "web", .recipients = {"a@b.test"}, .uid = 33};
};

TEST_F(LocalSubmissionTest, MendsLineEndsAndKeepsDots) {
  const auto accepted = Build("Subject: s\nBcc: c\n\nhi\n.\n.x\n");
  ASSERT_TRUE(accepted) << accepted.error().text;
  const std::string content = accepted->content->ToString();
  EXPECT_THAT(content,
              StartsWith("Received: from localhost (uid 33)\r\n\tby mta.test with local id "));
  EXPECT_THAT(content, EndsWith("Subject: s\r\nBcc: c\r\n\r\nhi\r\n.\r\n.x\r\n"));
  EXPECT_EQ(accepted->message.sender, "web@mta.test");
  EXPECT_EQ(accepted->message.tenant, "default");
  EXPECT_EQ(accepted->message.cuts.size(), 1u);
  EXPECT_EQ(accepted->message.flags, queue::kFlagDots);
  EXPECT_EQ(accepted->peer, "local uid 33");
  EXPECT_EQ(content.substr(accepted->message.header_length), "hi\r\n.\r\n.x\r\n");
}

TEST_F(LocalSubmissionTest, AsksForReportsInTheWordsOfSmtp) {
  message.notify = "SUCCESS,DELAY";
  message.ret = "HDRS";
  message.envid = "batch+207";
  const auto accepted = Build("A: b\n\nx\n");
  ASSERT_TRUE(accepted) << accepted.error().text;
  EXPECT_EQ(accepted->recipients[0].notify, smtp::kNotifySuccess | smtp::kNotifyDelay);
  EXPECT_EQ(accepted->message.ret, queue::DsnRet::kHeaders);
  EXPECT_EQ(accepted->message.envid, "batch+207");

  for (const char* bad : {"a b=", "a\r\nRCPT TO:<x@y.test>", "a=b", "+0a"}) {
    message.envid = bad;
    EXPECT_GE(Build("A: b\n\nx\n").error().code, 500) << bad;
  }
  message.envid = "";
  message.notify = "NEVER,SUCCESS";
  EXPECT_EQ(Build("A: b\n\nx\n").error().code, 501);
}

TEST_F(LocalSubmissionTest, GetsAnUnsubscribeLinkLikeMailOfANetworkSession) {
  config::Tenant& tenant = config.tenants.emplace_back();
  tenant.name = "acme";
  tenant.bulk_rules = config::Tenant::BulkRules::kAdd;
  tenant.unsubscribe_url = "https://u.test";
  config.users[0].mail_class = config::User::Class::kBulk;
  context.config = std::make_shared<config::Config>(config);
  context.tokens = std::make_shared<smtp::TokenSecrets>(
      smtp::TokenSecrets::FromText(std::string(64, '1'), "f").value());
  EXPECT_THAT(Build("A: b\n\nx\n")->content->ToString(), Not(HasSubstr("List-Unsubscribe")));
  message.user = "crm";
  EXPECT_THAT(Build("A: b\n\nx\n")->content->ToString(),
              HasSubstr("\r\nList-Unsubscribe: <https://u.test/"));
  message.recipients.push_back("c@b.test");
  EXPECT_THAT(Build("A: b\n\nx\n")->content->ToString(), Not(HasSubstr("List-Unsubscribe")));
}

TEST_F(LocalSubmissionTest, AsksAboutTheDomainOfWhatIsSentAlone) {
  intake.admission = {451, "4.7.0", "not verified"};
  EXPECT_EQ(Build("From: a@b.test\n\nx\n").error().code, 451);
  config.users[0].deliver = config::User::Deliver::kCapture;
  context.config = std::make_shared<config::Config>(config);
  message.user = "crm";
  EXPECT_TRUE(Build("From: a@b.test\n\nx\n"));
}

TEST_F(LocalSubmissionTest, UsesTheNamedUsersConfiguration) {
  config.users[0].deliver = config::User::Deliver::kCapture;
  context.config = std::make_shared<config::Config>(config);
  message.user = "crm";
  const auto accepted = Build("A: b\n\nx\n");
  ASSERT_TRUE(accepted);
  EXPECT_TRUE(accepted->capture);
  EXPECT_EQ(accepted->message.tenant, "acme");
}

TEST_F(LocalSubmissionTest, RefusesAsASessionWould) {
  EXPECT_EQ(Build("no header\n\nx").error().code, 550);
  EXPECT_EQ(Build(std::string_view("A: b\n\n\0", 7)).error().code, 550);
  message.recipients = {"a b@c.test"};
  EXPECT_EQ(Build("A: b\n\nx").error().code, 501);
  message.recipients = {};
  EXPECT_EQ(Build("A: b\n\nx").error().code, 554);
  message.recipients = {"a@b.test"};
  intake.ready = Fail(ErrorCode::kFull, "full");
  EXPECT_EQ(Build("A: b\n\nx").error().code, 452);
  intake.ready = {};
  config.limits.message_size = 10;
  context.config = std::make_shared<config::Config>(config);
  EXPECT_EQ(Build("A: b\n\nxxxxxxxxx").error().code, 552);
}

}  // namespace
}  // namespace sluice::engine
