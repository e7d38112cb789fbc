// Goal: a report has the one shape that all bounce readers understand (protocol.md 17,
// design 12.8). Method: one report compared whole, the differences of the others by their lines.

#include "smtp/report.h"

#include <gtest/gtest.h>

#include <string>

#include "engine/base/text.h"

namespace sluice::smtp {
namespace {

ReportText Failed() {
  ReportText report;
  report.hostname = "mta.example";
  report.id = "0000000000abc";
  report.date = "Sat, 21 Nov 2026 07:51:00 +0000";
  report.sender = "news@example.com";
  report.arrival = "Sat, 21 Nov 2026 07:50:00 +0000";
  report.envid = "job+2B7";
  report.recipient = "user@example.net";
  report.orcpt = "rfc822;User+2Bx@example.net";
  report.status = "5.1.1";
  report.remote = "mx.example.net [192.0.2.1]:25";
  report.reply = "550 5.1.1 no such user";
  report.original = "Subject: x\r\nX-Job: 7\r\n\r\n";
  return report;
}

bool Has(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

TEST(ReportText, HasTheShapeThatAllReadersUnderstand) {
  EXPECT_EQ(
      ComposeReport(Failed()),
      "From: Mail Delivery System <MAILER-DAEMON@mta.example>\r\n"
      "To: <news@example.com>\r\n"
      "Subject: Undelivered Mail Returned to Sender\r\n"
      "Date: Sat, 21 Nov 2026 07:51:00 +0000\r\n"
      "Message-ID: <0000000000abc@mta.example>\r\n"
      "Auto-Submitted: auto-replied\r\n"
      "MIME-Version: 1.0\r\n"
      "Content-Type: multipart/report; report-type=delivery-status;\r\n"
      "\tboundary=\"report-0000000000abc/mta.example\"\r\n"
      "\r\n"
      "This is a MIME-encapsulated message.\r\n"
      "\r\n"
      "--report-0000000000abc/mta.example\r\n"
      "Content-Description: Notification\r\n"
      "Content-Type: text/plain; charset=us-ascii\r\n"
      "\r\n"
      "This is the mail system at host mta.example.\r\n"
      "\r\n"
      "Your message could not be delivered to the recipient below. No further\r\n"
      "attempts will be made.\r\n"
      "\r\n"
      "<user@example.net>: host mx.example.net [192.0.2.1]:25 said: 550 5.1.1 no such user\r\n"
      "\r\n"
      "--report-0000000000abc/mta.example\r\n"
      "Content-Description: Delivery report\r\n"
      "Content-Type: message/delivery-status\r\n"
      "\r\n"
      "Reporting-MTA: dns; mta.example\r\n"
      "Original-Envelope-Id: job+7\r\n"
      "Arrival-Date: Sat, 21 Nov 2026 07:50:00 +0000\r\n"
      "\r\n"
      "Original-Recipient: rfc822; User+x@example.net\r\n"
      "Final-Recipient: rfc822; user@example.net\r\n"
      "Action: failed\r\n"
      "Status: 5.1.1\r\n"
      "Remote-MTA: dns; mx.example.net\r\n"
      "Diagnostic-Code: smtp; 550 5.1.1 no such user\r\n"
      "Last-Attempt-Date: Sat, 21 Nov 2026 07:51:00 +0000\r\n"
      "\r\n"
      "--report-0000000000abc/mta.example\r\n"
      "Content-Description: Message header\r\n"
      "Content-Type: text/rfc822-headers\r\n"
      "\r\n"
      "Return-Path: <news@example.com>\r\n"
      "Subject: x\r\n"
      "X-Job: 7\r\n"
      "\r\n"
      "--report-0000000000abc/mta.example--\r\n");
}

TEST(ReportText, TellsOfDelayAndRelay) {
  ReportText report = Failed();
  report.action = ReportAction::kDelayed;
  report.retry_until = "Tue, 24 Nov 2026 07:50:00 +0000";
  const std::string delayed = ComposeReport(report);
  EXPECT_TRUE(Has(delayed, "Action: delayed\r\n"));
  EXPECT_TRUE(Has(delayed, "Will-Retry-Until: Tue, 24 Nov 2026 07:50:00 +0000\r\n"));
  report.action = ReportAction::kRelayed;
  const std::string relayed = ComposeReport(report);
  EXPECT_TRUE(Has(relayed, "Action: relayed\r\n"));
  EXPECT_FALSE(Has(relayed, "Will-Retry-Until"));
}

TEST(ReportText, SpeaksForItselfWhenNoHostReplied) {
  ReportText report = Failed();
  report.reply = "";
  report.remote = "";
  report.words = "the domain takes no mail";
  const std::string text = ComposeReport(report);
  EXPECT_TRUE(Has(text, "<user@example.net>: the domain takes no mail\r\n"));
  EXPECT_TRUE(Has(text, "Diagnostic-Code: X-Sluice; the domain takes no mail\r\n"));
  EXPECT_FALSE(Has(text, "Remote-MTA"));
}

TEST(ReportText, ReturnsTheWholeMessageSevenBit) {
  ReportText report = Failed();
  report.full = true;
  report.original =
      "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nhello to the "
      "caf\xc3\xa9\r\n";
  const std::string text = ComposeReport(report);
  EXPECT_TRUE(IsAscii(text));
  EXPECT_TRUE(Has(text, "Content-Type: message/rfc822\r\n\r\nReturn-Path: <news@example.com>\r\n"));
  EXPECT_TRUE(
      Has(text, "Content-Transfer-Encoding: quoted-printable\r\n\r\nhello to the caf=C3=A9"));
}

TEST(ReportText, FallsBackToTheHeaderWhenTheMessageCannotBeMadeSevenBit) {
  ReportText report = Failed();
  report.full = true;
  report.original = "Subject: caf\xc3\xa9\r\nX-Job: 7\r\n\r\nsecret\r\n";
  const std::string text = ComposeReport(report);
  EXPECT_TRUE(IsAscii(text));
  EXPECT_TRUE(Has(text,
                  "Content-Type: text/rfc822-headers\r\n"
                  "Content-Transfer-Encoding: quoted-printable\r\n"));
  EXPECT_TRUE(Has(text, "Subject: caf=C3=A9\r\nX-Job: 7\r\n"));
  EXPECT_FALSE(Has(text, "secret"));
}

TEST(ReportText, BoundsTheHeaderAtAWholeLine) {
  ReportText report = Failed();
  std::string header;
  while (header.size() < 2 * kReturnedHeaderMax)
    header += "X-Long: " + std::string(90, 'x') + "\r\n";
  header += "\r\n";
  report.original = header;
  const std::string text = ComposeReport(report);
  EXPECT_LT(text.size(), kReturnedHeaderMax + 3000);
  EXPECT_TRUE(Has(text, "xxx\r\n\r\n--report"));
}

TEST(ReportText, CannotBeBrokenOutOf) {
  ReportText report = Failed();
  report.original = "X: --report-0000000000abc/mta.example--\r\n\r\n";
  report.envid = "a+0D+0AStatus:+202.0.0";
  report.orcpt = "rfc822;a+0D+0AAction:+20delivered";
  const std::string text = ComposeReport(report);
  EXPECT_TRUE(Has(text, "boundary=\"report-0000000000abc/mta.example+\""));
  EXPECT_FALSE(Has(text, "\nStatus: 2.0.0"));
  EXPECT_FALSE(Has(text, "\nAction: delivered"));
}

TEST(ReportText, WritesForeignAddressesAndWordsInAscii) {
  ReportText report = Failed();
  report.recipient = "caf\xc3\xa9@example.net";
  report.reply = "550 5.1.1 bo\xc3\xaete inconnue";
  const std::string text = ComposeReport(report);
  EXPECT_TRUE(IsAscii(text));
  EXPECT_TRUE(Has(text, "Final-Recipient: utf-8; caf\\x{E9}@example.net\r\n"));
  EXPECT_TRUE(Has(text, "Diagnostic-Code: smtp; 550 5.1.1 bo??te inconnue\r\n"));
  EXPECT_TRUE(Has(text, "bo=C3=AEte inconnue"));
}

TEST(ReportText, GoesWithoutAnOriginalThatCannotBeRead) {
  ReportText report = Failed();
  report.original = "";
  EXPECT_FALSE(Has(ComposeReport(report), "rfc822-headers"));
}

}  // namespace
}  // namespace sluice::smtp
