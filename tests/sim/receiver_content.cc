// tests/sim/receiver_content.cc — the half of ReceiverSession that takes content: DATA and BDAT,
// what may not be in it, and what becomes of it.

#include <algorithm>
#include <charconv>

#include "engine/base/check.h"
#include "engine/base/text.h"
#include "tests/sim/receiver_session.h"

namespace sluice::sim {
namespace {

constexpr size_t kContentLineMax = 998;

uint64_t HashOf(std::string_view bytes) {
  uint64_t hash = 0xcbf29ce484222325u;
  for (const char c : bytes) hash = (hash ^ uint8_t(c)) * 0x100000001b3u;
  return hash;
}

// The value of a header field, unfolded no further than its first line.
std::string HeaderOf(std::string_view content, std::string_view name) {
  while (!content.empty()) {
    const size_t end = content.find("\r\n");
    const std::string_view line = content.substr(0, end);
    if (line.empty()) break;
    if (StartsWithNoCase(line, name) && line.size() > name.size() && line[name.size()] == ':')
      return std::string(Trim(line.substr(name.size() + 1)));
    if (end == std::string_view::npos) break;
    content.remove_prefix(end + 2);
  }
  return {};
}

bool HasHighBit(std::string_view bytes) {
  return std::any_of(bytes.begin(), bytes.end(), [](char c) { return uint8_t(c) >= 0x80; });
}

}  // namespace

// False: more is needed.
bool ReceiverSession::TakeContent() {
  // The content is kept as it comes; what ends it is looked for from a little before the new part.
  const size_t searched = content_.size() < 5 ? 0 : content_.size() - 5;
  content_.append(in_);
  in_.clear();
  size_t end = std::string::npos;
  if (content_.starts_with(".\r\n")) {
    end = 3;
  } else if (const size_t at = content_.find("\r\n.\r\n", searched); at != std::string::npos) {
    end = at + 5;
  }
  if (end == std::string::npos) return false;
  in_ = content_.substr(end);
  content_.resize(end - 3);
  // Dot stuffing off (RFC 5321 4.5.2).
  for (size_t at = 0; at < content_.size();) {
    if (content_[at] == '.') content_.erase(at, 1);
    const size_t next = content_.find("\r\n", at);
    if (next == std::string::npos) break;
    at = next + 2;
  }
  mode_ = Mode::kCommand;
  EndOfMessage();
  return true;
}

void ReceiverSession::OnBdat(const std::string& rest) {
  if (!extended_ || !manners_.chunking) Blame("BDAT where it was not offered");
  const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), chunk_left_);
  if (error != std::errc()) {
    Blame("BDAT " + rest);
    return Answer(501, "5.5.4", "Syntax");
  }
  const std::string_view word(end, size_t(rest.data() + rest.size() - end));
  last_chunk_ = EqualsNoCase(Trim(word), "LAST");
  chunk_refused_ = !in_mail_ || recipients_.empty();
  mode_ = Mode::kBdat;
}

bool ReceiverSession::TakeBdat() {
  const size_t n = std::min(chunk_left_, in_.size());
  if (!chunk_refused_) content_.append(in_, 0, n);
  in_.erase(0, n);
  chunk_left_ -= n;
  if (chunk_left_ > 0) return false;
  mode_ = Mode::kCommand;
  if (chunk_refused_) {
    Answer(503, "5.5.1", "No transaction");
  } else if (last_chunk_) {
    EndOfMessage();
  } else {
    Answer(250, "2.0.0", "Chunk ok");
  }
  return true;
}

void ReceiverSession::CheckContent() {
  size_t line = 0;
  for (size_t i = 0; i < content_.size(); ++i) {
    const char c = content_[i];
    if (c == '\0') Blame("NUL in the content");
    const bool is_crlf = c == '\r' && i + 1 < content_.size() && content_[i + 1] == '\n';
    if (c == '\n' && (i == 0 || content_[i - 1] != '\r')) Blame("bare LF in the content");
    if (c == '\r' && !is_crlf) Blame("bare CR in the content");
    line = c == '\n' ? 0 : line + 1;
    if (line == kContentLineMax + 2) Blame("a line over 998 octets in the content");
  }
  if (!content_.empty() && !content_.ends_with("\r\n")) Blame("content that ends within a line");
  if (HasHighBit(content_) && !is_eight_bit_) Blame("8-bit content that was not declared");
  if (content_.size() > manners_.size_limit && manners_.size)
    Blame("content over the SIZE offered");
}

void ReceiverSession::EndOfMessage() {
  CHECK(in_mail_);
  CheckContent();
  ++messages_;
  if (Roll(manners_.drop_after_dot)) {
    if (receiver_.random_.Below(2) == 0) Take(false);
    Ended();
    stream_->Abort();
    return;
  }
  if (Roll(manners_.dot_4xx)) {
    Reset();
    return Answer(451, "4.3.0", "Try again later");
  }
  if (Roll(manners_.dot_5xx)) {
    Reset();
    return Answer(554, "5.7.1", "This looks like spam");
  }
  Take(true);
  receiver_.most_messages_ = std::max(receiver_.most_messages_, messages_);
  Reset();
  const bool closes = Roll(manners_.close_after_message);
  Answer(250, "2.0.0", "Ok: queued", closes ? Then::kClose : Then::kGoOn);
}

void ReceiverSession::Take(bool replied) {
  Taken taken;
  taken.host = receiver_.host();
  taken.is_signed = !HeaderOf(content_, "DKIM-Signature").empty();
  taken.message = HeaderOf(content_, "X-Sim-Id");
  if (taken.message.empty()) taken.message = HeaderOf(content_, "Message-ID");
  taken.sender = sender_;
  taken.connection = id_;
  taken.content_hash = HashOf(content_);
  taken.octets = content_.size();
  taken.tls = tls_;
  taken.replied = replied;
  for (const std::string& recipient : recipients_) {
    taken.recipient = recipient;
    const size_t place = receiver_.mailroom_.Add(taken);
    if (replied) unconfirmed_.push_back(place);
  }
}

}  // namespace sluice::sim
