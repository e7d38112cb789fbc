// engine/delivery/report_builder.cc — see report_builder.h.

#include "engine/delivery/report_builder.h"

#include <algorithm>
#include <utility>

#include "engine/base/check.h"
#include "engine/base/text.h"
#include "engine/delivery/verdict.h"
#include "smtp/mime_fields.h"
#include "smtp/report.h"

namespace sluice::engine {
namespace {

// Octets of a message that RET=FULL sends back whole; of larger ones the header only. A report
// should not be a second mass mailing.
constexpr uint32_t kReturnedMax = 256 * 1024;

smtp::ReportAction ActionOf(ReportKind kind) {
  switch (kind) {
    case ReportKind::kFailed:
      return smtp::ReportAction::kFailed;
    case ReportKind::kDelayed:
      return smtp::ReportAction::kDelayed;
    case ReportKind::kRelayed:
      break;
  }
  return smtp::ReportAction::kRelayed;
}

// The class goes with the action, whatever class the remote's second code has (RFC 3463). An
// expired message keeps its 4: it failed for lack of time, and readers count it as soft.
std::string StatusOf(ReportKind kind, const queue::Event& event) {
  if (event.reason == reason::kMaxAge) return event.enhanced;
  const char first = kind == ReportKind::kFailed ? '5' : kind == ReportKind::kDelayed ? '4' : '2';
  if (event.enhanced.size() < 5) return std::string(1, first) + ".0.0";
  std::string status = event.enhanced;
  status[0] = first;
  return status;
}

// "550 5.1.1 no such user": as the remote said it, cleaned by who took it in.
std::string ReplyOf(const queue::Event& event) {
  if (event.code == 0 || event.reason == reason::kMaxAge) return "";
  std::string reply = std::to_string(event.code);
  if (!event.enhanced.empty()) reply += " " + event.enhanced;
  if (!event.text.empty()) reply += " " + event.text;
  return reply;
}

std::string WithoutCuts(std::string_view stored, const queue::Message& message) {
  std::string out;
  size_t from = 0;
  for (const queue::Cut& cut : message.cuts) {
    if (cut.offset < from || cut.offset >= stored.size()) break;
    out.append(stored.substr(from, cut.offset - from));
    from = std::min(stored.size(), size_t(cut.offset) + cut.length);
  }
  return out.append(stored.substr(from));
}

// Local part as it is, domain in lower case.
std::string MailboxOf(std::string_view sender) {
  std::string out(sender);
  const size_t at = out.rfind('@');
  for (size_t i = at == std::string::npos ? out.size() : at; i < out.size(); ++i)
    out[i] = LowerChar(out[i]);
  return out;
}

bool HasDottedLine(std::string_view text) {
  return text.starts_with('.') || text.find("\r\n.") != std::string_view::npos;
}

}  // namespace

bool WantsReport(ReportKind kind, const queue::Message& message,
                 const queue::Recipient& recipient) {
  if (message.sender.empty() || (message.flags & queue::kFlagReport) != 0) return false;
  const uint8_t notify = recipient.notify;
  if ((notify & queue::kNotifyNever) != 0) return false;
  switch (kind) {
    case ReportKind::kFailed:
      return notify == 0 || (notify & queue::kNotifyFailure) != 0;
    case ReportKind::kDelayed:
      return (notify & queue::kNotifyDelay) != 0 && !recipient.delay_told;
    case ReportKind::kRelayed:
      break;
  }
  return (notify & queue::kNotifySuccess) != 0;
}

uint32_t ReportOriginalLength(ReportKind kind, const queue::Message& message) {
  const bool full = kind == ReportKind::kFailed && message.ret == queue::DsnRet::kFull;
  if (full && message.body.length <= kReturnedMax && message.body.length >= message.header_length)
    return message.body.length;
  return std::min(message.header_length, uint32_t(smtp::kReturnedHeaderMax));
}

queue::Insert BuildReport(ReportRequest request, const queue::Message& message,
                          const queue::Recipient& recipient, const queue::Event& last) {
  CHECK(WantsReport(request.kind, message, recipient));
  const std::string id = FormatMessageId(request.id);
  const std::string date = FormatRfc5322(request.now);
  const std::string arrival = FormatRfc5322(message.accepted);
  const std::string until = FormatRfc5322(request.will_retry_until);
  const std::string status = StatusOf(request.kind, last);
  const std::string reply = ReplyOf(last);
  const std::string stored = std::move(request.original);
  const std::string original = WithoutCuts(stored, message);
  smtp::ReportText text;
  text.action = ActionOf(request.kind);
  text.hostname = request.hostname;
  text.id = id;
  text.date = date;
  text.sender = message.sender;
  text.arrival = arrival;
  text.envid = message.envid;
  text.recipient = recipient.address;
  text.orcpt = recipient.orcpt;
  text.status = status;
  text.remote = last.host;
  text.reply = reply;
  text.words = last.text;
  text.retry_until = until;
  text.original = original;
  text.full = stored.size() > message.header_length;
  const std::string report = smtp::ComposeReport(text);

  queue::Insert insert;
  queue::Message& head = insert.message;
  head.id = request.id;
  head.accepted = request.now;
  head.released = request.now;
  head.tenant = message.tenant;
  head.flags = queue::kFlagReport;
  if (!IsAscii(report)) head.flags |= queue::kFlag8Bit | queue::kFlagSmtpUtf8;
  if (HasDottedLine(report)) head.flags |= queue::kFlagDots;
  const smtp::MimeSplit split = smtp::SplitPart(report);
  head.header_length = uint32_t(split.header.size() + split.blank.size());
  head.recipients = 1;
  queue::Recipient to;
  to.id = {request.id, 0};
  to.address = MailboxOf(message.sender);
  to.notify = queue::kNotifyNever;  // RFC 3461, 5.2.9: nobody is told of a lost report
  to.due = request.now;
  insert.recipients.push_back(std::move(to));
  Ref<Body> body(new Body(request.budget));
  body->Append(report);
  insert.content = body;
  return insert;
}

}  // namespace sluice::engine
