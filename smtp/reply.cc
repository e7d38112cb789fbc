// smtp/reply.cc — see reply.h.

#include "smtp/reply.h"

#include <algorithm>

#include "engine/base/check.h"
#include "engine/base/text.h"

namespace sluice::smtp {
namespace {

// Digits at the start of `text`, at most three; 0 when there is none or there are more.
size_t DigitRun(std::string_view text) {
  size_t n = 0;
  while (n < text.size() && IsDigit(text[n])) ++n;
  return n <= 3 ? n : 0;
}

// Length of the well-formed UTF-8 character that `text` begins with; 0 when it is malformed.
size_t Utf8Length(std::string_view text) {
  const auto lead = uint8_t(text[0]);
  const size_t length = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
  if (text.size() < length || !IsUtf8(text.substr(0, length))) return 0;
  return length;
}

}  // namespace

EnhancedCode EnhancedCode::Parse(std::string_view text) {
  EnhancedCode code;
  if (text.size() < 5 || (text[0] != '2' && text[0] != '4' && text[0] != '5') || text[1] != '.')
    return code;
  const size_t subject = DigitRun(text.substr(2));
  const size_t dot = 2 + subject;
  if (subject == 0 || dot >= text.size() || text[dot] != '.') return code;
  const size_t detail = DigitRun(text.substr(dot + 1));
  const size_t end = dot + 1 + detail;
  if (detail == 0) return code;
  // "5.1.1.2" and "5.7.1x" are something else: a version, an address, a word.
  if (end < text.size() && (text[end] == '.' || IsAlpha(text[end])) &&
      !(text[end] == '.' && (end + 1 == text.size() || text[end + 1] == ' ')))
    return code;
  std::copy_n(text.begin(), end, code.text_.begin());
  code.length_ = uint8_t(end);
  return code;
}

std::optional<ReplyLine> ParseReplyLine(std::string_view line) {
  if (line.size() < 3 || !IsDigit(line[0]) || !IsDigit(line[1]) || !IsDigit(line[2]))
    return std::nullopt;
  ReplyLine out;
  out.code = uint16_t((line[0] - '0') * 100 + (line[1] - '0') * 10 + (line[2] - '0'));
  if (out.code < 200 || out.code > 599) return std::nullopt;
  std::string_view rest = line.substr(3);
  if (!rest.empty()) {
    if (IsDigit(rest[0]) || IsAlpha(rest[0])) return std::nullopt;
    out.last = rest[0] != '-';
    rest = Trim(rest.substr(1));
  }
  out.enhanced = EnhancedCode::Parse(rest);
  if (!out.enhanced.empty()) rest = Trim(rest.substr(out.enhanced.text().size()));
  out.text = rest;
  return out;
}

void ReplyParser::Reset() {
  line_.clear();
  text_.clear();
  size_ = 0;
  last_ = 0;
  codes_.fill(0);
  enhanced_.fill({});
  done_ = true;
}

ReplyParser::Step ReplyParser::Fault(ReplyFault fault, size_t consumed) {
  fault_ = fault;
  return {State::kFault, consumed};
}

ReplyParser::Step ReplyParser::Feed(std::string_view bytes) {
  CHECK(fault_ == ReplyFault::kNone);
  if (done_ && !bytes.empty()) {
    Reset();
    done_ = false;
  }
  size_t taken = 0;
  while (taken < bytes.size()) {
    const std::string_view rest = bytes.substr(taken);
    const size_t eol = rest.find('\n');
    const size_t piece = eol == std::string_view::npos ? rest.size() : eol + 1;
    if (line_.size() + piece > kReplyLineBytesMax) return Fault(ReplyFault::kLineTooLong, taken);
    if (size_ + line_.size() + piece > kReplyBytesMax)
      return Fault(ReplyFault::kReplyTooLong, taken);
    taken += piece;
    if (eol == std::string_view::npos) {
      line_.append(rest);
      break;
    }
    State state;
    if (line_.empty()) {
      state = TakeLine(rest.substr(0, piece));
    } else {
      line_.append(rest.substr(0, piece));
      state = TakeLine(line_);
      line_.clear();
    }
    if (state == State::kFault) return Fault(ReplyFault::kNoCode, taken);
    if (state == State::kReply) {
      done_ = true;
      return {State::kReply, taken};
    }
  }
  return {State::kMore, taken};
}

ReplyParser::State ReplyParser::TakeLine(std::string_view line) {
  const bool first = size_ == 0;
  size_ += line.size();
  line.remove_suffix(1);
  if (line.ends_with('\r')) line.remove_suffix(1);
  const std::optional<ReplyLine> parsed = ParseReplyLine(line);
  if (!parsed) return State::kFault;
  last_ = parsed->code;
  codes_[parsed->code / 100] = parsed->code;
  if (!parsed->enhanced.empty())
    enhanced_[size_t(parsed->enhanced.status_class() - '0')] = parsed->enhanced;
  if (!first) text_.push_back('\n');
  text_.append(parsed->text);
  return parsed->last ? State::kReply : State::kMore;
}

Reply ReplyParser::reply() const {
  CHECK(done_);
  CHECK(last_ != 0);
  Reply reply;
  reply.code = last_;
  // Lines that disagree on success: the worst class is kept.
  if (last_ < 400 && codes_[4] != 0) reply.code = codes_[4];
  if (last_ < 400 && codes_[5] != 0) reply.code = codes_[5];
  const size_t deciding = reply.code / 100;
  for (const size_t status : {deciding, size_t(5), size_t(4), size_t(2)}) {
    if (!reply.enhanced.empty()) break;
    reply.enhanced = enhanced_[status].text();
  }
  reply.text = text_;
  return reply;
}

std::string CleanReplyText(std::string_view text, size_t max) {
  std::string out;
  out.reserve(std::min(text.size(), max));
  bool space = false;
  while (!text.empty()) {
    const auto octet = uint8_t(text[0]);
    if (octet <= ' ' || octet == 0x7f) {
      space = !out.empty();
      text.remove_prefix(1);
      continue;
    }
    const size_t length = Utf8Length(text);
    const std::string_view next = length == 0 ? "?" : text.substr(0, length);
    if (out.size() + size_t(space) + next.size() > max) break;
    if (space) out.push_back(' ');
    space = false;
    // U+0080 to U+009F are control characters too.
    const bool control = length == 2 && octet == 0xc2 && uint8_t(text[1]) < 0xa0;
    out.append(control ? "?" : next);
    text.remove_prefix(next.size());
  }
  return out;
}

}  // namespace sluice::smtp
