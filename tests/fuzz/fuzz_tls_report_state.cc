// The file of TLS reports: no input crashes, and what is accepted is written and read back the
// same.

#include <string>

#include "engine/base/check.h"
#include "engine/tls_report/report_state.h"
#include "engine/tls_report/report_text.h"
#include "tests/fuzz/fuzz_target.h"

FUZZ_TARGET(tls_report_state) {
  using namespace sluice;
  const auto state = engine::ParseTlsReportState(input);
  if (!state) return;
  const auto again = engine::ParseTlsReportState(engine::FormatTlsReportState(*state));
  CHECK(again.has_value());
  CHECK(*again == *state);
  for (const auto& [id, report] : state->reports) {
    CHECK(!engine::FormatTlsReport({}, id, report).empty());
    CHECK(!engine::TlsReportFileName("mta.example", id, report).empty());
  }
}
