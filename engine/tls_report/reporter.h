// engine/tls_report/reporter.h — a day's TLS sessions become reports, and reach those who want
// them.
//
// PURPOSE   Gathers what the shards counted; when a UTC day is over, makes a report for each
//           domain, asks DNS who wants it, sends it by mail or HTTPS, tries again what failed.
// FLOW      gather -> the day ends -> a random time within tls_report.spread -> TXT of
//           _smtp._tls.<domain> -> none: forgotten; else each place in turn -> done, or later
//           again, up to kGiveUpAfter. Mail is done when it is durable in the queue, which then
//           tries it like any other.
// LIMITS    kAtOnce reports under way, kReportsMax on their way, DayTally's bounds.
// RULES     A report keeps its id over restarts and retries: receivers know a copy by it.
// THREADS   Confined to its shard (0).
// TESTS     tests/policy/tls_reporter_test.cc

#ifndef SLUICE_ENGINE_TLS_REPORT_REPORTER_H_
#define SLUICE_ENGINE_TLS_REPORT_REPORTER_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <utility>

#include "config/config.h"
#include "dns/resolver.h"
#include "engine/base/error.h"
#include "engine/base/random.h"
#include "engine/base/timer_queue.h"
#include "engine/http/http_fetch.h"
#include "engine/tls_report/report_state.h"

namespace sluice::engine {

// A report that goes by mail.
struct TlsReportLetter {
  std::string to;
  std::string domain;
  std::string report_id;
  std::string span;
  std::string file_name;
  std::string gzip;
};

struct ReporterParts {
  // All outlive the reporter.
  const Clock& clock;
  TimerQueue& timers;
  Random& random;
  dns::Resolver& resolver;
  HttpFetch& web;
  // What the shards counted since they were asked last. Answers once, from the loop.
  std::function<void(std::function<void(const TlsDays&)>)> gather;
  // Answers once, when the letter is durable or refused.
  std::function<void(TlsReportLetter, std::function<void(Status)>)> mail;
  // For the disk.
  std::function<void(std::shared_ptr<const TlsReportState>)> save;
  // An alert event: reason and text.
  std::function<void(std::string reason, std::string text)> alert;
};

// Since the start.
struct TlsReportCounts {
  uint64_t sent = 0;      // reports that arrived at a web server, or are in the queue as mail
  uint64_t failed = 0;    // given up
  uint64_t unwanted = 0;  // domains that publish no place to report to
  uint64_t left_out = 0;  // sessions beyond the bounds, in no report
};

class TlsReporter {
 public:
  static constexpr Duration kGatherEvery = std::chrono::minutes(1);
  // Counts are lost by a crash for so long at most.
  static constexpr Duration kSaveEvery = std::chrono::minutes(5);
  static constexpr size_t kAtOnce = 8;
  static constexpr Duration kRetry = std::chrono::minutes(5);
  static constexpr Duration kRetryMax = std::chrono::hours(4);
  static constexpr Duration kGiveUpAfter = std::chrono::hours(24);
  static constexpr Duration kPostTimeout = std::chrono::seconds(60);
  static constexpr size_t kAnswerMax = size_t(64) << 10;

  // `known`: of earlier runs.
  TlsReporter(ReporterParts parts, std::shared_ptr<const config::Config> config,
              TlsReportState known);
  TlsReporter(const TlsReporter&) = delete;
  TlsReporter& operator=(const TlsReporter&) = delete;

  void Reload(std::shared_ptr<const config::Config> config);
  // Reports what was gathered until now; `done` hears for how many domains. What the day still
  // brings goes into a report of its own.
  void SendNow(std::function<void(size_t)> done);
  // What the shards still had when they stopped.
  void Take(const TlsDays& days);

  const TlsReportState& state() const { return state_; }
  const TlsReportCounts& counts() const { return counts_; }

 private:
  bool on() const { return config_->tls_report.on(); }
  void Gather(std::function<void()> then);
  void Tick();
  void CloseDays();
  size_t CloseDay(int64_t day, DayTally tally, WallTime end, Duration spread);
  std::string NewId(WallTime begin);
  void SaveIfDue();
  void Save();

  void Work();
  void Begin(const std::string& id);
  void OnTxt(const std::string& id, const dns::Answer& answer);
  void Send(const std::string& id, size_t place);
  void OnSent(const std::string& id, size_t place, const std::string& trouble);
  void Later(const std::string& id);
  void Forget(const std::string& id);
  // Null: it was dropped while something was asked for it; its turn is over then.
  PendingReport* Find(const std::string& id);
  // `step` with this, unless it is gone by then.
  template <typename F>
  auto Guarded(F step);

  const ReporterParts parts_;
  std::shared_ptr<const config::Config> config_;
  TlsReportState state_;
  TlsReportCounts counts_;
  std::set<std::pair<WallTime, std::string>> due_;  // reports that are not under way
  std::set<std::string> under_way_;
  bool working_ = false;
  bool counted_ = false;  // days have changed since they were saved
  bool moved_ = false;    // reports have
  Instant save_not_before_{};
  Timer tick_;
  Timer work_;
  std::shared_ptr<TlsReporter*> self_;
};

}  // namespace sluice::engine

#endif  // SLUICE_ENGINE_TLS_REPORT_REPORTER_H_
