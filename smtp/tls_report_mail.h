// smtp/tls_report_mail.h — a TLS report as a mail message (RFC 8460 5.3).
//
// PURPOSE   multipart/report of a sentence for people and the gzipped JSON, with the fields by
//           which receivers sort such mail.
// NOT HERE  The report (engine/tls_report), the signature (engine/signing).
// RULES     7-bit throughout, CR LF line ends. TLS-Required: No (RFC 8689) asks relays for what
//           RFC 8460 5.3 asks of us: to deliver it although TLS fails.
// TESTS     tests/smtp/tls_report_mail_test.cc

#ifndef SLUICE_SMTP_TLS_REPORT_MAIL_H_
#define SLUICE_SMTP_TLS_REPORT_MAIL_H_

#include <string>
#include <string_view>

namespace sluice::smtp {

// Nothing in it has control characters.
struct TlsReportMail {
  std::string_view from;        // address
  std::string_view to;          // address
  std::string_view date;        // RFC 5322
  std::string_view message_id;  // without brackets
  std::string_view submitter;   // domain of `from`
  std::string_view domain;      // that the report is about
  std::string_view report_id;
  std::string_view span;  // "2026-11-24T00:00:00Z to 2026-11-24T23:59:59Z"
  std::string_view file_name;
  std::string_view gzip;  // its octets
};

std::string ComposeTlsReportMail(const TlsReportMail& mail);

}  // namespace sluice::smtp

#endif  // SLUICE_SMTP_TLS_REPORT_MAIL_H_
