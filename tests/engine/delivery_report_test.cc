// Goal: reports go only where NOTIFY allows and become messages ready for the queue (protocol.md
// 17). Method: every kind against every NOTIFY; one report looked at as a queue::Insert.

#include <gtest/gtest.h>

#include <string>

#include "engine/delivery/report_builder.h"
#include "engine/delivery/verdict.h"

namespace sluice::engine {
namespace {

queue::Message SomeMessage() {
  queue::Message message;
  message.id = 100;
  message.sender = "Sender@Example.COM";
  message.tenant = "crm";
  message.header_length = 40;
  message.body.length = 1000;
  return message;
}

TEST(Report, GoesOnlyWhereNotifyAllows) {
  const struct {
    uint8_t notify;
    bool failed, delayed, relayed;
  } kCases[] = {
      {0, true, false, false},
      {queue::kNotifyNever, false, false, false},
      {queue::kNotifyFailure, true, false, false},
      {queue::kNotifyDelay, false, true, false},
      {queue::kNotifySuccess, false, false, true},
      {queue::kNotifySuccess | queue::kNotifyFailure | queue::kNotifyDelay, true, true, true},
  };
  for (const auto& c : kCases) {
    queue::Recipient recipient;
    recipient.notify = c.notify;
    EXPECT_EQ(WantsReport(ReportKind::kFailed, SomeMessage(), recipient), c.failed);
    EXPECT_EQ(WantsReport(ReportKind::kDelayed, SomeMessage(), recipient), c.delayed);
    EXPECT_EQ(WantsReport(ReportKind::kRelayed, SomeMessage(), recipient), c.relayed);
  }
}

TEST(Report, IsNeverAboutAReportNorToTheNullSender) {
  queue::Message report = SomeMessage();
  report.flags = queue::kFlagReport;
  EXPECT_FALSE(WantsReport(ReportKind::kFailed, report, {}));
  queue::Message null = SomeMessage();
  null.sender.clear();
  EXPECT_FALSE(WantsReport(ReportKind::kFailed, null, {}));
}

TEST(Report, TellsOfADelayOnce) {
  queue::Recipient recipient;
  recipient.notify = queue::kNotifyDelay;
  recipient.delay_told = true;
  EXPECT_FALSE(WantsReport(ReportKind::kDelayed, SomeMessage(), recipient));
}

TEST(Report, ReturnsTheWholeMessageOnlyWhenAskedAndBounded) {
  queue::Message message = SomeMessage();
  EXPECT_EQ(ReportOriginalLength(ReportKind::kFailed, message), 40u);
  message.ret = queue::DsnRet::kHeaders;
  EXPECT_EQ(ReportOriginalLength(ReportKind::kFailed, message), 40u);
  message.ret = queue::DsnRet::kFull;
  EXPECT_EQ(ReportOriginalLength(ReportKind::kFailed, message), 1000u);
  EXPECT_EQ(ReportOriginalLength(ReportKind::kDelayed, message), 40u);
  EXPECT_EQ(ReportOriginalLength(ReportKind::kRelayed, message), 40u);
  message.body.length = 50'000'000;
  EXPECT_EQ(ReportOriginalLength(ReportKind::kFailed, message), 40u);
  message.header_length = 1'000'000;
  EXPECT_EQ(ReportOriginalLength(ReportKind::kFailed, message), 65'536u);
}

queue::Insert Build(ReportKind kind, queue::Message message, queue::Event last,
                    std::string original) {
  queue::Recipient recipient;
  recipient.address = "user@example.net";
  recipient.notify = queue::kNotifyFailure | queue::kNotifyDelay | queue::kNotifySuccess;
  ReportRequest request;
  request.kind = kind;
  request.hostname = "mta.example";
  request.id = 200;
  request.now = WallFromMicros(1'795'000'000'000'000);
  request.original = std::move(original);
  return BuildReport(std::move(request), message, recipient, last);
}

TEST(Report, BecomesAMessageReadyForTheQueue) {
  queue::Message message = SomeMessage();
  const std::string original = "Bcc: secret\r\nSubject: x\r\nX-Job: 7\r\n\r\n";
  message.header_length = uint32_t(original.size());
  message.cuts = {{0, 13}};
  queue::Event last;
  last.code = 550;
  last.enhanced = "5.1.1";
  last.text = "no such user";
  last.host = "mx.example.net [192.0.2.1]:25";
  const queue::Insert insert = Build(ReportKind::kFailed, message, last, original);
  EXPECT_EQ(insert.message.id, 200u);
  EXPECT_EQ(insert.message.sender, "");
  EXPECT_EQ(insert.message.tenant, "crm");
  EXPECT_EQ(insert.message.flags, queue::kFlagReport);
  EXPECT_EQ(insert.message.recipients, 1u);
  EXPECT_EQ(insert.message.released, insert.message.accepted);
  ASSERT_EQ(insert.recipients.size(), 1u);
  EXPECT_EQ(insert.recipients[0].address, "Sender@example.com");
  EXPECT_EQ(insert.recipients[0].notify, queue::kNotifyNever);
  EXPECT_EQ(insert.recipients[0].id, (queue::RecipientId{200, 0}));
  const std::string text = insert.content->ToString();
  EXPECT_EQ(text.substr(insert.message.header_length - 4, 4), "\r\n\r\n");
  EXPECT_NE(text.find("host mx.example.net [192.0.2.1]:25 said: 550 5.1.1 no such user"),
            std::string::npos);
  EXPECT_NE(text.find("X-Job: 7\r\n"), std::string::npos);
  EXPECT_EQ(text.find("secret"), std::string::npos);
  EXPECT_FALSE(WantsReport(ReportKind::kFailed, insert.message, insert.recipients[0]));
}

TEST(Report, GivesAStatusOfTheActionsClass) {
  const struct {
    ReportKind kind;
    uint16_t code;
    const char* enhanced;
    std::string_view reason;
    const char* expected;
  } kCases[] = {
      {ReportKind::kFailed, 550, "5.1.1", "", "Status: 5.1.1\r\n"},
      {ReportKind::kFailed, 550, "4.1.1", "", "Status: 5.1.1\r\n"},
      {ReportKind::kFailed, 550, "", "", "Status: 5.0.0\r\n"},
      {ReportKind::kFailed, 450, "4.4.7", reason::kMaxAge, "Status: 4.4.7\r\n"},
      {ReportKind::kDelayed, 450, "", "", "Status: 4.0.0\r\n"},
      {ReportKind::kDelayed, 450, "5.1.1", "", "Status: 4.1.1\r\n"},
      {ReportKind::kRelayed, 250, "", "", "Status: 2.0.0\r\n"},
  };
  for (const auto& c : kCases) {
    queue::Event last;
    last.code = c.code;
    last.enhanced = c.enhanced;
    last.reason = c.reason;
    last.text = "words";
    const std::string text = Build(c.kind, SomeMessage(), last, "A: b\r\n\r\n").content->ToString();
    EXPECT_NE(text.find(c.expected), std::string::npos) << c.expected;
  }
}

}  // namespace
}  // namespace sluice::engine
