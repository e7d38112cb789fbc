// engine/delivery/delivery_jobs.cc — sessions and jobs of a Delivery: what begins, what is told.

#include <string_view>
#include <utility>

#include "engine/base/check.h"
#include "engine/delivery/delivery.h"

namespace sluice::engine {
namespace {

Stage StageOf(const smtp::ClientOutcome& outcome) {
  switch (outcome.verb) {
    case smtp::ClientVerb::kGreeting:
      return Stage::kGreeting;
    case smtp::ClientVerb::kEhlo:
    case smtp::ClientVerb::kHelo:
      return Stage::kEhlo;
    case smtp::ClientVerb::kStartTls:
      return Stage::kStartTls;
    case smtp::ClientVerb::kMail:
      return Stage::kMail;
    case smtp::ClientVerb::kRcpt:
      return Stage::kRcpt;
    case smtp::ClientVerb::kData:
      return Stage::kData;
    case smtp::ClientVerb::kContent:
      // A reply answers the dot; a fault hit the dot only when it had left.
      return outcome.fault == smtp::ClientFault::kNone || outcome.after_content ? Stage::kDot
                                                                                : Stage::kContent;
    default:
      return Stage::kMail;
  }
}

Fault FaultOf(smtp::ClientFault fault) {
  switch (fault) {
    case smtp::ClientFault::kNone:
      return Fault::kNone;
    case smtp::ClientFault::kLost:
      return Fault::kLost;
    case smtp::ClientFault::kTimeout:
      return Fault::kTimeout;
    case smtp::ClientFault::kProtocol:
      return Fault::kProtocol;
    case smtp::ClientFault::kContent:
      return Fault::kContentUnreadable;
    case smtp::ClientFault::kAborted:
      break;
  }
  return Fault::kShutdown;
}

std::string_view WordsOf(Fault fault) {
  switch (fault) {
    case Fault::kLost:
      return "connection lost";
    case Fault::kTimeout:
      return "timed out";
    case Fault::kProtocol:
      return "the reply is no SMTP";
    case Fault::kTooLarge:
      return "message is larger than the receiver takes";
    case Fault::kNoUtf8:
      return "the receiver does not offer SMTPUTF8, which the address or header needs";
    case Fault::kNo8Bit:
      return "the receiver does not offer 8BITMIME and the message cannot be converted";
    case Fault::kContentUnreadable:
      return "the stored message could not be read";
    case Fault::kTls:
      return "no TLS where it is demanded";
    case Fault::kShutdown:
      return "the engine stops";
    default:
      return "";
  }
}

}  // namespace

void Delivery::Translate(const smtp::ClientOutcome& outcome) {
  result_.stage = StageOf(outcome);
  result_.fault = FaultOf(outcome.fault);
  result_.code = outcome.code;
  result_.enhanced = outcome.enhanced;
  result_.text = outcome.text;
  if (result_.fault != Fault::kNone) result_.text = WordsOf(result_.fault);
  // A PROXY v2 proxy says nothing of its own way on: that it failed shows here first.
  if (result_.stage == Stage::kGreeting && result_.fault != Fault::kNone && proxied_ != nullptr)
    result_.text += " before the greeting, through the " + proxied_->proxy_name();
  result_.after_dot = outcome.after_content;
  result_.dsn_passed_on = session_->capabilities().dsn;
  result_.host = host_text_;
  result_.tls = tls_;
  result_.tls_policy = DescribeTls(rule_, facts_);
}

void Delivery::OnSessionReady() {
  if (!session_->ready()) return;  // closed in the same breath: that event follows
  if (plan_.must && !facts_.on) return OnTlsMissing();
  if (facts_.on) {
    TellHandshake();
  } else {
    TellClearSession();
  }
  if (session_->tls_refused()) shared_.broken_tls.Remember(host_.endpoint, Now());
  state_ = State::kReady;
  checking_ = false;
  found_.reset();
  idle_since_ = Now();
  transactions_ = 0;
  fail_over_ = false;
  recycle_ = false;
  BeginNext();
}

// Looks for work until a transaction begins, there is none, or it is time to go.
void Delivery::BeginNext() {
  CHECK(session_->ready());
  state_ = State::kReady;
  const smtp::Capabilities& receiver = session_->capabilities();
  for (;;) {
    const bool spent = recycle_ || transactions_ >= shape_->messages_per_connection ||
                       (receiver.mail_max != 0 && transactions_ >= receiver.mail_max);
    if (stopping_ || spent) {
      ReturnJob(nullptr);
      return SayQuit();
    }
    if (!run_.active()) {
      std::optional<Job> job = owner_.NextJob(*this);
      if (!job.has_value()) {
        if (recycle_) return SayQuit();
        idle_since_ = Now();
        return;
      }
      run_.Take(std::move(*job));
      found_.reset();
      checking_ = shared_.policies != nullptr;
    }
    if (checking_ || found_.has_value()) {
      const Fit fit = CheckFit();
      if (fit == Fit::kAsking) return;
      if (fit == Fit::kRestart) return SayQuit();
      if (fit == Fit::kHopeless) continue;
    }
    if (!owner_.MayBegin(*this, run_.job())) {
      ReturnJob(nullptr);
      continue;
    }
    if (BeginJob()) return;
    state_ = State::kReady;
  }
}

// The job in hand waits for something.
void Delivery::OnWakeBusy() {
  if (stopping_) {
    checking_ = false;
    BeginNext();
  } else if (checking_) {
    if (!found_.has_value()) return;
    checking_ = false;  // its policy came
    BeginNext();
  } else {
    if (!run_.answered()) return;
    if (!BeginJob()) BeginNext();  // its content or signature came
  }
  Settle();
}

// True: a transaction has begun, or waits for its content. False: the job is over.
bool Delivery::BeginJob() {
  state_ = State::kBusy;
  const JobRun::Step step =
      run_.Prepare(session_->capabilities(),
                   {.shard = shared_.shard,
                    .load = [this](JobRun::Question question, uint32_t offset,
                                   uint32_t length) { LoadWindow(question, offset, length); },
                    .sign = [this](JobRun::Question question,
                                   SignTask task) { Sign(question, std::move(task)); }});
  if (step == JobRun::Step::kRefused) {
    RefuseJob(run_.refusal());
    return false;
  }
  if (step == JobRun::Step::kGo) session_->Begin(run_.envelope(), run_.content(), Now());
  return true;
}

// Nothing of it was sent: what we know decides.
void Delivery::RefuseJob(Fault fault) {
  smtp::ClientOutcome nothing;
  Translate(nothing);
  result_.stage = Stage::kLocal;
  result_.fault = fault;
  result_.text = WordsOf(fault);
  const std::vector<size_t> all = run_.unanswered();
  for (const size_t recipient : all) {
    run_.Answered(recipient);
    owner_.OnResult(*this, run_.job(), recipient, result_);
  }
  std::vector<size_t> none;
  run_.Release(none);
}

void Delivery::LoadWindow(JobRun::Question question, uint32_t offset, uint32_t length) {
  owner_.LoadWindow(run_.job(), offset, length,
                    [weak = std::weak_ptr(self_), question](Result<std::string> octets) {
                      const auto self = weak.lock();
                      if (self == nullptr) return;
                      Delivery& delivery = **self;
                      if (delivery.state_ != State::kBusy || !delivery.run_.active()) return;
                      if (!delivery.run_.Loaded(question, std::move(octets))) return;
                      // Loaded for conversion: the transaction has not begun yet.
                      if (delivery.session_->ready()) return delivery.wake_.Set(delivery.Now());
                      delivery.Settle();
                    });
}

void Delivery::Sign(JobRun::Question question, SignTask task) {
  shared_.shard.signing->Sign(std::move(task),
                              [weak = std::weak_ptr(self_), question](Result<std::string> fields) {
                                const auto self = weak.lock();
                                if (self == nullptr) return;
                                Delivery& delivery = **self;
                                if (delivery.state_ != State::kBusy || !delivery.run_.active())
                                  return;
                                if (delivery.run_.Signed(question, std::move(fields)))
                                  delivery.wake_.Set(delivery.Now());
                              });
}

bool Delivery::MayTell(const smtp::ClientOutcome& outcome, bool earlier_accepted) {
  if (outcome.untried) return false;
  Translate(outcome);
  if (IsTooManyRecipients(result_, earlier_accepted)) return false;
  // We stop, and the receiver cannot have taken it.
  if (result_.fault == Fault::kShutdown && !result_.after_dot) return false;
  const bool host_fault = result_.fault == Fault::kLost || result_.fault == Fault::kTimeout ||
                          result_.fault == Fault::kProtocol;
  if (host_fault && !result_.after_dot && MayTryAnotherHost()) {
    fail_over_ = true;
    return false;
  }
  return true;
}

// A flight of commands that is not answered to its end looks like a slow host. It may be one that
// drops what lies behind the first command, so from now on it gets them one at a time.
void Delivery::NoteLiar() {
  const bool stalled = session_->closed() && session_->capabilities().pipelining &&
                       session_->end().fault == smtp::ClientFault::kTimeout;
  if (stalled || session_->chunking_refused()) shared_.liars.Remember(host_.endpoint, Now());
}

void Delivery::TellIfTurnedAway(const smtp::ClientOutcome& outcome) {
  if (!outcome.untried || outcome.fault != smtp::ClientFault::kNone || outcome.code != 421) return;
  Translate(outcome);
  owner_.OnTurnedAway(*this, run_.job(), run_.batch().front(), result_);
}

void Delivery::OnTransactionDone() {
  CHECK(run_.active());
  NoteLiar();
  ++transactions_;
  fail_over_ = false;
  bool accepted = false;
  const std::span<const smtp::ClientOutcome> outcomes = session_->outcomes();
  CHECK(outcomes.size() == run_.batch().size());
  TellIfTurnedAway(outcomes.front());
  for (size_t i = 0; i < outcomes.size(); ++i) {
    const size_t recipient = run_.batch()[i];
    const bool told = MayTell(outcomes[i], accepted);
    accepted = accepted || outcomes[i].verb > smtp::ClientVerb::kRcpt;
    if (!told) continue;
    run_.Answered(recipient);
    owner_.OnResult(*this, run_.job(), recipient, result_);
  }
  if (run_.unanswered().empty()) {
    std::vector<size_t> none;
    run_.Release(none);
  }
  if (session_->ready()) BeginNext();
}

void Delivery::SayQuit() {
  state_ = State::kQuitting;
  session_->Quit(Now());
}

void Delivery::OnSessionClosed() {
  if (state_ == State::kOpening) return OnOpeningFailed();
  const smtp::ClientOutcome& end = session_->end();
  const bool orderly =
      end.fault == smtp::ClientFault::kNone || end.fault == smtp::ClientFault::kLost;
  if (state_ == State::kQuitting)
    return CloseStream(run_.active() ? AfterClose::kRestart : AfterClose::kFinish, !orderly);
  if (run_.active() && fail_over_ && !stopping_) {
    Translate(end);
    failure_.last = result_;
    return CloseStream(AfterClose::kNextHost, true);
  }
  ReturnJob(nullptr);
  CloseStream(AfterClose::kFinish, !orderly);
}

// Before any transaction: the host is what failed, not the message.
void Delivery::OnOpeningFailed() {
  const smtp::ClientOutcome& end = session_->end();
  Translate(end);
  failure_.last = result_;
  if (stopping_) {
    ReturnJob(nullptr);
    return CloseStream(AfterClose::kFinish, true);
  }
  const bool round_over = EndsRound(shared_.rules, result_);
  const bool tls_trouble = end.verb == smtp::ClientVerb::kStartTls ||
                           (tls_started_ && end.fault != smtp::ClientFault::kNone);
  if (tls_trouble && !facts_.on) TellHandshake();
  if (tls_trouble && plan_.must && !round_over) return OnTlsRefused(end.text);
  if (tls_trouble && !round_over) {
    shared_.broken_tls.Remember(host_.endpoint, Now());
    --established_;  // the same session once more
    --addresses_tried_;
    return CloseStream(AfterClose::kSameHostInClear, true);
  }
  const bool last = round_over || !MayTryAnotherHost();
  const bool closes = end.fault == smtp::ClientFault::kNone && end.code == 421;  // the peer, by RFC
  CloseStream(last ? AfterClose::kFailRound : AfterClose::kNextHost, !closes);
}

}  // namespace sluice::engine
