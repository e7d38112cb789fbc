// tools/commands/tls_report.h — `sluice tls-report show|send`: the daily reports to receivers of
// how TLS towards them went (RFC 8460).

#ifndef SLUICE_TOOLS_COMMANDS_TLS_REPORT_H_
#define SLUICE_TOOLS_COMMANDS_TLS_REPORT_H_

#include "tools/commands/engine_call.h"

namespace sluice::tools {

struct TlsReportOptions {
  EngineAddress engine;  // -c, --socket
  bool json = false;     // --json, of show
};

// Each returns the exit status.
int ShowTlsReports(const TlsReportOptions& options);
// What has been gathered since the last reports goes out, the running day's too.
int SendTlsReports(const TlsReportOptions& options);

}  // namespace sluice::tools

#endif  // SLUICE_TOOLS_COMMANDS_TLS_REPORT_H_
