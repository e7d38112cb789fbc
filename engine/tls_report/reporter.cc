#include "engine/tls_report/reporter.h"

#include <algorithm>
#include <cstdio>

#include "dns/tlsrpt_record.h"
#include "engine/base/check.h"
#include "engine/base/text.h"
#include "engine/log/log.h"
#include "engine/tls_report/gzip.h"
#include "engine/tls_report/report_text.h"

namespace sluice::engine {
namespace {

constexpr std::string_view kTxtLabels = "_smtp._tls.";
constexpr const char* kGzipType = "application/tlsrpt+gzip";
constexpr uint32_t kDoublingsMax = 8;
constexpr int kStatusClass = 100;

uint64_t SessionsOf(const DomainTally& tally) {
  uint64_t sum = 0;
  for (const auto& [policy, counts] : tally) sum += counts.good + counts.bad();
  return sum;
}

}  // namespace

template <typename F>
auto TlsReporter::Guarded(F step) {
  return [weak = std::weak_ptr(self_), step = std::move(step)](const auto& answer) {
    if (const auto self = weak.lock()) step(**self, answer);
  };
}

TlsReporter::TlsReporter(ReporterParts parts, std::shared_ptr<const config::Config> config,
                         TlsReportState known)
    : parts_(std::move(parts)),
      config_(std::move(config)),
      state_(std::move(known)),
      tick_(parts_.timers, [this] { Tick(); }),
      work_(parts_.timers, [this] { Work(); }),
      self_(std::make_shared<TlsReporter*>(this)) {
  for (const auto& [id, report] : state_.reports) due_.emplace(report.due, id);
  if (on()) tick_.Set(parts_.clock.Now() + kGatherEvery);
}

// Switched off, nothing is kept: what was gathered would be out of date when it is switched on.
void TlsReporter::Reload(std::shared_ptr<const config::Config> config) {
  const bool was_on = on();
  config_ = std::move(config);
  if (on() == was_on) return;
  if (on()) return tick_.Set(parts_.clock.Now() + kGatherEvery);
  state_ = {};
  due_.clear();
  tick_.Cancel();
  work_.Cancel();
  Save();
}

void TlsReporter::Gather(std::function<void()> then) {
  parts_.gather(Guarded([then = std::move(then)](TlsReporter& self, const TlsDays& days) {
    self.Take(days);
    then();
  }));
}

void TlsReporter::Take(const TlsDays& days) {
  if (!on()) return;
  for (const auto& [day, tally] : days) state_.days[day].Merge(tally);
  counted_ |= !days.empty();
}

void TlsReporter::Tick() {
  tick_.Set(parts_.clock.Now() + kGatherEvery);
  Gather([this] {
    if (!on()) return;
    CloseDays();
    Work();
    SaveIfDue();
  });
}

// A day is over when the shards have been asked after its end.
void TlsReporter::CloseDays() {
  const int64_t today = DayOf(parts_.clock.Wall() - kGatherEvery);
  while (!state_.days.empty() && state_.days.begin()->first < today) {
    auto day = state_.days.extract(state_.days.begin());
    CloseDay(day.key(), std::move(day.mapped()), BeginOfDay(day.key() + 1),
             config_->tls_report.spread);
  }
}

size_t TlsReporter::CloseDay(int64_t day, DayTally tally, WallTime end, Duration spread) {
  const WallTime now = parts_.clock.Wall();
  uint64_t left_out = tally.left_out;
  size_t made = 0;
  for (auto& [domain, policies] : tally.domains) {
    if (state_.reports.size() >= kReportsMax) {
      left_out += SessionsOf(policies);
      continue;
    }
    PendingReport report{.domain = domain,
                         .begin = std::max(BeginOfDay(day), state_.reported_until),
                         .end = end,
                         .tally = std::move(policies)};
    report.due = now + Duration(int64_t(double(spread.count()) * parts_.random.Unit()));
    report.give_up = report.due + kGiveUpAfter;
    const std::string id = NewId(report.begin);
    due_.emplace(report.due, id);
    state_.reports.emplace(id, std::move(report));
    ++made;
  }
  moved_ = true;
  counts_.left_out += left_out;
  if (left_out > 0)
    parts_.alert("tls_report", std::to_string(left_out) +
                                   " TLS sessions are in no report: they went to more domains "
                                   "than are counted in a day (" +
                                   std::to_string(DayTally::kDomainsMax) + ")");
  return made;
}

std::string TlsReporter::NewId(WallTime begin) {
  char text[64];
  std::snprintf(text, sizeof text, "%lld.%016llx",
                static_cast<long long>(MicrosOf(begin) / 1'000'000),
                static_cast<unsigned long long>(parts_.random.Next()));
  return std::string(text) + "@" + config_->hostname;
}

void TlsReporter::SendNow(std::function<void(size_t)> done) {
  Gather([this, done = std::move(done)] {
    const WallTime now = parts_.clock.Wall();
    size_t made = 0;
    for (auto& [day, tally] : std::exchange(state_.days, {}))
      made += CloseDay(day, std::move(tally), std::min(now, BeginOfDay(day + 1)), Duration(0));
    state_.reported_until = now;
    // What waits for its hour goes as well.
    due_.clear();
    for (auto& [id, report] : state_.reports)
      if (report.due > now) report.due = now;
    for (const auto& [id, report] : state_.reports)
      if (!under_way_.contains(id)) due_.emplace(report.due, id);
    Work();
    Save();
    done(made);
  });
}

// ---- reports on their way

void TlsReporter::Work() {
  if (working_) return;
  working_ = true;
  const WallTime now = parts_.clock.Wall();
  while (under_way_.size() < kAtOnce && !due_.empty() && due_.begin()->first <= now) {
    const std::string id = due_.begin()->second;
    due_.erase(due_.begin());
    Begin(id);
  }
  working_ = false;
  // With all places taken the end of one of them comes back here.
  if (!due_.empty() && under_way_.size() < kAtOnce)
    work_.Set(parts_.clock.Now() + std::max(due_.begin()->first - now, Duration(0)));
}

PendingReport* TlsReporter::Find(const std::string& id) {
  const auto found = state_.reports.find(id);
  if (found != state_.reports.end()) return &found->second;
  under_way_.erase(id);
  return nullptr;
}

void TlsReporter::Begin(const std::string& id) {
  under_way_.insert(id);
  const PendingReport& report = state_.reports.at(id);
  if (report.looked_up) return Send(id, 0);
  parts_.resolver.Ask(
      std::string(kTxtLabels) + report.domain, dns::RecordType::kTxt,
      Guarded([id](TlsReporter& self, const dns::Answer& answer) { self.OnTxt(id, answer); }));
}

void TlsReporter::OnTxt(const std::string& id, const dns::Answer& answer) {
  PendingReport* report = Find(id);
  if (report == nullptr) return Work();
  if (answer.kind == dns::AnswerKind::kFailure) {
    report->trouble = answer.detail;
    return Later(id);
  }
  std::vector<std::string> txt;
  for (const dns::Record& record : answer.records) txt.push_back(record.data);
  for (dns::TlsRptPlace& place : dns::TlsRptPlaces(txt))
    report->uris.push_back(std::move(place.uri));
  report->looked_up = true;
  if (!report->uris.empty()) return Send(id, 0);
  ++counts_.unwanted;
  Forget(id);
}

// To the place of that number, and then to those behind it.
void TlsReporter::Send(const std::string& id, size_t place) {
  PendingReport& report = state_.reports.at(id);
  if (report.uris.empty()) return Forget(id);
  if (place >= report.uris.size()) return Later(id);
  const auto to = dns::ParseTlsRptUri(report.uris[place]);
  if (!to) {  // a state file of another version
    report.uris.erase(report.uris.begin() + ptrdiff_t(place));
    return Send(id, place);
  }
  std::string gzip = Gzip(FormatTlsReport(config_->tls_report, id, report));
  if (!to->mailbox.empty()) {
    const std::string submitter(DomainOf(config_->tls_report.from));
    parts_.mail({.to = to->mailbox,
                 .domain = report.domain,
                 .report_id = id,
                 .span = SpanText(report),
                 .file_name = TlsReportFileName(submitter, id, report),
                 .gzip = std::move(gzip)},
                Guarded([id, place](TlsReporter& self, const Status& queued) {
                  self.OnSent(id, place, queued ? "" : queued.error().what);
                }));
    return;
  }
  parts_.web.Fetch({.host = to->host,
                    .port = to->port,
                    .path = to->path,
                    .body = std::move(gzip),
                    .content_type = kGzipType,
                    .body_max = kAnswerMax,
                    .timeout = kPostTimeout},
                   Guarded([id, place](TlsReporter& self, const HttpResponse& response) {
                     const bool good = response.status / kStatusClass == 2;
                     self.OnSent(id, place,
                                 good ? ""
                                 : response.status == 0
                                     ? response.error
                                     : "status " + std::to_string(response.status));
                   }));
}

void TlsReporter::OnSent(const std::string& id, size_t place, const std::string& trouble) {
  PendingReport* report = Find(id);
  if (report == nullptr) return Work();
  const std::string uri = report->uris.at(place);
  if (!trouble.empty()) {
    report->trouble = uri + ": " + trouble;
    return Send(id, place + 1);
  }
  ++counts_.sent;
  moved_ = true;
  LogInfo("tls-report", "report " + id + " about " + report->domain + " went to " + uri);
  report->uris.erase(report->uris.begin() + ptrdiff_t(place));
  Send(id, place);
}

void TlsReporter::Later(const std::string& id) {
  PendingReport& report = state_.reports.at(id);
  const uint32_t doublings = std::min(report.failures++, kDoublingsMax);
  report.due = parts_.clock.Wall() + std::min(kRetry * (1 << doublings), kRetryMax);
  moved_ = true;
  if (report.due > report.give_up) {
    ++counts_.failed;
    const std::string text = "the TLS report about " + report.domain +
                             " was not delivered within a day and is given up: " + report.trouble;
    LogWarn("tls-report", text);
    parts_.alert("tls_report", text);
    return Forget(id);
  }
  under_way_.erase(id);
  due_.emplace(report.due, id);
  Work();
}

void TlsReporter::Forget(const std::string& id) {
  under_way_.erase(id);
  state_.reports.erase(std::string(id));
  moved_ = true;
  Work();
}

// ---- the disk

void TlsReporter::SaveIfDue() {
  if (!moved_ && (!counted_ || parts_.clock.Now() < save_not_before_)) return;
  Save();
}

void TlsReporter::Save() {
  counted_ = moved_ = false;
  save_not_before_ = parts_.clock.Now() + kSaveEvery;
  parts_.save(std::make_shared<const TlsReportState>(state_));
}

}  // namespace sluice::engine
