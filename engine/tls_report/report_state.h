// engine/tls_report/report_state.h — what TLS reporting must not lose by a restart, and its file.
//
// PURPOSE   The days that are being counted and the reports that are on their way, written as one
//           small JSON file in the queue's folder.
// LIMITS    kReportsMax reports on their way; a file of kStateBytesMax.
// TESTS     tests/policy/tls_report_text_test.cc

#ifndef SLUICE_ENGINE_TLS_REPORT_REPORT_STATE_H_
#define SLUICE_ENGINE_TLS_REPORT_REPORT_STATE_H_

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/error.h"
#include "engine/base/time.h"
#include "engine/tls_report/tally.h"

namespace sluice::engine {

// Two days of the largest size.
inline constexpr size_t kReportsMax = 2 * DayTally::kDomainsMax;
inline constexpr size_t kStateBytesMax = size_t(256) << 20;

// One domain's report of one span of time.
struct PendingReport {
  std::string domain;
  WallTime begin{};
  WallTime end{};
  DomainTally tally;
  // Known once the domain's record was found: where it has not arrived yet.
  bool looked_up = false;
  std::vector<std::string> uris{};
  uint32_t failures = 0;  // rounds
  WallTime due{};
  WallTime give_up{};
  std::string trouble{};  // of the last round

  friend bool operator==(const PendingReport&, const PendingReport&) = default;
};

struct TlsReportState {
  TlsDays days;
  // Of the running day this much was reported already, on demand.
  WallTime reported_until{};
  std::map<std::string, PendingReport> reports;  // by id

  friend bool operator==(const TlsReportState&, const TlsReportState&) = default;
};

std::string FormatTlsReportState(const TlsReportState& state);
// Of a file's text; kCorrupt: it is none of ours.
Result<TlsReportState> ParseTlsReportState(std::string_view text);

}  // namespace sluice::engine

#endif  // SLUICE_ENGINE_TLS_REPORT_REPORT_STATE_H_
