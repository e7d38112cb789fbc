// smtp/client_session_send.cc — what a client session sends, and when. See client_session.h.

#include <algorithm>
#include <charconv>

#include "engine/base/check.h"
#include "smtp/client_session.h"
#include "smtp/original_recipient.h"

namespace sluice::smtp {
namespace {

void AppendNumber(std::string& out, uint64_t value) {
  char digits[20];
  const auto end = std::to_chars(digits, digits + sizeof digits, value).ptr;
  out.append(digits, end);
}

// Addresses and parameters were checked on acceptance; a control character here would be a command
// of somebody else's making, so it is dropped all the same.
void AppendClean(std::string& out, std::string_view value) {
  for (const char c : value) {
    if (uint8_t(c) >= ' ' && c != 0x7f) out.push_back(c);
  }
}

void AppendNotify(std::string& out, uint8_t notify) {
  if (notify == 0) return;
  out.append(" NOTIFY=");
  if ((notify & kTellNever) != 0) {
    out.append("NEVER");
    return;
  }
  std::string_view comma;
  for (const auto& [bit, word] :
       {std::pair(kTellSuccess, "SUCCESS"), std::pair(kTellFailure, "FAILURE"),
        std::pair(kTellDelay, "DELAY")}) {
    if ((notify & bit) == 0) continue;
    out.append(comma).append(word);
    comma = ",";
  }
}

}  // namespace

void ClientSession::Begin(const Transaction& transaction, ContentSource& content, Instant now) {
  CHECK(ready());
  CHECK(!transaction.recipients.empty());
  CHECK(!output_waits());
  state_ = State::kTransaction;
  ++transactions_;
  transaction_ = transaction;
  content_ = &content;
  next_ = needs_rset_ ? Next::kRset : Next::kMail;
  next_recipient_ = 0;
  accepted_ = 0;
  sender_refused_ = false;
  chunked_ = capabilities_.chunking && content.in_memory() && content.size() <= kOneFlightBytes;
  content_left_ = false;
  content_octets_ = 0;
  content_cut_ = false;
  reply_seen_ = false;
  outcome_count_ = transaction.recipients.size();
  rcpt_states_.assign(outcome_count_, RcptState::kOpen);
  if (outcomes_.size() < outcome_count_) outcomes_.resize(outcome_count_);
  for (size_t i = 0; i < outcome_count_; ++i) {
    outcomes_[i].code = 0;
    outcomes_[i].after_content = false;
    outcomes_[i].untried = false;
  }
  Pump(now);
}

void ClientSession::Quit(Instant now) {
  CHECK(ready());
  state_ = State::kQuitting;
  Say("QUIT", "", ClientVerb::kQuit, now);
}

// Puts in line whatever may leave now, and ends the transaction when everything is answered.
void ClientSession::Pump(Instant now) {
  if (state_ != State::kTransaction) return;
  while (PumpOne(now)) {
  }
  if (next_ == Next::kNothing && !has_pending()) FinishTransaction();
}

bool ClientSession::PumpOne(Instant now) {
  if (has_pending() && !capabilities_.pipelining) return false;
  if (pending_.size() - pending_head_ >= kPipelineDepthMax) return false;
  const size_t begin = out_.size();
  switch (next_) {
    case Next::kRset:
      out_.append("RSET\r\n");
      next_ = Next::kMail;
      needs_rset_ = false;
      Sent(ClientVerb::kRset, begin, 0, now);
      return true;
    case Next::kMail:
      AppendMail();
      next_ = Next::kRcpt;
      Sent(ClientVerb::kMail, begin, 0, now);
      return true;
    case Next::kRcpt:
      AppendRcpt(transaction_.recipients[next_recipient_]);
      Sent(ClientVerb::kRcpt, begin, next_recipient_, now);
      if (++next_recipient_ == transaction_.recipients.size()) next_ = Next::kContentCommand;
      return true;
    case Next::kContentCommand:
      return PumpContentCommand(now);
    case Next::kContent:  // Output() fetches it
    case Next::kNothing:
      return false;
  }
  return false;
}

bool ClientSession::PumpContentCommand(Instant now) {
  const size_t begin = out_.size();
  if (!has_pending() && accepted_ == 0) {
    next_ = Next::kNothing;  // all refused, and nothing of the content has left
    needs_rset_ = true;
    return true;
  }
  if (!chunked_) {
    out_.append("DATA\r\n");
    next_ = Next::kNothing;  // until the 354
    Sent(ClientVerb::kData, begin, 0, now);
    return true;
  }
  const uint64_t offset = queued_;
  out_.append("BDAT ");
  AppendNumber(out_, content_->size());
  out_.append(" LAST\r\n");
  if (!output_waits()) progress_ = now;
  queued_ += out_.size() - begin;
  ExpectContent(ContentSource::Framing::kRaw, offset);
  return true;
}

void ClientSession::ExpectContent(ContentSource::Framing framing, uint64_t begin) {
  content_->Start(framing);
  next_ = Next::kContent;
  pending_.push_back({ClientVerb::kContent, 0, begin, UINT64_MAX});
}

void ClientSession::RefillContent(Instant now) {
  slices_.clear();
  slice_ = 0;
  const ContentSource::State state = content_->Next(slices_);
  if (state == ContentSource::State::kFailed) return Close(ClientFault::kContent, nullptr);
  if (!output_waits()) progress_ = now;
  for (const std::string_view slice : slices_) content_octets_ += slice.size();
  for (const std::string_view slice : slices_) queued_ += slice.size();
  if (state != ContentSource::State::kEnd) return;
  // BDAT has promised the size; anything else would make a command of the rest.
  if (chunked_) CHECK(content_octets_ == content_->size());
  next_ = Next::kNothing;
  content_left_ = true;
  CHECK(pending_.back().verb == ClientVerb::kContent);
  pending_.back().end = queued_;
}

void ClientSession::FinishTransaction() {
  CHECK(state_ == State::kTransaction);
  for (size_t i = 0; i < outcome_count_; ++i) CHECK(rcpt_states_[i] == RcptState::kDecided);
  state_ = State::kReady;
  content_ = nullptr;
  events_.push_back(ClientEvent::kTransactionDone);
  // Refused while the content was under way: the rest of it would be taken for commands.
  if (content_cut_ || output_waits()) Close(ClientFault::kNone, nullptr);
}

void ClientSession::AppendMail() {
  out_.append("MAIL FROM:<");
  AppendClean(out_, transaction_.sender);
  out_.push_back('>');
  if (capabilities_.size) {
    out_.append(" SIZE=");
    AppendNumber(out_, content_->size());
  }
  if (transaction_.eight_bit && capabilities_.eight_bit) out_.append(" BODY=8BITMIME");
  if (transaction_.utf8 && capabilities_.utf8) out_.append(" SMTPUTF8");
  if (capabilities_.dsn) {
    if (transaction_.ret == DsnReturn::kFull) out_.append(" RET=FULL");
    if (transaction_.ret == DsnReturn::kHeaders) out_.append(" RET=HDRS");
    if (!transaction_.envid.empty()) {
      out_.append(" ENVID=");
      AppendClean(out_, transaction_.envid);
    }
  }
  out_.append("\r\n");
}

void ClientSession::AppendRcpt(const ClientRecipient& recipient) {
  out_.append("RCPT TO:<");
  AppendClean(out_, recipient.address);
  out_.push_back('>');
  if (capabilities_.dsn) {
    AppendNotify(out_, recipient.notify);
    const bool utf8 = transaction_.utf8 && capabilities_.utf8;
    const std::string orcpt = utf8 ? std::string(recipient.orcpt) : AsciiOrcpt(recipient.orcpt);
    if (!orcpt.empty()) {
      out_.append(" ORCPT=");
      AppendClean(out_, orcpt);
    }
  }
  out_.append("\r\n");
}

void ClientSession::Say(std::string_view command, std::string_view argument, ClientVerb verb,
                        Instant now) {
  const size_t begin = out_.size();
  out_.append(command).append(argument).append("\r\n");
  Sent(verb, begin, 0, now);
}

void ClientSession::Sent(ClientVerb verb, size_t begin, uint32_t recipient, Instant now) {
  const uint64_t offset = queued_;
  if (!output_waits()) progress_ = now;
  if (!has_pending()) head_since_ = now;
  queued_ += out_.size() - begin;
  pending_.push_back({verb, recipient, offset, queued_});
}

std::span<const std::string_view> ClientSession::Output(Instant now) {
  gathered_.clear();
  // Content always comes last: nothing is put in line behind it before its reply.
  if (next_ == Next::kContent && content_ != nullptr && slice_ == slices_.size())
    RefillContent(now);
  if (out_taken_ < out_.size()) gathered_.push_back(std::string_view(out_).substr(out_taken_));
  gathered_.insert(gathered_.end(), slices_.begin() + ptrdiff_t(slice_), slices_.end());
  return gathered_;
}

void ClientSession::OnWritten(size_t count, Instant now) {
  if (count == 0 || state_ == State::kClosed) return;
  CHECK(count <= queued_ - written_);
  const uint64_t before = written_;
  written_ += count;
  progress_ = now;
  if (has_pending() && pending_[pending_head_].end > before) head_since_ = now;
  const size_t commands = std::min(count, out_.size() - out_taken_);
  out_taken_ += commands;
  count -= commands;
  if (out_taken_ == out_.size()) {
    out_.clear();
    out_taken_ = 0;
  }
  while (count > 0) {
    std::string_view& slice = slices_[slice_];
    const size_t taken = std::min(count, slice.size());
    slice.remove_prefix(taken);
    count -= taken;
    if (slice.empty()) ++slice_;
  }
  if (slice_ == slices_.size()) {
    slices_.clear();
    slice_ = 0;
  }
}

}  // namespace sluice::smtp
