// tools/blast/blast_session.cc — see blast_session.h.

#include "tools/blast/blast_session.h"

#include <algorithm>
#include <utility>

#include "engine/base/check.h"
#include "engine/base/text.h"

namespace sluice::tools {
namespace {

constexpr std::string_view kDot = ".\r\n";

bool Is(int code, int hundreds) { return code / 100 == hundreds; }

}  // namespace

BlastSession::BlastSession(const BlastManner& manner) : manner_(manner) {
  expected_.push_back({Verb::kGreeting, 0});
}

bool BlastSession::wants_message() const {
  if (phase_ != Phase::kReady || quit_asked_) return false;
  const Slot& now = slots_[current_];
  if (now.stage == Stage::kEmpty) return expected_.empty();
  return pipelined() && !chunked() && slots_[other(current_)].stage == Stage::kEmpty;
}

void BlastSession::Give(BlastMessage message) {
  CHECK(wants_message());
  CHECK(!message.recipients.empty());
  const bool first = slots_[current_].stage == Stage::kEmpty;
  const uint8_t index = first ? current_ : other(current_);
  Slot& slot = slots_[index];
  slot = Slot();
  slot.message = std::move(message);
  slot.stage = Stage::kWaiting;
  if (first || slots_[current_].stage == Stage::kContent) Begin(index);
}

void BlastSession::Quit() {
  quit_asked_ = true;
  GoOn();
}

void BlastSession::OnBytes(std::string_view in, Instant now) {
  while (!in.empty() && phase_ != Phase::kOver) {
    const size_t lf = in.find('\n');
    const size_t used = lf == std::string_view::npos ? in.size() : lf + 1;
    reply_octets_ += used;
    if (partial_.size() + used > kReplyLineMax) return Fail("reply line too long");
    if (reply_octets_ > kReplyMax) return Fail("reply too long");
    if (lf == std::string_view::npos) {
      partial_.append(in);
      return;
    }
    std::string whole;
    std::string_view line = in.substr(0, lf);
    if (!partial_.empty()) {
      whole = std::move(partial_.append(line));
      partial_.clear();
      line = whole;
    }
    if (line.ends_with('\r')) line.remove_suffix(1);
    TakeLine(line, now);
    in.remove_prefix(used);
  }
}

void BlastSession::TakeLine(std::string_view line, Instant now) {
  if (phase_ == Phase::kHandshake) return;
  if (line.size() < 3 || line[0] < '2' || line[0] > '5' || !IsDigit(line[1]) || !IsDigit(line[2]))
    return Fail("no reply: '" + std::string(line.substr(0, 80)) + "'");
  if (expected_.empty()) return Fail("unasked: '" + std::string(line.substr(0, 80)) + "'");
  if (expected_.front().verb == Verb::kEhlo && line.size() > 4) {
    const std::string_view offer = line.substr(4);
    if (EqualsNoCase(offer, "PIPELINING")) offers_pipelining_ = true;
    if (EqualsNoCase(offer, "CHUNKING")) offers_chunking_ = true;
    if (EqualsNoCase(offer, "STARTTLS")) offers_starttls_ = true;
  }
  if (line.size() > 3 && line[3] == '-') return;
  reply_octets_ = 0;
  const int code = (line[0] - '0') * 100 + (line[1] - '0') * 10 + (line[2] - '0');
  OnReply({code, line}, now);
}

void BlastSession::OnReply(Reply reply, Instant now) {
  const Expected expected = expected_.front();
  // The one reply that ends a connection: except as the answer to a content it is no verdict.
  const bool of_content = expected.verb == Verb::kDot || expected.verb == Verb::kChunk;
  if (reply.code == 421 && !of_content) return Fail(std::string(reply.text));
  expected_.pop_front();
  switch (expected.verb) {
    case Verb::kGreeting:
    case Verb::kEhlo:
    case Verb::kStartTls:
    case Verb::kAuth:
      OnSetupReply(expected.verb, reply);
      break;
    case Verb::kMail:
      OnMail(expected.slot, reply);
      break;
    case Verb::kRcpt:
      OnRcpt(expected.slot, reply);
      break;
    case Verb::kData:
      OnData(expected.slot, reply);
      break;
    case Verb::kDot:
    case Verb::kChunk:
      OnContent(expected.verb, expected.slot, reply, now);
      break;
    case Verb::kRset:
      Finish(expected.slot, BlastResult::Outcome::kRefused, slots_[expected.slot].refusal, kNever);
      break;
    case Verb::kQuit:
      phase_ = Phase::kOver;
      break;
  }
}

void BlastSession::OnSetupReply(Verb verb, Reply reply) {
  if (!Is(reply.code, 2)) return Fail(std::string(reply.text));
  switch (verb) {
    case Verb::kGreeting:
      return Command("EHLO ", manner_.helo, Verb::kEhlo);
    case Verb::kEhlo:
      if (manner_.starttls && !in_tls_) {
        if (!offers_starttls_) return Fail("STARTTLS is not offered");
        return Command("STARTTLS", "", Verb::kStartTls);
      }
      if (!manner_.auth_plain.empty())
        return Command("AUTH PLAIN ", manner_.auth_plain, Verb::kAuth);
      break;
    case Verb::kStartTls:
      phase_ = Phase::kHandshake;
      return;
    default:
      break;
  }
  phase_ = Phase::kReady;
  GoOn();
}

void BlastSession::OnTlsReady() {
  if (phase_ != Phase::kHandshake) return;  // TLS from the start: the greeting is still to come
  in_tls_ = true;
  phase_ = Phase::kOpening;
  offers_pipelining_ = offers_chunking_ = offers_starttls_ = false;
  Command("EHLO ", manner_.helo, Verb::kEhlo);
}

void BlastSession::Begin(uint8_t index) {
  Slot& slot = slots_[index];
  CHECK(slot.stage == Stage::kWaiting);
  slot.stage = Stage::kEnvelope;
  Command("MAIL FROM:", manner_.mail_from, Verb::kMail, index);
  if (!pipelined()) return;
  for (size_t i = 0; i < slot.message.recipients.size(); ++i) SendRcpt(index, i);
  if (chunked()) {
    SendChunk(index);
  } else {
    Command("DATA", "", Verb::kData, index);
  }
}

void BlastSession::SendRcpt(uint8_t index, size_t recipient) {
  Command("RCPT TO:<", slots_[index].message.recipients[recipient] + ">", Verb::kRcpt, index);
}

void BlastSession::OnMail(uint8_t index, Reply reply) {
  Slot& slot = slots_[index];
  if (!Is(reply.code, 2)) slot.refusal = reply.text;
  if (pipelined()) return;
  if (slot.refusal.empty()) return SendRcpt(index, 0);
  Finish(index, BlastResult::Outcome::kRefused, slot.refusal, kNever);
}

void BlastSession::OnRcpt(uint8_t index, Reply reply) {
  Slot& slot = slots_[index];
  const std::string& recipient = slot.message.recipients[slot.answered++];
  if (Is(reply.code, 2)) {
    slot.accepted.push_back(recipient);
  } else {
    slot.rcpt_refusals.emplace_back(reply.text);
  }
  if (pipelined()) return;
  if (slot.answered < slot.message.recipients.size()) return SendRcpt(index, slot.answered);
  AfterEnvelope(index);
}

// In lock-step: all recipients have their answer.
void BlastSession::AfterEnvelope(uint8_t index) {
  Slot& slot = slots_[index];
  if (slot.accepted.empty()) {
    slot.refusal = slot.rcpt_refusals.back();
    return Reset(index);
  }
  if (chunked()) return SendChunk(index);
  Command("DATA", "", Verb::kData, index);
}

void BlastSession::Reset(uint8_t index) { Command("RSET", "", Verb::kRset, index); }

void BlastSession::OnData(uint8_t index, Reply reply) {
  Slot& slot = slots_[index];
  if (slot.refusal.empty() && slot.accepted.empty()) slot.refusal = slot.rcpt_refusals.back();
  if (reply.code == 354) return SendContent(index);
  if (slot.refusal.empty()) slot.refusal = reply.text;
  Reset(index);
}

void BlastSession::SendContent(uint8_t index) {
  Slot& slot = slots_[index];
  if (content_out_) return Fail("354 before the content before it was sent");
  slot.stage = Stage::kContent;
  // A server that says 354 although it took no recipient gets an empty content.
  if (slot.refusal.empty()) PutContent(index, manner_.stuffed_body);
  (content_out_ ? after_ : before_).append(kDot);
  expected_.push_back({Verb::kDot, index});
  const uint8_t next = other(index);
  if (slots_[next].stage == Stage::kWaiting) Begin(next);
}

void BlastSession::SendChunk(uint8_t index) {
  Slot& slot = slots_[index];
  if (content_out_) return Fail("answers before questions");
  slot.stage = Stage::kContent;
  const size_t octets = slot.message.head.size() + manner_.body.size();
  Command("BDAT ", std::to_string(octets) + " LAST", Verb::kChunk, index);
  PutContent(index, manner_.body);
}

void BlastSession::PutContent(uint8_t index, std::string_view body) {
  head_ = slots_[index].message.head;
  body_ = body;
  content_out_ = true;
}

void BlastSession::OnContent(Verb verb, uint8_t index, Reply reply, Instant now) {
  Slot& slot = slots_[index];
  if (slot.refusal.empty() && slot.accepted.empty() && !slot.rcpt_refusals.empty())
    slot.refusal = slot.rcpt_refusals.back();
  const bool accepted = slot.refusal.empty() && Is(reply.code, 2);
  if (!accepted && slot.refusal.empty()) slot.refusal = reply.text;
  if (reply.code == 421) {
    Finish(index, BlastResult::Outcome::kRefused, slot.refusal, now);
    return Fail(std::string(reply.text));
  }
  if (!accepted && verb == Verb::kChunk) return Reset(index);
  if (accepted) return Finish(index, BlastResult::Outcome::kAccepted, reply.text, now);
  Finish(index, BlastResult::Outcome::kRefused, slot.refusal, now);
}

void BlastSession::Finish(uint8_t index, BlastResult::Outcome outcome, std::string_view reply,
                          Instant now) {
  Slot& slot = slots_[index];
  BlastResult result;
  result.outcome = outcome;
  result.reply = reply;
  result.message = std::move(slot.message);
  result.accepted = std::move(slot.accepted);
  result.rcpt_refusals = std::move(slot.rcpt_refusals);
  if (slot.sent != kNever && now != kNever) result.latency = now - slot.sent;
  results_.push_back(std::move(result));
  slot = Slot();
  if (index == current_ && slots_[other(index)].stage != Stage::kEmpty) current_ = other(index);
  if (outcome == BlastResult::Outcome::kAccepted || outcome == BlastResult::Outcome::kRefused)
    GoOn();
}

// Between messages: the one that waits, or QUIT.
void BlastSession::GoOn() {
  if (phase_ != Phase::kReady) return;
  if (slots_[current_].stage == Stage::kWaiting && expected_.empty()) return Begin(current_);
  if (!quit_asked_ || slots_[current_].stage != Stage::kEmpty || !expected_.empty()) return;
  phase_ = Phase::kQuitting;
  Command("QUIT", "", Verb::kQuit);
}

void BlastSession::Command(std::string_view verb, std::string_view argument, Verb expected,
                           uint8_t slot) {
  std::string& out = content_out_ ? after_ : before_;
  out.append(verb).append(argument).append("\r\n");
  expected_.push_back({expected, slot});
}

std::array<std::string_view, 4> BlastSession::Output() const {
  std::array<std::string_view, 4> slices = {before_, head_, body_, after_};
  size_t skip = consumed_;
  for (std::string_view& slice : slices) {
    const size_t n = std::min(skip, slice.size());
    slice.remove_prefix(n);
    skip -= n;
  }
  return slices;
}

void BlastSession::Consume(size_t octets, Instant now) {
  consumed_ += octets;
  const size_t all = before_.size() + head_.size() + body_.size() + after_.size();
  CHECK(consumed_ <= all);
  if (consumed_ < all || all == 0) return;
  before_.clear();
  head_.clear();
  body_ = {};
  after_.clear();
  content_out_ = false;
  consumed_ = 0;
  for (Slot& slot : slots_)
    if (slot.stage == Stage::kContent && slot.sent == kNever) slot.sent = now;
}

void BlastSession::OnLost() {
  phase_ = Phase::kOver;
  for (const uint8_t index : {current_, other(current_)}) {
    const Slot& slot = slots_[index];
    if (slot.stage == Stage::kEmpty) continue;
    const bool begun = slot.stage == Stage::kContent && slot.refusal.empty();
    Finish(index, begun ? BlastResult::Outcome::kUnknown : BlastResult::Outcome::kNotSent, fault_,
           kNever);
  }
  expected_.clear();
}

void BlastSession::Fail(std::string fault) {
  if (fault_.empty()) fault_ = std::move(fault);
  phase_ = Phase::kOver;
}

std::optional<BlastResult> BlastSession::TakeResult() {
  if (results_.empty()) return std::nullopt;
  BlastResult result = std::move(results_.front());
  results_.pop_front();
  return result;
}

}  // namespace sluice::tools
