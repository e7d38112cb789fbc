// Goal: a report by mail is what RFC 8460 5.3 describes, to the letter, and fits every relay.

#include "smtp/tls_report_mail.h"

#include <gtest/gtest.h>

#include <string>

#include "engine/base/text.h"
#include "smtp/mime_fields.h"

namespace sluice::smtp {
namespace {

TlsReportMail Sample() {
  return {.from = "tls-reports@mta.example",
          .to = "reports@b.example",
          .date = "Wed, 25 Nov 2026 00:10:00 +0000",
          .message_id = "77@mta.example",
          .submitter = "mta.example",
          .domain = "b.example",
          .report_id = "1a@mta.example",
          .span = "2026-11-24T00:00:00Z to 2026-11-24T23:59:59Z",
          .file_name = "mta.example!b.example!1!2!1a.json.gz",
          .gzip = "\x1f\x8b\x08"};
}

TEST(TlsReportMail, HasTheFieldsOfTheRfc) {
  EXPECT_EQ(ComposeTlsReportMail(Sample()),
            "From: <tls-reports@mta.example>\r\n"
            "To: <reports@b.example>\r\n"
            "Subject: Report Domain: b.example\r\n"
            " Submitter: mta.example\r\n"
            " Report-ID: <1a@mta.example>\r\n"
            "Date: Wed, 25 Nov 2026 00:10:00 +0000\r\n"
            "Message-ID: <77@mta.example>\r\n"
            "TLS-Report-Domain: b.example\r\n"
            "TLS-Report-Submitter: mta.example\r\n"
            "TLS-Required: No\r\n"
            "Auto-Submitted: auto-generated\r\n"
            "MIME-Version: 1.0\r\n"
            "Content-Type: multipart/report; report-type=\"tlsrpt\";\r\n"
            "\tboundary=\"=_tls-report\"\r\n"
            "\r\n"
            "This is a MIME-encapsulated message.\r\n"
            "\r\n"
            "--=_tls-report\r\n"
            "Content-Type: text/plain; charset=us-ascii\r\n"
            "\r\n"
            "This is a report of how TLS towards the mail hosts of b.example went,\r\n"
            "2026-11-24T00:00:00Z to 2026-11-24T23:59:59Z, as seen by mta.example (RFC 8460).\r\n"
            "\r\n"
            "--=_tls-report\r\n"
            "Content-Type: application/tlsrpt+gzip\r\n"
            "Content-Transfer-Encoding: base64\r\n"
            "Content-Disposition: attachment;\r\n"
            "\tfilename=\"mta.example!b.example!1!2!1a.json.gz\"\r\n"
            "\r\n"
            "H4sI\r\n"
            "--=_tls-report--\r\n");
}

TEST(TlsReportMail, HasShortSevenBitLinesWhateverTheReportHolds) {
  TlsReportMail mail = Sample();
  const std::string long_name = std::string(200, 'a') + ".example";
  std::string octets;
  for (int i = 0; i < 10'000; ++i) octets.push_back(char(i * 7));
  mail.domain = long_name;
  mail.gzip = octets;
  const std::string text = ComposeTlsReportMail(mail);
  EXPECT_TRUE(IsAscii(text));
  for (size_t at = 0; at < text.size();) {
    const size_t end = text.find("\r\n", at);
    ASSERT_NE(end, std::string::npos);
    EXPECT_LE(end - at, 998u);
    at = end + 2;
  }
}

}  // namespace
}  // namespace sluice::smtp
