#include "tools/commands/tls_report.h"

namespace sluice::tools {

int ShowTlsReports(const TlsReportOptions& options) {
  const auto response = CallEngine(options.engine, R"({"command":"tls_report"})");
  if (!response) return response.error();
  return Print(options.json ? MemberJson(response->json, "tls_report") + "\n"
                            : RenderTlsReports(response->json))
             ? 0
             : 1;
}

int SendTlsReports(const TlsReportOptions& options) {
  const auto response = CallEngine(options.engine, R"({"command":"tls_report_send"})");
  if (!response) return response.error();
  const std::string n = MemberJson(response->json, "domains");
  return Print("reports about " + n + (n == "1" ? " domain" : " domains") +
               " are on their way to those that ask for them: sluice tls-report show\n")
             ? 0
             : 1;
}

}  // namespace sluice::tools
