// smtp/report.cc — see report.h.

#include "smtp/report.h"

#include <algorithm>
#include <optional>

#include "engine/base/text.h"
#include "smtp/downgrade.h"
#include "smtp/mime_fields.h"
#include "smtp/transfer_encoding.h"

namespace sluice::smtp {
namespace {

constexpr std::string_view kLineEnd = "\r\n";

int HexValue(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// RFC 3461, 4. What is no xtext stays as it is; control characters never come out.
std::string DecodeXtext(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (c == '+' && i + 2 < text.size() && HexValue(text[i + 1]) >= 0 &&
        HexValue(text[i + 2]) >= 0) {
      c = char(HexValue(text[i + 1]) * 16 + HexValue(text[i + 2]));
      i += 2;
    }
    if (uint8_t(c) >= ' ' && c != 0x7f) out.push_back(c);
  }
  return out;
}

// For structured fields, which are ASCII: others become "?".
std::string Ascii(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (uint8_t(c) < ' ' || uint8_t(c) > 0x7e) c = '?';
  }
  return out;
}

// "rfc822; a@b", or for other than ASCII the form of RFC 6533: "utf-8; \x{E9}@b".
std::string TypedAddress(std::string_view address) {
  if (IsAscii(address)) return "rfc822; " + Ascii(address);
  static constexpr char kHex[] = "0123456789ABCDEF";
  std::string out = "utf-8; ";
  while (!address.empty()) {
    const auto lead = uint8_t(address[0]);
    const size_t length = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    if (length == 1) {
      out.push_back(address[0]);
      address.remove_prefix(1);
      continue;
    }
    uint32_t point = lead & (0xffu >> (length + 1));
    for (size_t i = 1; i < std::min(length, address.size()); ++i)
      point = point << 6 | (uint8_t(address[i]) & 0x3f);
    std::string digits;
    for (; point != 0; point >>= 4) digits.insert(digits.begin(), kHex[point & 15]);
    out += "\\x{" + digits + "}";
    address.remove_prefix(std::min(length, address.size()));
  }
  return out;
}

// "mx1.example.net" of "mx1.example.net [192.0.2.1]:25".
std::string_view HostName(std::string_view remote) {
  return remote.substr(0, remote.find_first_of(" ["));
}

std::string_view SubjectOf(ReportAction action) {
  switch (action) {
    case ReportAction::kFailed:
      return "Undelivered Mail Returned to Sender";
    case ReportAction::kDelayed:
      return "Delayed Mail (still being retried)";
    case ReportAction::kRelayed:
      break;
  }
  return "Successful Mail Delivery Report";
}

std::string_view NameOf(ReportAction action) {
  switch (action) {
    case ReportAction::kFailed:
      return "failed";
    case ReportAction::kDelayed:
      return "delayed";
    case ReportAction::kRelayed:
      break;
  }
  return "relayed";
}

std::string Explanation(const ReportText& report) {
  std::string out = "This is the mail system at host " + std::string(report.hostname) + ".\r\n\r\n";
  switch (report.action) {
    case ReportAction::kFailed:
      out +=
          "Your message could not be delivered to the recipient below. No further\r\n"
          "attempts will be made.\r\n\r\n";
      break;
    case ReportAction::kDelayed:
      out +=
          "Your message has not been delivered yet to the recipient below. You need\r\n"
          "not send it again: it will be tried until " +
          std::string(report.retry_until) + ".\r\n\r\n";
      break;
    case ReportAction::kRelayed:
      out +=
          "Your message was handed to the mail system of the recipient below, which\r\n"
          "sends no confirmations of its own.\r\n\r\n";
      break;
  }
  out += "<" + std::string(report.recipient) + ">: ";
  if (!report.reply.empty()) {
    if (!report.remote.empty()) out += "host " + std::string(report.remote) + " said: ";
    out += report.reply;
  } else {
    if (!report.remote.empty()) out += "host " + std::string(report.remote) + ": ";
    out += report.words;
  }
  return out + "\r\n";
}

class Composer {
 public:
  explicit Composer(const ReportText& report) : report_(report) {}

  std::string Compose() {
    MakeOriginal();
    MakeBoundary();
    Header();
    TextPart();
    StatusPart();
    OriginalPart();
    out_ += "--" + boundary_ + "--\r\n";
    return std::move(out_);
  }

 private:
  void Line(std::string_view name, std::string_view value) {
    if (value.empty()) return;
    out_.append(name).append(": ").append(value).append(kLineEnd);
  }

  // What is sent back. Return-Path goes first: readers look for it there.
  void MakeOriginal() {
    std::string_view header = SplitPart(report_.original).header;
    if (report_.full) {
      const std::optional<std::string> seven = ConvertTo7Bit(report_.original);
      full_ = seven.has_value();
      if (full_) original_ = *seven;
    }
    if (!full_) {
      if (header.size() > kReturnedHeaderMax) {
        header = header.substr(0, kReturnedHeaderMax);
        header = header.substr(0, header.rfind(kLineEnd) + kLineEnd.size());
      }
      original_ = header;
      if (!header.empty() && !header.ends_with(kLineEnd)) original_ += kLineEnd;
    }
    original_.insert(0, "Return-Path: <" + Ascii(report_.sender) + ">\r\n");
    if (!original_.ends_with(kLineEnd)) original_ += kLineEnd;
    if (IsAscii(original_)) return;
    encoded_ = true;
    std::string quoted;
    AppendQuotedPrintable(quoted, original_);
    original_ = std::move(quoted);
  }

  void MakeBoundary() {
    boundary_ = "report-" + std::string(report_.id) + "/" + std::string(report_.hostname);
    while (original_.find(boundary_) != std::string::npos) boundary_ += "+";
  }

  void Header() {
    out_ += "From: Mail Delivery System <MAILER-DAEMON@" + std::string(report_.hostname) + ">\r\n";
    Line("To", "<" + std::string(report_.sender) + ">");
    Line("Subject", SubjectOf(report_.action));
    Line("Date", report_.date);
    Line("Message-ID", "<" + std::string(report_.id) + "@" + std::string(report_.hostname) + ">");
    Line("Auto-Submitted", "auto-replied");
    Line("MIME-Version", "1.0");
    out_ += "Content-Type: multipart/report; report-type=delivery-status;\r\n\tboundary=\"" +
            boundary_ + "\"\r\n\r\n";
    out_ += "This is a MIME-encapsulated message.\r\n\r\n";
  }

  void Part(std::string_view description, std::string_view type) {
    out_ += "--" + boundary_ + "\r\n";
    Line("Content-Description", description);
    Line("Content-Type", type);
  }

  void TextPart() {
    const std::string text = Explanation(report_);
    const bool ascii = IsAscii(text);
    Part("Notification", ascii ? "text/plain; charset=us-ascii" : "text/plain; charset=utf-8");
    if (!ascii) Line("Content-Transfer-Encoding", "quoted-printable");
    out_ += kLineEnd;
    if (ascii) {
      out_ += text;
    } else {
      AppendQuotedPrintable(out_, text);
    }
    out_ += kLineEnd;
  }

  void StatusPart() {
    Part("Delivery report", "message/delivery-status");
    out_ += kLineEnd;
    Line("Reporting-MTA", "dns; " + std::string(report_.hostname));
    Line("Original-Envelope-Id", Ascii(DecodeXtext(report_.envid)));
    Line("Arrival-Date", report_.arrival);
    out_ += kLineEnd;
    OriginalRecipient();
    Line("Final-Recipient", TypedAddress(report_.recipient));
    Line("Action", NameOf(report_.action));
    Line("Status", report_.status);
    if (!report_.remote.empty()) Line("Remote-MTA", "dns; " + Ascii(HostName(report_.remote)));
    if (!report_.reply.empty()) {
      Line("Diagnostic-Code", "smtp; " + Ascii(report_.reply));
    } else if (!report_.words.empty()) {
      Line("Diagnostic-Code", "X-Sluice; " + Ascii(report_.words));
    }
    Line("Last-Attempt-Date", report_.date);
    if (report_.action == ReportAction::kDelayed) Line("Will-Retry-Until", report_.retry_until);
    out_ += kLineEnd;
  }

  void OriginalRecipient() {
    const size_t type = report_.orcpt.find(';');
    if (type == std::string_view::npos) return;
    Line("Original-Recipient", Ascii(report_.orcpt.substr(0, type)) + "; " +
                                   Ascii(DecodeXtext(report_.orcpt.substr(type + 1))));
  }

  void OriginalPart() {
    if (report_.original.empty()) return;
    Part(full_ ? "Message" : "Message header", full_ ? "message/rfc822" : "text/rfc822-headers");
    if (encoded_) Line("Content-Transfer-Encoding", "quoted-printable");
    out_ += kLineEnd;
    out_ += original_;
    out_ += kLineEnd;
  }

  const ReportText& report_;
  std::string out_;
  std::string original_;
  std::string boundary_;
  bool full_ = false;
  bool encoded_ = false;
};

}  // namespace

std::string ComposeReport(const ReportText& report) { return Composer(report).Compose(); }

}  // namespace sluice::smtp
