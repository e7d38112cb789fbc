#include "engine/submission/submission_session.h"

#include <algorithm>
#include <utility>

#include "engine/base/check.h"

namespace sluice::engine {
namespace {

// First octet of a TLS record that holds a ClientHello (RFC 8446 5.1).
constexpr char kTlsHandshakeRecord = 0x16;

}  // namespace

SubmissionSession::SubmissionSession(SubmissionListener& listener, io::Stream* stream,
                                     smtp::ServerRules rules, bool trusted)
    : listener_(listener),
      stream_(stream),
      peer_(stream->peer()),
      trusted_(trusted),
      tls_context_(listener.tls_),
      asks_(listener.settings_.client_certificates),
      client_ca_(listener.settings_.client_ca),
      session_(std::move(rules), builder_),
      spool_(listener.parts_.spools, [this] { OnSpoolEnded(); }),
      began_(listener.parts_.context.clock.Now()),
      active_(began_),
      timer_(listener.parts_.context.timers, [this] { OnTimer(); }) {}

SubmissionSession::~SubmissionSession() = default;

Instant SubmissionSession::Now() const { return listener_.parts_.context.clock.Now(); }

void SubmissionSession::Begin(Handle<SubmissionSession> self, const smtp::Answer& refusal) {
  self_ = self;
  counted_ = refusal.empty();
  const config::Listener& settings = listener_.settings_;
  if (!refusal.empty()) {
    session_.End(refusal);
    close_ = true;
  } else if (settings.tls != config::TlsMode::kImplicit) {
    session_.Greet();
  } else if (settings.old_clients) {
    stage_ = Stage::kSniff;
  } else {
    StartTls({});
  }
  Settle();
}

// --- TLS ---

void SubmissionSession::StartTls(std::string_view already_read) {
  stage_ = Stage::kHandshake;
  active_ = Now();
  stream_->StartTlsServer(tls_context_, already_read);
}

void SubmissionSession::Sniff(std::string_view bytes) {
  if (bytes.starts_with(kTlsHandshakeRecord)) {
    StartTls(bytes);
    SetDeadline();
    return;
  }
  GreetInClear();
  Feed(bytes);
}

void SubmissionSession::GreetInClear() {
  ++listener_.counters_.clear_greetings;
  stage_ = Stage::kOpen;
  active_ = Now();
  session_.mutable_rules().starttls = true;
  session_.mutable_rules().tls_first = true;
  session_.Greet();
}

void SubmissionSession::OnTlsReady(const io::TlsInfo& info) {
  if (stage_ != Stage::kHandshake) return;
  ++listener_.counters_.tls;
  stage_ = Stage::kOpen;
  active_ = Now();
  tls_ = info.version + " " + info.cipher;
  const bool implicit = !session_.rules().starttls;
  session_.TlsStarted();
  certificate_ = info.peer;
  if (const std::string why = LookAtCertificate(); !why.empty())
    session_.End({421, "4.7.0", session_.rules().hostname + " " + why});
  else if (implicit)
    session_.Greet();
  close_ |= session_.closed();
  Settle();
}

// --- input ---

void SubmissionSession::OnRead(std::string_view bytes) {
  if (stage_ == Stage::kSniff)
    Sniff(bytes);
  else if (stage_ == Stage::kOpen)
    Feed(bytes);
}

void SubmissionSession::Feed(std::string_view bytes) {
  const bool waited = session_.waiting();
  const bool content = session_.in_content();
  session_.Feed(bytes);
  for (auto event = session_.Next(); event != smtp::ServerEvent::kNone; event = session_.Next())
    OnEvent(event);
  session_.Keep();
  TellFaults();
  if (content || commands_ != session_.commands()) active_ = Now();
  commands_ = session_.commands();
  // Input while an answer is awaited: the next piece stays in the kernel.
  if (waited && session_.waiting()) SetPaused(kPausedWaiting, true);
  SpoolContent();
  if (session_.content_open() && listener_.parts_.context.bodies.exhausted())
    listener_.RelieveMemory();
  Settle();
}

void SubmissionSession::OnEof() {
  eof_ = true;
  if (stage_ != Stage::kOpen) close_ = true;
  Settle();
}

void SubmissionSession::OnEvent(smtp::ServerEvent event) {
  switch (event) {
    case smtp::ServerEvent::kNone:
      break;
    case smtp::ServerEvent::kStartTls:
      DropMessage();
      start_tls_ = true;
      break;
    case smtp::ServerEvent::kAuth:
      AskLogin();
      break;
    case smtp::ServerEvent::kScram:
      StartProof(&SubmissionSession::OnScramKeys);
      break;
    case smtp::ServerEvent::kMail:
      if (!LogInAtMail()) break;
      pace_until_ = Now() + kPaceFor;
      PermitMail();
      break;
    case smtp::ServerEvent::kRcpt:
      AnswerRcpt();
      break;
    case smtp::ServerEvent::kContent:
      BeginContent();
      break;
    case smtp::ServerEvent::kMessage:
      SubmitMessage();
      break;
    case smtp::ServerEvent::kDropped:
      DropMessage();
      break;
    case smtp::ServerEvent::kClose:
      DropMessage();
      close_ = true;
      break;
  }
}

// --- output ---

// Gives the stream what it takes of the replies; false: some are left.
bool SubmissionSession::WriteReplies() {
  const std::string_view output = session_.output();
  if (output.empty()) return true;
  const size_t taken = stream_->Write(output);
  session_.ConsumeOutput(taken);
  const bool all = session_.output().empty();
  if (!all && unread_since_ == kNever) unread_since_ = Now();
  if (all) unread_since_ = kNever;
  return all;
}

void SubmissionSession::Settle() {
  if (stage_ == Stage::kClosing) return;
  if (listener_.stopping_ && stage_ != Stage::kOpen) {
    Close();
    return;
  }
  const bool between = stage_ == Stage::kOpen && !session_.waiting() && !session_.in_transaction();
  if (between && !close_ && !start_tls_ && (listener_.stopping_ || revoked_)) {
    session_.End({421, revoked_ ? "4.7.0" : "4.3.2",
                  session_.rules().hostname + (revoked_ ? " Login withdrawn" : " Shutting down")});
    close_ = true;
  }
  const bool written = WriteReplies();
  if (written && (close_ || (eof_ && !session_.waiting()))) {
    Close();
    return;
  }
  SetPaused(kPausedOutput, !written);
  if (!session_.waiting()) SetPaused(kPausedWaiting, false);
  if (written && start_tls_) {
    start_tls_ = false;
    StartTls({});
  }
  SetDeadline();
}

void SubmissionSession::Close() {
  stage_ = Stage::kClosing;
  if (session_.too_many_errors()) ++listener_.counters_.errors_closed;
  timer_.Cancel();
  DropMessage();
  stream_->Close();
}

void SubmissionSession::Abort() {
  if (std::exchange(aborted_, true)) return;
  stage_ = Stage::kClosing;
  timer_.Cancel();
  DropMessage();
  stream_->Abort();
}

void SubmissionSession::OnWritable() { Settle(); }

void SubmissionSession::OnClosed(const io::CloseInfo& info) {
  if (info.reason == io::CloseReason::kTlsFailed) ++listener_.counters_.tls_failed;
  listener_.counters_.bare_commands += session_.bare_line_ends();
  if (counted_) listener_.parts_.gate.Leave(peer_.address, trusted_);
  listener_.Erase(self_);  // the end of this object
}

void SubmissionSession::SetPaused(uint8_t reason, bool on) {
  const uint8_t before = paused_;
  paused_ = uint8_t(on ? before | reason : before & ~reason);
  if (before == 0 && paused_ != 0) stream_->PauseReading();
  if (before != 0 && paused_ == 0) stream_->ResumeReading();
}

void SubmissionSession::PauseForMemory() {
  ++listener_.counters_.memory_pauses;
  SetPaused(kPausedMemory, true);
  SetDeadline();
}

void SubmissionSession::ResumeFromMemory() {
  if (stage_ == Stage::kClosing) return;
  SetPaused(kPausedMemory, false);
  active_ = Now();
  SetDeadline();
}

// --- time ---

Instant SubmissionSession::Deadline() const {
  const Duration idle = listener_.parts_.context.config->limits.idle;
  if (stage_ == Stage::kSniff) return began_ + kSniffFor;
  if (stage_ == Stage::kHandshake) return active_ + kHandshakeWithin;
  if (stage_ == Stage::kClosing) return kNever;
  if (unread_since_ != kNever) return unread_since_ + kUnreadFor;
  if (pace_until_ != kNever) return std::min(pace_until_, active_ + kPaceStep);
  if (session_.waiting() || (paused_ & (kPausedMemory | kPausedDisk)) != 0) return kNever;
  if (session_.content_open()) return std::min(active_ + idle, content_began_ + kContentWithin);
  const smtp::ServerRules& rules = session_.rules();
  if (rules.role == smtp::ServerRole::kSubmission && !rules.trusted && !session_.logged_in())
    return std::min(active_ + idle, began_ + kLoginWithin);
  return active_ + idle;
}

// The timer only ever moves to an earlier time here; when it fires early it is set anew. So a busy
// session does not move it with each command.
void SubmissionSession::SetDeadline() {
  const Instant deadline = Deadline();
  if (deadline < timer_.when()) timer_.Set(deadline);
}

void SubmissionSession::OnTimer() {
  const Instant deadline = Deadline();
  if (deadline > Now())
    timer_.Set(deadline);
  else
    OnTimeout();
}

void SubmissionSession::OnTimeout() {
  if (stage_ == Stage::kSniff) {
    GreetInClear();
    Settle();
  } else if (pace_until_ != kNever) {
    active_ = Now();
    PermitMail();
    if (pace_until_ == kNever)
      Feed({});  // what the client sent meanwhile
    else
      SetDeadline();
  } else {
    ++listener_.counters_.timeouts;
    if (unread_since_ != kNever) ++listener_.counters_.unread_replies;
    if (unread_since_ != kNever || stage_ == Stage::kHandshake) {
      Abort();
      return;
    }
    session_.End({421, "4.4.2", session_.rules().hostname + " Timeout, closing"});
    close_ = true;
    Settle();
  }
}

}  // namespace sluice::engine
