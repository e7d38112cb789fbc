// engine/delivery/report_builder.h — from a recipient's fate to a report ready for the queue.
//
// PURPOSE   Decides whether a report is due (NOTIFY, RFC 3461; never about a report), and makes the
//           queue::Insert of it: null sender, kFlagReport, To the original envelope sender.
// NOT HERE  The text of a report (smtp/report.h).
// FLOW      WantsReport(...) -> read ReportOriginalLength(...) octets of the stored body ->
//           BuildReport(...) -> into the Transaction that finishes the recipient.

#ifndef SLUICE_ENGINE_DELIVERY_REPORT_BUILDER_H_
#define SLUICE_ENGINE_DELIVERY_REPORT_BUILDER_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "engine/base/body.h"
#include "engine/base/message_id.h"
#include "engine/base/random.h"
#include "engine/base/time.h"
#include "queue/queue.h"
#include "queue/records.h"

namespace sluice::engine {

enum class ReportKind : uint8_t {
  kFailed,   // bounced or expired
  kDelayed,  // still tried; once per recipient
  kRelayed,  // accepted by a host without DSN, NOTIFY asked for SUCCESS
};

// Is a report of this kind due? Not to the null sender, not about a report, not against NOTIFY;
// a delay report only where NOTIFY asks for DELAY and none went out yet.
bool WantsReport(ReportKind kind, const queue::Message& message, const queue::Recipient& recipient);

// Octets of the stored body that the report needs, from its start: the header, or with RET=FULL all
// of it up to a bound (kReturnedMax in the source).
uint32_t ReportOriginalLength(ReportKind kind, const queue::Message& message);

struct ReportRequest {
  ReportKind kind = ReportKind::kFailed;
  std::string hostname;  // ours: MAILER-DAEMON@hostname, Reporting-MTA
  MessageId id = 0;      // of the report
  WallTime now{};
  WallTime will_retry_until{};  // kDelayed
  // What the stored body begins with: ReportOriginalLength octets. Empty when it is unreadable: the
  // report then goes without.
  std::string original;
  BodyBudget* budget = nullptr;
};

// `last` is the event that told the recipient's fate (bounced, expired, deferred, delivered).
queue::Insert BuildReport(ReportRequest request, const queue::Message& message,
                          const queue::Recipient& recipient, const queue::Event& last);

}  // namespace sluice::engine

#endif  // SLUICE_ENGINE_DELIVERY_REPORT_BUILDER_H_
