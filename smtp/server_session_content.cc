// DATA and BDAT of the server session.

#include <algorithm>
#include <string>
#include <utility>

#include "engine/base/check.h"
#include "smtp/server_session.h"

namespace sluice::smtp {

void ServerSession::BeginContent(Phase phase) {
  phase_ = phase;
  content_begun_ = true;
  receiver_.Begin({.refuse_bare_line_ends = rules_.refuse_bare_line_ends,
                   .refuse_long_lines = rules_.refuse_long_lines,
                   .size_max = rules_.size_max},
                  &sink_);
  Raise(ServerEvent::kContent);
}

void ServerSession::OnData(std::string_view arguments) {
  if (!arguments.empty()) {
    Fault(501, "5.5.4", "DATA takes no parameters");
  } else if (!transaction_ || content_begun_) {
    Fault(503, "5.5.1", transaction_ ? "Go on with BDAT" : "Say MAIL first");
  } else if (recipients_ == 0) {
    Fault(554, "5.5.1", "No valid recipients");
  } else {
    output_ += "354 End data with <CR><LF>.<CR><LF>\r\n";
    BeginContent(Phase::kData);
  }
}

bool ServerSession::StepContent() {
  if (input_.empty()) return false;
  input_.remove_prefix(receiver_.Data(input_));
  if (!receiver_.done()) return false;
  EndOfMessage();
  return true;
}

void ServerSession::OnBdat(std::string_view arguments) {
  const auto bdat = ParseBdat(arguments);
  if (!bdat) {
    OnBadBdat(arguments, bdat.error());
    return;
  }
  chunk_left_ = chunk_size_ = bdat->size;
  chunk_last_ = bdat->last;
  if (!transaction_ || recipients_ == 0) {
    Swallow(bdat->size, transaction_ ? Answer{554, "5.5.1", "No valid recipients"}
                                     : Answer{503, "5.5.1", "Say MAIL first"});
  } else if (content_begun_) {
    phase_ = Phase::kChunk;
  } else {
    BeginContent(Phase::kChunk);
  }
}

// What follows is content and must not be run as commands; a message without this chunk must not go
// out. Where its length cannot be read nobody knows where the next command begins.
void ServerSession::OnBadBdat(std::string_view arguments, const Answer& answer) {
  const auto size = BdatSize(arguments);
  EndTransaction(true);
  chunk_last_ = false;
  if (size) {
    Swallow(*size, answer);
    return;
  }
  Reply(answer);
  End({421, "4.7.0", rules_.hostname + " Cannot tell where the chunk ends, closing"});
}

// `answer` comes after it, so that the replies of a pipelining client stay in step.
void ServerSession::Swallow(uint64_t octets, const Answer& answer) {
  if (octets > rules_.size_max) {
    Reply(answer);
    End({421, "4.7.0", rules_.hostname + " Chunk over the limit of a message, closing"});
    return;
  }
  chunk_left_ = octets;
  swallow_answer_ = answer;
  phase_ = Phase::kSwallow;
}

bool ServerSession::StepSwallow() {
  const size_t taken = size_t(std::min<uint64_t>(chunk_left_, input_.size()));
  input_.remove_prefix(taken);
  chunk_left_ -= taken;
  if (chunk_left_ > 0) return false;
  phase_ = Phase::kCommand;
  // The chunks that a client had sent before it could hear of the first refusal are one fault.
  if (chunk_refused_)
    Refuse(swallow_answer_);
  else
    Fault(swallow_answer_);
  chunk_refused_ = !chunk_last_;
  return true;
}

bool ServerSession::StepChunk() {
  const size_t taken = size_t(std::min<uint64_t>(chunk_left_, input_.size()));
  receiver_.Chunk(input_.substr(0, taken));
  input_.remove_prefix(taken);
  chunk_left_ -= taken;
  if (chunk_left_ > 0) return false;
  EndOfChunk();
  return true;
}

void ServerSession::EndOfChunk() {
  phase_ = Phase::kCommand;
  if (chunk_last_) {
    receiver_.Finish();
    EndOfMessage();
  } else if (const Answer answer = ContentAnswer(); !answer.empty()) {
    // The rest of its chunks will be out of turn, and swallowed.
    chunk_refused_ = true;
    RefuseMessage(answer);
    EndTransaction(true);
  } else {
    Reply(250, "2.0.0", std::to_string(chunk_size_) + " octets received");
  }
}

// What is wrong with the content so far; empty: nothing.
Answer ServerSession::ContentAnswer() const {
  Answer answer;
  switch (receiver_.facts().fault) {
    case ContentFault::kNone:
      return answer;
    case ContentFault::kNul:
      answer = {550, "5.6.0", "NUL octet in the message"};
      break;
    case ContentFault::kBareLineEnd:
      answer = {550, "5.6.11", "Bare CR or LF in the message: lines end in CR LF"};
      break;
    case ContentFault::kLongLine:
      answer = {550, "5.6.0", "Line over 998 octets in the message"};
      break;
    case ContentFault::kTooLarge:
      answer = {552, "5.3.4",
                "Message over the limit of " + std::to_string(rules_.size_max) + " octets"};
      break;
  }
  return answer;
}

// Some platforms book any 5xx as the contact's bounce: theirs hear the same as something to try
// again.
void ServerSession::RefuseMessage(const Answer& answer) {
  if (answer.code >= 500) {
    ++message_faults_;
    last_message_fault_ = answer;
  }
  Refuse(message_faults_temporary_ ? AsTemporary(answer) : answer);
}

void ServerSession::EndOfMessage() {
  phase_ = Phase::kCommand;
  Answer answer = ContentAnswer();
  const ContentFacts& facts = receiver_.facts();
  // Clients count what they have: often with LF line ends, or without the last one. A message is
  // larger than declared only if it is so by the smallest way of counting; 0 declares nothing.
  const uint64_t line_ends = facts.lines - facts.bare_line_ends;
  const uint64_t least = facts.received - std::min(facts.received, line_ends + 1);
  if (answer.empty() && least > mail_.size.value_or(0) && mail_.size.value_or(0) > 0) {
    answer = {552, "5.3.4",
              "Message larger than declared: " + std::to_string(facts.received) + " octets"};
  }
  if (answer.empty()) {
    phase_ = Phase::kMessage;
    Raise(ServerEvent::kMessage);
    return;
  }
  RefuseMessage(answer);
  EndTransaction(true);
}

void ServerSession::AnswerMessage(const Answer& answer) {
  CHECK(phase_ == Phase::kMessage);
  phase_ = Phase::kCommand;
  if (answer.positive()) {
    Reply(answer);
    errors_ = idle_commands_ = refusals_ = 0;
  } else {
    RefuseMessage(answer);
  }
  EndTransaction(false);
}

}  // namespace sluice::smtp
