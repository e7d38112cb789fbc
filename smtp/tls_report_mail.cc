// smtp/tls_report_mail.cc — see tls_report_mail.h.

#include "smtp/tls_report_mail.h"

#include "smtp/transfer_encoding.h"

namespace sluice::smtp {
namespace {

void Line(std::string& out, std::string_view name, std::string_view value) {
  out.append(name).append(": ").append(value).append("\r\n");
}

void Header(std::string& out, const TlsReportMail& mail, const std::string& boundary) {
  Line(out, "From", "<" + std::string(mail.from) + ">");
  Line(out, "To", "<" + std::string(mail.to) + ">");
  // Folded before each word that may be long.
  Line(out, "Subject",
       "Report Domain: " + std::string(mail.domain) + "\r\n Submitter: " +
           std::string(mail.submitter) + "\r\n Report-ID: <" + std::string(mail.report_id) + ">");
  Line(out, "Date", mail.date);
  Line(out, "Message-ID", "<" + std::string(mail.message_id) + ">");
  Line(out, "TLS-Report-Domain", mail.domain);
  Line(out, "TLS-Report-Submitter", mail.submitter);
  Line(out, "TLS-Required", "No");
  Line(out, "Auto-Submitted", "auto-generated");
  Line(out, "MIME-Version", "1.0");
  Line(out, "Content-Type",
       "multipart/report; report-type=\"tlsrpt\";\r\n\tboundary=\"" + boundary + "\"");
  out += "\r\n";
}

}  // namespace

std::string ComposeTlsReportMail(const TlsReportMail& mail) {
  // Base64 has no equals sign at the start of a line, so this is in no part.
  const std::string boundary = "=_tls-report";
  const std::string part = "--" + boundary + "\r\n";
  const std::string file = std::string(mail.file_name);
  std::string out;
  Header(out, mail, boundary);
  out += "This is a MIME-encapsulated message.\r\n\r\n" + part;
  Line(out, "Content-Type", "text/plain; charset=us-ascii");
  out += "\r\nThis is a report of how TLS towards the mail hosts of " + std::string(mail.domain) +
         " went,\r\n" + std::string(mail.span) + ", as seen by " + std::string(mail.submitter) +
         " (RFC 8460).\r\n\r\n" + part;
  Line(out, "Content-Type", "application/tlsrpt+gzip");
  Line(out, "Content-Transfer-Encoding", "base64");
  Line(out, "Content-Disposition", "attachment;\r\n\tfilename=\"" + file + "\"");
  out += "\r\n";
  AppendBase64Lines(out, mail.gzip);
  return out + "\r\n--" + boundary + "--\r\n";
}

}  // namespace sluice::smtp
