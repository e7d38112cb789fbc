#include "engine/runtime/tls_report_service.h"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <utility>

#include "config/tls_report_checks.h"
#include "engine/base/message_id.h"
#include "engine/base/text.h"
#include "engine/domains/domain_state.h"
#include "engine/log/log.h"
#include "engine/signing/signing.h"
#include "smtp/mime_fields.h"
#include "smtp/tls_report_mail.h"

namespace sluice::engine {
namespace {

using Json = nlohmann::json;

constexpr char kFile[] = "tls-report.json";  // in the queue's folder: it lives as long as the queue

// None yet is empty; so is what is damaged, with a word in the log.
TlsReportState ReadState(const std::string& path, bool wanted) {
  std::ifstream in(path, std::ios::binary);
  if (!in || !wanted) return {};
  std::string text;
  char piece[16384];
  while (in.read(piece, sizeof piece) || in.gcount() > 0) {
    text.append(piece, size_t(in.gcount()));
    if (text.size() > kStateBytesMax) break;
  }
  auto state = ParseTlsReportState(text);
  if (state) return *std::move(state);
  LogWarn("tls-report", path + " " + state.error().what + ": counting begins anew");
  return {};
}

uint64_t Sessions(const TlsReportState& state, bool good) {
  uint64_t sum = 0;
  for (const auto& [day, tally] : state.days)
    for (const auto& [domain, policies] : tally.domains)
      for (const auto& [policy, counts] : policies) sum += good ? counts.good : counts.bad();
  return sum;
}

size_t Domains(const TlsReportState& state) {
  size_t most = 0;
  for (const auto& [day, tally] : state.days) most = std::max(most, tally.domains.size());
  return most;
}

// A message of our own: null sender, nobody hears of its failure.
Accepted LetterOf(const config::Config& config, MessageId id, WallTime now, const std::string& to,
                  Ref<Body> content, uint32_t header_length) {
  Accepted out;
  queue::Message& head = out.message;
  head.id = id;
  head.accepted = now;
  head.released = now;
  const config::Domain* signer = config::SigningDomain(config, DomainOf(config.tls_report.from));
  head.tenant = signer == nullptr ? "default" : signer->tenant;
  head.campaign = kTlsReportCampaign;
  head.flags = queue::kFlagReport;
  head.header_length = header_length;
  head.recipients = 1;
  queue::Recipient& recipient = out.recipients.emplace_back();
  recipient.id = {id, 0};
  recipient.address = to;
  recipient.notify = queue::kNotifyNever;
  recipient.due = now;
  out.content = std::move(content);
  return out;
}

}  // namespace

TlsReportService::TlsReportService(std::vector<ShardRuntime*> shards, Workers& files,
                                   std::shared_ptr<const config::Config> config)
    : shards_(std::move(shards)),
      home_(*shards_.front()),
      files_(files),
      file_(config->queue.path + "/" + kFile),
      config_(std::move(config)),
      resolver_(home_.transport(), home_.shard().context().clock, kCacheEntries),
      reporter_(Parts(), config_, ReadState(file_, config_->tls_report.on())) {}

ReporterParts TlsReportService::Parts() {
  const ShardContext& context = home_.shard().context();
  return {.clock = context.clock,
          .timers = context.timers,
          .random = context.random,
          .resolver = resolver_,
          .web = *home_.shard().web(),
          .gather = [this](const std::function<void(const TlsDays&)>& done) { Gather(done); },
          .mail =
              [this](TlsReportLetter letter, std::function<void(Status)> done) {
                Mail(std::move(letter), std::move(done));
              },
          .save = [this](std::shared_ptr<const TlsReportState> state) { Save(std::move(state)); },
          .alert =
              [this](std::string reason, std::string text) {
                home_.shard().Alert(std::move(reason), std::move(text));
              }};
}

void TlsReportService::Reload(std::shared_ptr<const config::Config> config) {
  config_ = config;
  reporter_.Reload(std::move(config));
}

// Each shard is asked on its own loop.
void TlsReportService::Gather(const std::function<void(const TlsDays&)>& done) {
  struct Pending {
    TlsDays days;
    size_t missing;
    std::function<void(const TlsDays&)> done;
  };
  auto pending = std::make_shared<Pending>(Pending{{}, shards_.size(), done});
  for (uint32_t i = 0; i < shards_.size(); ++i) {
    home_.shard().out().Send(i, [runtime = shards_[i], pending] {
      runtime->shard().out().Send(0, [pending, days = runtime->shard().policies().TakeSessions()] {
        for (const auto& [day, tally] : days) pending->days[day].Merge(tally);
        if (--pending->missing == 0) pending->done(pending->days);
      });
    });
  }
}

// RFC 8460 5.3: signed by the submitter. What nobody can sign receivers throw away.
void TlsReportService::Mail(TlsReportLetter letter, std::function<void(Status)> done) {
  Shard& shard = home_.shard();
  ShardContext& context = shard.context();
  const std::string& from = config_->tls_report.from;
  const std::string submitter(DomainOf(from));
  const MessageId id = shard.NewId();
  const WallTime now = context.clock.Wall();
  const std::string date = FormatRfc5322(now);
  const std::string message_id = FormatMessageId(id) + "@" + config_->hostname;
  const std::string text = smtp::ComposeTlsReportMail({.from = from,
                                                       .to = letter.to,
                                                       .date = date,
                                                       .message_id = message_id,
                                                       .submitter = submitter,
                                                       .domain = letter.domain,
                                                       .report_id = letter.report_id,
                                                       .span = letter.span,
                                                       .file_name = letter.file_name,
                                                       .gzip = letter.gzip});
  const smtp::MimeSplit split = smtp::SplitPart(text);
  auto content = MakeRef<Body>(&context.bodies);
  content->Append(text);
  Accepted accepted = LetterOf(*config_, id, now, letter.to, std::move(content),
                               uint32_t(split.header.size() + split.blank.size()));
  Signers signers = context.keyring->SignersOf(accepted.message.tenant, submitter);
  if (!signers.aligned)
    return done(Fail(ErrorCode::kDenied, "no [[domain]] with a key signs for " + submitter));
  smtp::DkimBodyHash hash(context.keyring->body_form());
  hash.Update(split.body);
  accepted.sign = SignTask{.keyring = context.keyring,
                           .keys = std::move(signers.keys),
                           .header = std::string(split.header),
                           .body_form = context.keyring->body_form(),
                           .body_hash = hash.Finish(),
                           .now = now};
  shard.Submit(std::move(accepted), std::move(done));
}

void TlsReportService::Save(std::shared_ptr<const TlsReportState> state) {
  next_ = std::move(state);
  if (saving_) return;
  saving_ = true;
  auto failed = std::make_shared<Status>();
  files_.Run([file = file_, writing = std::exchange(next_, nullptr),
              failed] { *failed = WriteStates(file, FormatTlsReportState(*writing)); },
             [this, failed] {
               saving_ = false;
               if (!*failed) LogWarn("tls-report", failed->error().what);
               if (next_) Save(std::exchange(next_, nullptr));
             });
}

void TlsReportService::Close() {
  if (!config_->tls_report.on()) return;
  for (ShardRuntime* runtime : shards_) reporter_.Take(runtime->shard().policies().TakeSessions());
  if (Status written = WriteStates(file_, FormatTlsReportState(reporter_.state())); !written)
    LogWarn("tls-report", written.error().what);
}

// ---- sluice tls-report

void TlsReportService::Register(ControlServer& server) {
  server.On("tls_report", [this](const ControlRequest&, const ControlDone& done) { Show(done); });
  server.On("tls_report_send",
            [this](const ControlRequest&, const ControlDone& done) { SendNow(done); });
}

void TlsReportService::Show(const ControlDone& done) const {
  const TlsReportState& state = reporter_.state();
  const TlsReportCounts& counts = reporter_.counts();
  Json waiting = Json::array();
  for (const auto& [id, report] : state.reports) {
    if (waiting.size() == kReportsShown) break;
    waiting.push_back({{"id", id},
                       {"domain", report.domain},
                       {"begin", FormatRfc3339(report.begin)},
                       {"end", FormatRfc3339(report.end)},
                       {"due", FormatRfc3339(report.due)},
                       {"failures", report.failures},
                       {"to", report.uris},
                       {"problem", report.trouble}});
  }
  done(Dump(Json{{"ok", true},
                 {"tls_report",
                  {{"on", config_->tls_report.on()},
                   {"domains", Domains(state)},
                   {"good", Sessions(state, true)},
                   {"bad", Sessions(state, false)},
                   {"sent", counts.sent},
                   {"failed", counts.failed},
                   {"unwanted", counts.unwanted},
                   {"left_out", counts.left_out},
                   {"waiting", state.reports.size()},
                   {"reports", std::move(waiting)}}}}));
}

void TlsReportService::SendNow(const ControlDone& done) {
  if (!config_->tls_report.on())
    return done(ControlError("TLS reports are off: set organization and contact in [tls_report]"));
  reporter_.SendNow(
      [done](size_t domains) { done(Dump(Json{{"ok", true}, {"domains", domains}})); });
}

}  // namespace sluice::engine
