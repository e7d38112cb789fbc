// smtp/client_session.cc — inputs and replies; what is sent when is in client_session_send.cc.

#include "smtp/client_session.h"

#include <algorithm>
#include <utility>

#include "engine/base/check.h"

namespace sluice::smtp {
namespace {

void SetReply(ClientOutcome& outcome, ClientVerb verb, const Reply& reply) {
  outcome.verb = verb;
  outcome.fault = ClientFault::kNone;
  outcome.code = reply.code;
  outcome.enhanced.assign(reply.enhanced);
  outcome.text = CleanReplyText(reply.text, kOutcomeTextMax);
}

}  // namespace

ClientSession::ClientSession(ClientOptions options) : options_(std::move(options)) {}

void ClientSession::OnConnected(Instant now) {
  CHECK(state_ == State::kFresh);
  state_ = State::kOpening;
  Sent(ClientVerb::kGreeting, 0, 0, now);
}

void ClientSession::OnBytes(std::string_view bytes, Instant now) {
  CHECK(state_ != State::kFresh);
  while (!bytes.empty()) {
    // What comes behind the 220 to STARTTLS and before the handshake may be an attacker's: dropped.
    if (state_ == State::kClosed || state_ == State::kHandshake) return;
    const ReplyParser::Step step = parser_.Feed(bytes);
    bytes.remove_prefix(step.consumed);
    if (step.state == ReplyParser::State::kFault) return Close(ClientFault::kProtocol, nullptr);
    if (step.state == ReplyParser::State::kReply) TakeReply(parser_.reply(), now);
  }
  Pump(now);
}

void ClientSession::TakeReply(const Reply& reply, Instant now) {
  if (!has_pending()) {
    // Nobody asked. A 421 is the one thing a server may say of itself.
    return Close(reply.code == 421 ? ClientFault::kNone : ClientFault::kProtocol,
                 reply.code == 421 ? &reply : nullptr);
  }
  const Pending head = pending_[pending_head_];
  if (IsPremature(head, reply)) return Close(ClientFault::kProtocol, nullptr);
  const Act act = ActFor(head.verb, KindOf(reply.code));
  if (act == Act::kEndSession) return Close(ClientFault::kNone, &reply);
  if (act == Act::kProtocolFault) return Close(ClientFault::kProtocol, nullptr);
  if (++pending_head_ == pending_.size()) {
    pending_.clear();
    pending_head_ = 0;
  }
  head_since_ = now;
  if (head.verb != ClientVerb::kRset) reply_seen_ = true;
  Perform(act, head, reply, now);
}

// A reply to what has not left yet cannot be one. Two may come early all the same: 421, and the
// refusal of content that is under way.
bool ClientSession::IsPremature(const Pending& head, const Reply& reply) const {
  if (written_ >= head.end || reply.code == 421) return false;
  return head.verb != ClientVerb::kContent || reply.positive() || written_ <= head.begin;
}

void ClientSession::Perform(Act act, const Pending& answered, const Reply& reply, Instant now) {
  switch (act) {
    case Act::kSayEhlo:
      return Say("EHLO ", options_.ehlo, ClientVerb::kEhlo, now);
    case Act::kSayHelo:
      return Say("HELO ", options_.ehlo, ClientVerb::kHelo, now);
    case Act::kLearn:
      return Learn(answered.verb, reply, now);
    case Act::kHandshake:
      state_ = State::kHandshake;
      handshake_since_ = now;
      parser_.Reset();
      events_.push_back(ClientEvent::kStartTls);
      return;
    case Act::kGoOnInClear:
      tls_refused_ = true;
      return BecomeReady();
    case Act::kAcceptSender:
    case Act::kIgnore:
      return;
    case Act::kRefuseSender:
      return RefuseSender(reply);
    case Act::kAcceptRcpt:
      return AnswerRcpt(answered.recipient, true, reply);
    case Act::kRefuseRcpt:
      return AnswerRcpt(answered.recipient, false, reply);
    case Act::kSendContent:
      return StartContent(now);
    case Act::kRefuseContent:
    case Act::kAcceptContent:
      return DecideContent(answered.verb, reply);
    case Act::kGoodbye:
      return Close(ClientFault::kNone, &reply);
    case Act::kEndSession:
    case Act::kProtocolFault:
      break;
  }
  CHECK(false);  // done by the caller
}

void ClientSession::Learn(ClientVerb verb, const Reply& reply, Instant now) {
  capabilities_ = verb == ClientVerb::kEhlo ? ParseCapabilities(reply.text) : Capabilities();
  if (options_.one_at_a_time) capabilities_.pipelining = capabilities_.chunking = false;
  if (options_.use_tls && !secure_ && !tls_refused_ && capabilities_.starttls)
    return Say("STARTTLS", "", ClientVerb::kStartTls, now);
  BecomeReady();
}

void ClientSession::BecomeReady() {
  state_ = State::kReady;
  events_.push_back(ClientEvent::kReady);
}

void ClientSession::OnTlsReady(Instant now) {
  if (state_ == State::kClosed) return;
  CHECK(state_ == State::kHandshake);
  state_ = State::kOpening;
  secure_ = true;
  Say("EHLO ", options_.ehlo, ClientVerb::kEhlo, now);
}

void ClientSession::RefuseSender(const Reply& reply) {
  sender_refused_ = true;
  for (size_t i = 0; i < outcome_count_; ++i) {
    SetReply(outcomes_[i], ClientVerb::kMail, reply);
    rcpt_states_[i] = RcptState::kDecided;
  }
  // What is out already gets its replies; the rest stays here. DATA that is out may still be
  // answered with 354: StartContent knows.
  if (next_ != Next::kContent) next_ = Next::kNothing;
}

void ClientSession::AnswerRcpt(uint32_t recipient, bool accepted, const Reply& reply) {
  CHECK(recipient < outcome_count_);
  if (sender_refused_) return;
  CHECK(rcpt_states_[recipient] == RcptState::kOpen);
  rcpt_states_[recipient] = accepted ? RcptState::kAccepted : RcptState::kDecided;
  if (accepted) ++accepted_;
  if (!accepted) SetReply(outcomes_[recipient], ClientVerb::kRcpt, reply);
}

void ClientSession::DecideAccepted(ClientVerb verb, const Reply& reply, bool untried) {
  for (size_t i = 0; i < outcome_count_; ++i) {
    if (rcpt_states_[i] != RcptState::kAccepted) continue;
    SetReply(outcomes_[i], verb, reply);
    outcomes_[i].untried = untried;
    rcpt_states_[i] = RcptState::kDecided;
  }
}

// 354. With pipelining it may come although every recipient was refused: then a lone dot ends the
// matter (RFC 2920, 3.1), and whatever is said to it concerns nobody.
void ClientSession::StartContent(Instant now) {
  if (accepted_ > 0) return ExpectContent(ContentSource::Framing::kDots, queued_);
  const size_t begin = out_.size();
  out_.append(".\r\n");
  next_ = Next::kNothing;
  Sent(ClientVerb::kContent, begin, 0, now);
}

void ClientSession::DecideContent(ClientVerb verb, const Reply& reply) {
  // The host does not know the command that it offers: that says nothing of the message.
  const bool no_bdat = chunked_ && accepted_ > 0 && (reply.code == 500 || reply.code == 502);
  if (no_bdat) {
    chunking_refused_ = true;
    capabilities_.chunking = false;
  }
  DecideAccepted(verb, reply, no_bdat);
  if (verb == ClientVerb::kData) {
    next_ = Next::kNothing;
    needs_rset_ = !sender_refused_;
    return;
  }
  // RFC 5321 ends the transaction with any reply to the dot. After a refused BDAT, or with nobody
  // to take it, servers differ: RSET costs nothing in the next flight.
  needs_rset_ = !reply.positive() && (chunked_ || accepted_ == 0);
  content_cut_ = next_ == Next::kContent;
  next_ = Next::kNothing;
}

void ClientSession::OnLost(Instant) { Close(ClientFault::kLost, nullptr); }

void ClientSession::OnDeadline(Instant now) {
  if (deadline() > now) return;
  Close(ClientFault::kTimeout, nullptr);
}

void ClientSession::Abort() { Close(ClientFault::kAborted, nullptr); }

ClientOutcome ClientSession::Describe(ClientFault fault, const Reply* reply) const {
  ClientOutcome outcome;
  if (reply != nullptr) SetReply(outcome, ClientVerb::kGreeting, *reply);
  if (state_ == State::kHandshake) outcome.verb = ClientVerb::kStartTls;
  if (state_ == State::kReady || state_ == State::kTransaction) outcome.verb = ClientVerb::kMail;
  if (has_pending()) outcome.verb = pending_[pending_head_].verb;
  if (outcome.verb == ClientVerb::kRset) outcome.verb = ClientVerb::kMail;
  outcome.fault = fault;
  if (state_ != State::kTransaction) return outcome;
  outcome.after_content = reply == nullptr && content_left_ && !output_waits();
  const bool gone = reply != nullptr || (fault == ClientFault::kLost && !outcome.after_content);
  outcome.untried = gone && transactions_ > 1 && !reply_seen_;
  return outcome;
}

// Every end of a session comes through here, once.
void ClientSession::Close(ClientFault fault, const Reply* reply) {
  if (state_ == State::kClosed) return;
  end_ = Describe(fault, reply);
  if (state_ == State::kTransaction) {
    for (size_t i = 0; i < outcome_count_; ++i) {
      if (rcpt_states_[i] != RcptState::kDecided) outcomes_[i] = end_;
    }
    events_.push_back(ClientEvent::kTransactionDone);
  }
  state_ = State::kClosed;
  content_ = nullptr;
  pending_.clear();
  pending_head_ = 0;
  out_.clear();
  out_taken_ = 0;
  slices_.clear();
  slice_ = 0;
  written_ = queued_;
  events_.push_back(ClientEvent::kClosed);
}

std::optional<ClientEvent> ClientSession::NextEvent() {
  if (event_head_ == events_.size()) {
    events_.clear();
    event_head_ = 0;
    return std::nullopt;
  }
  return events_[event_head_++];
}

Instant ClientSession::deadline() const {
  if (state_ == State::kClosed) return kNever;
  if (state_ == State::kHandshake) return handshake_since_ + options_.timeouts.starttls;
  if (output_waits()) return progress_ + options_.timeouts.block;
  if (!has_pending()) return kNever;
  const Pending& head = pending_[pending_head_];
  if (head.end == UINT64_MAX) return kNever;  // our own content is being read
  return head_since_ + TimeoutOf(head.verb);
}

Duration ClientSession::TimeoutOf(ClientVerb verb) const {
  const ClientTimeouts& timeouts = options_.timeouts;
  switch (verb) {
    case ClientVerb::kGreeting:
      return timeouts.banner;
    case ClientVerb::kEhlo:
    case ClientVerb::kHelo:
      return timeouts.ehlo;
    case ClientVerb::kStartTls:
      return timeouts.starttls;
    case ClientVerb::kMail:
    case ClientVerb::kRset:
      return timeouts.mail;
    case ClientVerb::kRcpt:
      return timeouts.rcpt;
    case ClientVerb::kData:
      return timeouts.data;
    case ClientVerb::kContent:
      return timeouts.dot;
    case ClientVerb::kQuit:
    case ClientVerb::kCount:
      break;
  }
  return timeouts.quit;
}

}  // namespace sluice::smtp
