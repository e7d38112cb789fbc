// smtp/report.h — the delivery reports that we send (RFC 3464 in RFC 6522), as text.
//
// PURPOSE   One shape that every bounce reader understands: multipart/report of a text part with
//           the remote's words, message/delivery-status, and the original (or its header) as the
//           last part. One recipient a report.
// NOT HERE  Whether a report is due, to whom, its envelope (engine/delivery/report_builder.h).
// RULES     protocol.md 17, design 12.8. 7-bit throughout, but for an address that is not ASCII in
//           To. The remote's words lose control characters; what the original says is bounded.
//           No line before Status begins with a 4.x.x: readers take the first for the verdict.
// TESTS     tests/smtp/report_test.cc

#ifndef SLUICE_SMTP_REPORT_H_
#define SLUICE_SMTP_REPORT_H_

#include <cstdint>
#include <string>
#include <string_view>

namespace sluice::smtp {

enum class ReportAction : uint8_t { kFailed, kDelayed, kRelayed };

// Octets of a header that is sent back; real ones are under 20 KiB.
inline constexpr size_t kReturnedHeaderMax = size_t(64) << 10;

struct ReportText {
  ReportAction action = ReportAction::kFailed;
  std::string_view hostname;     // ours
  std::string_view id;           // of the report, unique: Message-ID and boundary
  std::string_view date;         // RFC 5322, of the report and of the last attempt
  std::string_view sender;       // the original's: To
  std::string_view arrival;      // RFC 5322
  std::string_view envid;        // xtext
  std::string_view recipient;    // final
  std::string_view orcpt;        // "rfc822;" + xtext
  std::string_view status;       // "5.1.1"
  std::string_view remote;       // "mx1.example.net [192.0.2.1]:25"; empty: none was reached
  std::string_view reply;        // "550 5.1.1 no such user", the remote's; empty: ours
  std::string_view words;        // ours, when there is no reply
  std::string_view retry_until;  // RFC 5322; kDelayed
  std::string_view original;     // header, or all of it when `full`
  bool full = false;
};

// CR LF line ends throughout.
std::string ComposeReport(const ReportText& report);

}  // namespace sluice::smtp

#endif  // SLUICE_SMTP_REPORT_H_
