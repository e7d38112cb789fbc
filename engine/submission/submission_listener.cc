#include "engine/submission/submission_listener.h"

#include <algorithm>
#include <utility>

#include "engine/base/check.h"
#include "engine/submission/submission_session.h"

namespace sluice::engine {
namespace {

// How soon sessions that wait for the body budget look again.
constexpr Duration kMemoryStep = std::chrono::milliseconds(10);
// Refused connections that are still being told so; beyond that they are reset without a word.
constexpr size_t kRefusedAtOnceMax = 1'000;

// Clients that choose by themselves take SCRAM where it is offered: it is only where it serves all
// who have a password.
bool EveryUserHasScram(const config::Config& config) {
  bool anyone = false;
  for (const config::User& user : config.users) {
    if (user.passwords.empty()) continue;
    anyone = true;
    if (std::ranges::none_of(user.passwords, [](const std::string& text) {
          return smtp::ParseScramKeys(text).has_value();
        }))
      return false;
  }
  return anyone;
}

}  // namespace

SubmissionListener::SubmissionListener(const SubmissionParts& parts,
                                       const config::Listener& settings,
                                       std::shared_ptr<io::TlsServerContext> tls)
    : parts_(parts),
      settings_(settings),
      tls_(std::move(tls)),
      fault_alerts_(kMessageFault, parts.context, parts.intake),
      refusal_alerts_(kSenderRefused, parts.context, parts.intake),
      memory_timer_(parts.context.timers, [this] { OnMemoryTimer(); }) {
  CHECK((tls_ == nullptr) == (settings_.tls == config::TlsMode::kNone));
  LookAtUsers();
}

// Sessions may be open: a process that runs out of time to stop drops them, when no loop runs any
// more.
SubmissionListener::~SubmissionListener() = default;

void SubmissionListener::LookAtUsers() {
  every_user_has_scram_ = EveryUserHasScram(*parts_.context.config);
  certificate_users_.reset();
  if (settings_.client_certificates != config::Listener::ClientCertificates::kOff)
    certificate_users_.emplace(parts_.context.config);
}

bool SubmissionListener::Trusted(const IpAddress& peer) const {
  return std::any_of(settings_.trusted.begin(), settings_.trusted.end(),
                     [&](const IpNetwork& network) { return network.Contains(peer); });
}

smtp::ServerRules SubmissionListener::RulesFor(bool trusted) const {
  const config::Config& config = *parts_.context.config;
  smtp::ServerRules rules;
  rules.hostname = config.hostname;
  rules.role = settings_.role == config::Role::kInbound ? smtp::ServerRole::kInbound
                                                        : smtp::ServerRole::kSubmission;
  rules.starttls = settings_.tls == config::TlsMode::kStartTls;
  rules.trusted = trusted;
  rules.literals = config.submission.address_literals;
  rules.scram = every_user_has_scram_;
  // Where a certificate is required, not even a trusted network gets by without TLS.
  rules.tls_first = rules.starttls && settings_.client_certificates ==
                                          config::Listener::ClientCertificates::kRequired;
  // Mail from strangers is refused where that of our own clients is mended (protocol.md 1).
  rules.refuse_bare_line_ends =
      settings_.role == config::Role::kInbound ||
      config.submission.bare_line_ends == config::Submission::BareLineEnds::kRefuse;
  rules.refuse_long_lines = config.submission.refuse_long_lines;
  rules.size_max = config.limits.message_size;
  rules.recipients_max = config.limits.recipients;
  rules.errors_max = config.limits.errors_per_session;
  return rules;
}

io::StreamEvents* SubmissionListener::Accept(io::Stream* stream) {
  ++counters_.connections;
  const IpAddress peer = stream->peer().address;
  const bool trusted = Trusted(peer);
  const config::Config& config = *parts_.context.config;
  smtp::Answer refusal;
  if (stopping_) {
    refusal = {421, "4.3.2", config.hostname + " Shutting down"};
  } else {
    switch (parts_.gate.Enter(peer, trusted, config.limits.connections,
                              config.limits.connections_per_address)) {
      case ConnectionGate::Answer::kWelcome:
        break;
      case ConnectionGate::Answer::kFull:
        refusal = {421, "4.3.2", config.hostname + " Too many connections, try again later"};
        break;
      case ConnectionGate::Answer::kAddressFull:
        refusal = {421, "4.7.0", config.hostname + " Too many connections from your address"};
        break;
    }
  }
  if (!refusal.empty()) ++counters_.connections_refused;
  const Handle<SubmissionSession> handle =
      sessions_.Emplace(*this, stream, RulesFor(trusted), trusted);
  SubmissionSession* session = sessions_.Get(handle);
  session->Begin(handle, refusal);
  if (!refusal.empty() && sessions_.size() > config.limits.connections + kRefusedAtOnceMax)
    session->Abort();
  return session;
}

void SubmissionListener::Reload(const config::Listener& settings,
                                std::shared_ptr<io::TlsServerContext> tls) {
  CHECK((tls == nullptr) == (settings.tls == config::TlsMode::kNone));
  settings_ = settings;
  tls_ = std::move(tls);
  LookAtUsers();
  sessions_.ForEach([](auto, SubmissionSession& session) { session.OnReload(); });
}

void SubmissionListener::Stop() {
  stopping_ = true;
  sessions_.ForEach([](auto, SubmissionSession& session) { session.OnStop(); });
}

void SubmissionListener::Abort() {
  stopping_ = true;
  sessions_.ForEach([](auto, SubmissionSession& session) { session.Abort(); });
}

void SubmissionListener::Erase(Handle<SubmissionSession> session) { sessions_.Erase(session); }

void SubmissionListener::TellFaults(const std::string& sender, const smtp::Answer& fault,
                                    uint64_t count) {
  counters_.message_faults += count;
  fault_alerts_.Note(sender, fault, count);
}

void SubmissionListener::TellRefusal(const std::string& sender, const smtp::Answer& refusal) {
  ++counters_.sender_refusals;
  refusal_alerts_.Note(sender, refusal, 1);
}

void SubmissionListener::RelieveMemory() {
  SubmissionSession* longest = nullptr;
  size_t reading = 0;
  sessions_.ForEach([&](auto, SubmissionSession& session) {
    if (!session.reads_content() || session.memory_paused()) return;
    ++reading;
    if (longest == nullptr || session.content_size() > longest->content_size()) longest = &session;
  });
  if (longest == nullptr || longest->SpoolForMemory()) return;
  // One goes on, over the budget if need be: else messages that wait for each other's room would
  // wait for good. Not while the disk has pieces to write: that makes room.
  if (reading > 1 || parts_.spools.jobs > 0) longest->PauseForMemory();
  if (memory_timer_.when() == kNever) memory_timer_.Set(parts_.context.clock.Now() + kMemoryStep);
}

void SubmissionListener::OnMemoryTimer() {
  const bool exhausted = parts_.context.bodies.exhausted();
  SubmissionSession* shortest = nullptr;
  size_t reading = 0;
  size_t paused = 0;
  sessions_.ForEach([&](auto, SubmissionSession& session) {
    if (session.memory_paused() && !exhausted) session.ResumeFromMemory();
    if (!session.memory_paused()) {
      reading += session.reads_content() ? 1 : 0;
      return;
    }
    ++paused;
    if (shortest == nullptr || session.content_size() < shortest->content_size())
      shortest = &session;
  });
  if (paused == 0) return;
  if (reading == 0 && parts_.spools.jobs == 0) {
    shortest->ResumeFromMemory();
    --paused;
  }
  if (paused > 0) memory_timer_.Set(parts_.context.clock.Now() + kMemoryStep);
}

}  // namespace sluice::engine
