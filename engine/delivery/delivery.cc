// engine/delivery/delivery.cc — hosts, ends of connections and the pump. How a connection is made:
// delivery_connect.cc; jobs: delivery_jobs.cc.

#include "engine/delivery/delivery.h"

#include <algorithm>
#include <utility>

#include "engine/base/check.h"

namespace sluice::engine {

Delivery::Delivery(DeliveryShared& shared, DeliveryOwner& owner, DeliveryPath path)
    : shared_(shared),
      owner_(owner),
      path_(std::move(path)),
      config_(shared.shard.config),
      shape_(path_.shape != nullptr ? path_.shape
                                    : std::make_shared<const Shape>(PlainShape(*config_))),
      wake_(shared.shard.timers, [this] { OnWake(); }),
      timer_(shared.shard.timers, [this] { OnTimer(); }),
      walk_(shared.router, path_, shape_->ip_family),
      self_(std::make_shared<Delivery*>(this)) {}

// In any state: a process that runs out of time to stop drops what is open, and so does a simulated
// crash. No loop runs then, so the stream has nobody to call.
Delivery::~Delivery() = default;

// ---- what the owner says: noted, done in the next turn ----

void Delivery::Start(Job first) {
  CHECK(state_ == State::kFresh);
  run_.Take(std::move(first));
  state_ = State::kWalking;
  wake_.Set(Now());
}

void Delivery::Poke() {
  if (state_ != State::kReady) return;
  poked_ = true;
  wake_.Set(Now());
}

void Delivery::Stop() {
  stopping_ = true;
  if (state_ != State::kDone && state_ != State::kFresh) wake_.Set(Now());
}

void Delivery::Abort() {
  aborting_ = true;
  Stop();
}

void Delivery::OnWake() {
  const bool poked = std::exchange(poked_, false);
  if (over()) return OnWakeOver();
  if (aborting_ && session_.has_value() && !session_->closed()) {
    session_->Abort();
    return Settle();
  }
  switch (state_) {
    case State::kWalking:
      if (stopping_) {
        ReturnJob(nullptr);
        return Finish();
      }
      return AskPolicy();
    case State::kConnecting:
    case State::kOpening:
      if (!stopping_) return;
      ReturnJob(nullptr);
      return CloseStream(AfterClose::kFinish, true);
    case State::kReady:
      if (!poked && !stopping_) return;
      BeginNext();
      return Settle();
    case State::kQuitting:
      if (aborting_) CloseStream(AfterClose::kFinish, true);
      return;
    case State::kBusy:
      // A transaction that runs is finished first.
      if (session_->ready()) OnWakeBusy();
      return;
    default:
      return;
  }
}

// Who stops makes no further connection: the end need not be waited for.
void Delivery::OnWakeOver() {
  if (!stopping_) return;
  if (state_ == State::kParting) return DropStream(aborting_);
  if (state_ == State::kSettling) Continue(after_close_);
}

// ---- the walk ----

bool Delivery::MayTryAnotherHost() const {
  return !stopping_ && addresses_tried_ < kAddressesMax && established_ < kSessionsMax;
}

void Delivery::NextHost() {
  state_ = State::kWalking;
  if (!MayTryAnotherHost()) return FailRound();
  walk_.Next([this](std::optional<HostWalk::Candidate> candidate) {
    if (state_ != State::kWalking) return;  // stopped while DNS was asked
    if (!candidate.has_value()) return FailRound();
    host_ = std::move(*candidate);
    host_text_ = host_.name + " [" + host_.endpoint.address.ToString() +
                 "]:" + std::to_string(host_.endpoint.port);
    ConsiderHost();
  });
}

// ---- what the stream says ----

void Delivery::OnRead(std::string_view bytes) {
  if (over() || !session_.has_value()) return;
  session_->OnBytes(bytes, Now());
  Settle();
}

void Delivery::OnWritable() {
  if (session_.has_value()) Settle();
}

void Delivery::OnTlsReady(const io::TlsInfo& info) {
  if (over() || !session_.has_value()) return;
  NoteTls(info);
  session_->OnTlsReady(Now());
  Settle();
}

void Delivery::OnEof() {
  peer_ended_ = true;
  if (state_ == State::kParting) return DropStream(false);
  if (over() || !session_.has_value()) return;
  session_->OnLost(Now());
  Settle();
}

void Delivery::OnClosed(const io::CloseInfo& info) {
  stream_ = nullptr;
  if (over()) return AfterStream();
  if (state_ == State::kConnecting) return OnNotConnected(info);
  CHECK(session_.has_value());
  if (info.reason == io::CloseReason::kTlsFailed) {
    tls_trouble_ = info.detail;
    tls_fault_ = info.fault;
  }
  session_->OnLost(Now());
  Settle();
}

// Done with this stream. Without `at_once` the peer, who has said that it will, closes first.
void Delivery::CloseStream(AfterClose then, bool at_once) {
  timer_.Cancel();
  due_ = kNever;
  after_close_ = then;
  if (stream_ == nullptr) return AfterStream();
  if (at_once || peer_ended_ || stopping_) return DropStream(at_once);
  state_ = State::kParting;
  due_ = Now() + kPartingMax;
  timer_.Set(due_);
}

void Delivery::DropStream(bool at_once) {
  timer_.Cancel();
  due_ = kNever;
  state_ = State::kClosing;
  if (at_once) {
    stream_->Abort();
  } else {
    stream_->Close();
  }
}

// Ours has gone. Unless the peer has closed, it must first hear of that.
void Delivery::AfterStream() {
  if (peer_ended_ || stopping_) return Continue(after_close_);
  state_ = State::kSettling;
  due_ = Now() + kTravel;
  timer_.Set(due_);
}

void Delivery::Continue(AfterClose then) {
  if (run_.active() && stopping_) {
    ReturnJob(nullptr);
    return Finish();
  }
  switch (then) {
    case AfterClose::kFinish:
      return Finish();
    case AfterClose::kNextHost:
      return NextHost();
    case AfterClose::kSameHostInClear:
      return Approach(dns::HostDane(dane_));  // the memory of broken TLS makes it clear
    case AfterClose::kFailRound:
      return FailRound();
    case AfterClose::kRestart:
      walk_.Restart();
      addresses_tried_ = 0;
      established_ = 0;
      failure_ = {};
      return NextHost();
  }
}

void Delivery::ReturnJob(const RoundFailure* failure) {
  if (!run_.active()) return;
  std::vector<size_t> untried;
  Job job = run_.Release(untried);
  owner_.OnJobReturned(*this, std::move(job), std::move(untried), failure);
}

void Delivery::FailRound() {
  if (stopping_) {
    ReturnJob(nullptr);
    return Finish();
  }
  if (addresses_tried_ == 0 && failure_.last.fault == Fault::kNone) {
    host_text_ = path_.hosts.empty() ? path_.site : path_.hosts.front().name;
    NoteFailure(Stage::kConnect, Fault::kNoAddress, walk_.trouble());
    failure_.other_family = walk_.other_family();
  }
  failure_.hosts_tried = addresses_tried_;
  if (failure_.domains_own)
    shared_.tls_trouble.Remember(path_.site, wanted_.domain, failure_, Now());
  ReturnJob(&failure_);
  Finish();
}

void Delivery::Finish() {
  CHECK(stream_ == nullptr);
  CHECK(!run_.active());
  CHECK(state_ != State::kDone);
  state_ = State::kDone;
  timer_.Cancel();
  wake_.Cancel();
  owner_.OnClosed(*this);
}

// ---- the pump ----

// The only place where a session's wishes become I/O. Runs after every input, never nested.
void Delivery::Settle() {
  if (settling_) {
    settle_again_ = true;
    return;
  }
  settling_ = true;
  do {
    settle_again_ = false;
    WriteOut();
    if (TakeEvents()) settle_again_ = true;
  } while (settle_again_ && session_.has_value() && state_ != State::kDone);
  settling_ = false;
  ArmTimer();
}

void Delivery::WriteOut() {
  while (stream_ != nullptr && !over() && session_.has_value()) {
    const std::span<const std::string_view> output = session_->Output(Now());
    if (output.empty()) return;
    size_t offered = 0;
    for (const std::string_view slice : output) offered += slice.size();
    const size_t taken = stream_->Write(output);
    CHECK(taken <= offered);
    session_->OnWritten(taken, Now());
    if (taken < offered) return;  // OnWritable comes
  }
}

bool Delivery::TakeEvents() {
  bool any = false;
  while (session_.has_value() && !over()) {
    const std::optional<smtp::ClientEvent> event = session_->NextEvent();
    if (!event.has_value()) break;
    any = true;
    switch (*event) {
      case smtp::ClientEvent::kStartTls:
        tls_started_ = true;
        if (stream_ == nullptr) break;  // lost meanwhile: OnClosed has said so
        StartTls();
        break;
      case smtp::ClientEvent::kReady:
        OnSessionReady();
        break;
      case smtp::ClientEvent::kTransactionDone:
        OnTransactionDone();
        break;
      case smtp::ClientEvent::kClosed:
        OnSessionClosed();
        break;
    }
  }
  return any;
}

// Deadlines mostly move away: the timer stays where it is and looks again when it fires.
void Delivery::ArmTimer() {
  if (over() || state_ == State::kConnecting || state_ == State::kWalking || !session_.has_value())
    return;
  due_ = session_->deadline();
  if (state_ == State::kReady) due_ = idle_since_ + shape_->idle;
  if (due_ < timer_.when()) timer_.Set(due_);
}

void Delivery::OnTimer() {
  const Instant now = Now();
  if (now < due_) return timer_.Set(due_);
  switch (state_) {
    case State::kConnecting:
      return OnConnectTimeout();
    case State::kReady:
      SayQuit();
      return Settle();
    case State::kOpening:
    case State::kBusy:
    case State::kQuitting:
      session_->OnDeadline(now);
      return Settle();
    case State::kParting:
      return DropStream(false);
    case State::kSettling:
      return Continue(after_close_);
    default:
      return;
  }
}

}  // namespace sluice::engine
