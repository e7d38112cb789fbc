// tools/blast/blast.cc — see blast.h.

#include "tools/blast/blast.h"

#include <sys/resource.h>

#include <cstdio>
#include <string>

#include "engine/base/error.h"
#include "tools/base/json_text.h"
#include "tools/blast/blast_run.h"

namespace sluice::tools {
namespace {

int64_t CpuMicros() {
  rusage used{};
  getrusage(RUSAGE_SELF, &used);
  return int64_t(used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1'000'000 + used.ru_utime.tv_usec +
         used.ru_stime.tv_usec;
}

void AppendReal(std::string& out, std::string_view key, double value) {
  char text[40];
  std::snprintf(text, sizeof text, "%.3f", value);
  AppendJsonKey(out, key);
  out += text;
}

std::string AsJson(const BlastReport& report) {
  std::string out = "{";
  AppendJsonKey(out, "ok");
  out += report.ok ? "true" : "false";
  AppendJsonField(out, "error", report.error);
  AppendJsonField(out, "accepted", report.accepted);
  AppendJsonField(out, "refused", report.refused);
  AppendJsonField(out, "unknown", report.unknown);
  AppendJsonField(out, "not_sent", report.not_sent);
  AppendJsonField(out, "recipients_accepted", report.recipients_accepted);
  AppendJsonField(out, "recipients_refused", report.recipients_refused);
  AppendJsonField(out, "connections", report.connections);
  AppendJsonField(out, "reconnects", report.reconnects);
  AppendReal(out, "seconds", report.seconds);
  AppendReal(out, "rate", report.rate);
  AppendReal(out, "cpu_us", report.cpu_us);
  AppendReal(out, "p50_ms", report.p50_ms);
  AppendReal(out, "p90_ms", report.p90_ms);
  AppendReal(out, "p99_ms", report.p99_ms);
  AppendReal(out, "p999_ms", report.p999_ms);
  AppendReal(out, "max_ms", report.max_ms);
  AppendJsonKey(out, "replies");
  out += '{';
  for (const auto& [reply, count] : report.replies) AppendJsonField(out, reply, count);
  out += "}}\n";
  return out;
}

}  // namespace

BlastReport RunBlast(const BlastOptions& options) {
  const int64_t cpu_before = CpuMicros();
  BlastRun run(options);
  if (auto ready = run.Prepare(); !ready) {
    run.report().error = ready.error().what;
    run.report().wrong_options = ready.error().code == ErrorCode::kInvalid;
    return run.report();
  }
  run.Run();
  BlastReport& report = run.report();
  if (report.accepted > 0)
    report.cpu_us = double(CpuMicros() - cpu_before) / double(report.accepted);
  return report;
}

void PrintBlastReport(const BlastReport& report, bool json) {
  if (json) {
    std::fputs(AsJson(report).c_str(), stdout);
    std::fflush(stdout);
    return;
  }
  const auto n = [](int64_t value) { return static_cast<long long>(value); };
  std::printf("accepted %lld, refused %lld, unknown %lld, not sent %lld in %.2f s: %.0f/s\n",
              n(report.accepted), n(report.refused), n(report.unknown), n(report.not_sent),
              report.seconds, report.rate);
  std::printf("recipients: %lld accepted, %lld refused; connections: %lld, %lld reconnects\n",
              n(report.recipients_accepted), n(report.recipients_refused), n(report.connections),
              n(report.reconnects));
  std::printf("latency ms: p50 %.2f  p90 %.2f  p99 %.2f  p99.9 %.2f  max %.2f; cpu %.1f us each\n",
              report.p50_ms, report.p90_ms, report.p99_ms, report.p999_ms, report.max_ms,
              report.cpu_us);
  for (const auto& [reply, count] : report.replies)
    std::printf("%8lld x %s\n", n(count), reply.c_str());
  if (!report.error.empty()) std::printf("first fault: %s\n", report.error.c_str());
  std::fflush(stdout);
}

}  // namespace sluice::tools
