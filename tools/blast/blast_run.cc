// tools/blast/blast_run.cc — BlastRun: see blast_run.h.

#include "tools/blast/blast_run.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <utility>

#include "engine/base/check.h"
#include "tools/base/json_text.h"

namespace sluice::tools {
namespace {

constexpr int kConnectionsMax = 10'000;
constexpr size_t kReplyKindsMax = 50;
// Between two looks at what is lost, late or to be shown.
constexpr Duration kTick = std::chrono::milliseconds(100);
constexpr Duration kPace = std::chrono::milliseconds(1);
constexpr Duration kProgress = std::chrono::milliseconds(200);

Duration Seconds(double s) { return Duration(std::llround(s * 1e6)); }

std::string_view NameOf(BlastResult::Outcome outcome) {
  switch (outcome) {
    case BlastResult::Outcome::kAccepted:
      return "accepted";
    case BlastResult::Outcome::kRefused:
      return "refused";
    case BlastResult::Outcome::kUnknown:
      return "unknown";
    case BlastResult::Outcome::kNotSent:
      return "not_sent";
  }
  return "";
}

// "250 2.0.0 Ok: queued as ID": the last word.
std::string_view QueuedAs(std::string_view reply) {
  const size_t space = reply.rfind(' ');
  return space == std::string_view::npos ? std::string_view() : reply.substr(space + 1);
}

}  // namespace

BlastRun::BlastRun(const BlastOptions& options)
    : options_(options), tick_(loop_.timers(), [this] { OnTick(); }), pace_(loop_.timers(), [this] {
        for (const auto& lane : lanes_) lane->Settle();
      }) {}

Status BlastRun::Prepare() {
  const auto to = Endpoint::Parse(options_.to);
  if (!to) return Fail(ErrorCode::kInvalid, "--to '" + options_.to + "' is no ADDR:PORT");
  to_ = *to;
  if (options_.connections < 1 || options_.connections > kConnectionsMax)
    return Fail(ErrorCode::kInvalid, "--connections is not from 1 to 10000");
  auto plan = BlastPlan::Make(options_, system_clock_.Wall());
  if (!plan) return std::unexpected(plan.error());
  plan_ = *std::move(plan);
  if (!options_.log.empty()) {
    log_fd_ = open(options_.log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    if (log_fd_ < 0) return Fail(ErrorCode::kIo, options_.log + ": " + std::strerror(errno));
  }
  if (options_.tls != "none") tls_ = loop_.net().MakeTlsClient();
  return {};
}

void BlastRun::Run() {
  loop_.OnSignal(SIGINT, [this] { GiveUp("interrupted"); });
  loop_.OnSignal(SIGTERM, [this] { GiveUp("ended"); });
  started_ = last_result_ = last_alive_ = last_progress_ = loop_.clock().Now();
  const auto lanes = std::min<int64_t>(options_.connections, std::max<int64_t>(plan_->total(), 1));
  for (int64_t i = 0; i < lanes; ++i) lanes_.push_back(std::make_unique<BlastLane>(*this));
  if (plan_->total() > 0) {
    for (const auto& lane : lanes_) lane->Connect();
    tick_.Set(started_ + kTick);
    loop_.Run();
  }
  ShowProgress();
  if (last_progress_ != started_ && isatty(STDERR_FILENO)) std::fputc('\n', stderr);
  tick_.Cancel();
  pace_.Cancel();
  lanes_.clear();
  if (log_fd_ >= 0) close(log_fd_);

  report_.not_sent = plan_->total() - counted();
  report_.seconds = double((last_result_ - started_).count()) / 1e6;
  report_.rate = report_.seconds > 0 ? double(report_.accepted) / report_.seconds : 0;
  report_.p50_ms = latency_.PercentileMs(0.5);
  report_.p90_ms = latency_.PercentileMs(0.9);
  report_.p99_ms = latency_.PercentileMs(0.99);
  report_.p999_ms = latency_.PercentileMs(0.999);
  report_.max_ms = latency_.max_ms();
  report_.ok = report_.accepted == plan_->total() && report_.recipients_refused == 0;
}

int64_t BlastRun::counted() const { return report_.accepted + report_.refused + report_.unknown; }

bool BlastRun::must_wait() {
  if (options_.rate <= 0) return false;
  const double elapsed = double((system_clock_.Now() - started_).count()) / 1e6;
  return double(taken_) >= elapsed * options_.rate;
}

std::optional<BlastMessage> BlastRun::Take() {
  if (options_.duration_s > 0 && !stopped_ &&
      loop_.clock().Now() - started_ >= Seconds(options_.duration_s)) {
    stopped_ = true;
    plan_->Stop();
  }
  if (plan_->has_more() && must_wait()) {
    if (pace_.when() == kNever) pace_.Set(loop_.clock().Now() + kPace);
    return std::nullopt;
  }
  auto message = plan_->Next();
  if (message) ++taken_;
  return message;
}

void BlastRun::Record(BlastResult result) {
  using Outcome = BlastResult::Outcome;
  if (result.outcome == Outcome::kNotSent) {
    --taken_;
    if (!stopped_) plan_->GiveBack(std::move(result.message));
    return;
  }
  last_result_ = system_clock_.Now();
  report_.recipients_accepted +=
      result.outcome == Outcome::kAccepted ? int64_t(result.accepted.size()) : 0;
  report_.recipients_refused += int64_t(result.rcpt_refusals.size());
  for (const std::string& refusal : result.rcpt_refusals) CountReply(refusal);
  switch (result.outcome) {
    case Outcome::kAccepted:
      ++report_.accepted;
      latency_.Add(result.latency);
      break;
    case Outcome::kRefused:
      ++report_.refused;
      if (result.rcpt_refusals.empty()) CountReply(result.reply);
      break;
    case Outcome::kUnknown:
      ++report_.unknown;
      break;
    case Outcome::kNotSent:
      break;
  }
  if (log_fd_ < 0) return;
  const bool accepted = result.outcome == Outcome::kAccepted;
  log_ += '{';
  AppendJsonField(log_, "seq", result.message.seq);
  AppendJsonField(log_, "outcome", NameOf(result.outcome));
  AppendJsonField(log_, "id", accepted ? QueuedAs(result.reply) : std::string_view());
  AppendJsonKey(log_, "recipients");
  log_ += '[';
  const auto& recipients = accepted ? result.accepted : result.message.recipients;
  for (size_t i = 0; i < recipients.size(); ++i) {
    if (i > 0) log_ += ',';
    AppendJsonString(log_, recipients[i]);
  }
  log_ += ']';
  if (!accepted) AppendJsonField(log_, "reply", result.reply);
  log_ += "}\n";
}

void BlastRun::WriteLog() {
  std::string_view rest = log_;
  while (!rest.empty()) {
    const ssize_t n = write(log_fd_, rest.data(), rest.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) {
      GiveUp(options_.log + ": " + std::strerror(errno));
      break;
    }
    rest.remove_prefix(size_t(n));
  }
  log_.clear();
}

void BlastRun::CountReply(const std::string& reply) {
  const bool full = report_.replies.size() >= kReplyKindsMax && !report_.replies.contains(reply);
  ++report_.replies[full ? std::string("other") : reply];
}

// A connection that ended in order is followed by the next at once; one that was lost, with --retry
// or when it had served at all, at the next tick.
void BlastRun::OnLaneClosed(const std::string& fault, bool had_served) {
  const bool in_order = fault.empty();
  if (!in_order && report_.error.empty()) report_.error = fault;
  if (!exhausted() && in_order) {
    ConnectIdleLanes();
  } else if (!exhausted() && (options_.retry || (had_served && fault.starts_with("421")))) {
    ++report_.reconnects;
    reconnect_due_ = true;
  } else if (!exhausted() && !in_order) {
    GiveUp(fault);
  }
  const bool all_idle =
      std::all_of(lanes_.begin(), lanes_.end(), [](const auto& lane) { return lane->idle(); });
  if (exhausted() && all_idle) loop_.Stop();
}

void BlastRun::ConnectIdleLanes() {
  for (const auto& lane : lanes_)
    if (lane->idle() && !exhausted()) lane->Connect();
}

void BlastRun::OnTick() {
  const Instant now = loop_.clock().Now();
  if (std::exchange(reconnect_due_, false)) {
    if (now - last_alive_ > Seconds(options_.retry_for_s)) {
      GiveUp("no connection for " + std::to_string(int64_t(options_.retry_for_s)) + " s");
    } else {
      ConnectIdleLanes();
    }
  }
  if (now - last_progress_ >= kProgress) ShowProgress();
  tick_.Set(now + kTick);
}

// What is on the way may still be answered; nothing else is sent.
void BlastRun::GiveUp(const std::string& why) {
  if (report_.error.empty()) report_.error = why;
  if (stopped_) {
    for (const auto& lane : lanes_) lane->Abort();  // asked twice
  }
  stopped_ = true;
  plan_->Stop();
  bool any = false;
  for (const auto& lane : lanes_) any = any || !lane->idle();
  if (!any) loop_.Stop();
}

void BlastRun::ShowProgress() {
  if (options_.quiet || isatty(STDERR_FILENO) == 0) return;
  const Instant now = loop_.clock().Now();
  last_progress_ = now;
  const double share = plan_->total() > 0 ? double(counted()) / double(plan_->total()) : 1;
  const double seconds = std::max(double((now - started_).count()) / 1e6, 0.001);
  constexpr int kWidth = 40;
  std::string bar(size_t(std::lround(share * kWidth)), '#');
  bar.resize(kWidth, '.');
  std::fprintf(stderr, "\r[%s] %lld/%lld  %.0f/s ", bar.c_str(), static_cast<long long>(counted()),
               static_cast<long long>(plan_->total()), double(counted()) / seconds);
  std::fflush(stderr);
}

}  // namespace sluice::tools
