// engine/tls_report/report_text.h — a report as JSON (RFC 8460 4.4), and the names it goes by.
//
// TESTS     tests/policy/tls_report_text_test.cc

#ifndef SLUICE_ENGINE_TLS_REPORT_REPORT_TEXT_H_
#define SLUICE_ENGINE_TLS_REPORT_REPORT_TEXT_H_

#include <optional>
#include <string>
#include <string_view>

#include "config/config.h"
#include "engine/tls_report/report_state.h"

namespace sluice::engine {

// "sts-policy-invalid"; of kGood "".
std::string_view NameOf(TlsResult result);
std::optional<TlsResult> TlsResultNamed(std::string_view name);
// "sts", "tlsa", "no-policy-found".
std::string_view NameOf(TlsPolicyType type);
std::optional<TlsPolicyType> TlsPolicyTypeNamed(std::string_view name);

std::string FormatTlsReport(const config::TlsReport& sender, const std::string& id,
                            const PendingReport& report);

// "2026-11-24T00:00:00Z to 2026-11-24T23:59:59Z".
std::string SpanText(const PendingReport& report);

// RFC 8460 5.1: "mail.sender.example.com!example.com!1470013207!1470186007!id.json.gz".
std::string TlsReportFileName(std::string_view submitter, const std::string& id,
                              const PendingReport& report);

}  // namespace sluice::engine

#endif  // SLUICE_ENGINE_TLS_REPORT_REPORT_TEXT_H_
