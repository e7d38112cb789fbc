// smtp/reply.h — replies of SMTP servers: lines, codes, enhanced codes.
//
// PURPOSE   ParseReplyLine is a pure function over one line. ReplyParser gathers lines, fed in any
//           cut, into a Reply. CleanReplyText makes what is stored and shown.
// NOT HERE  What a reply means: for the conversation client_session.h, for a recipient
//           engine/delivery/verdict.h.
// RULES     protocol.md 10: the last line's code decides, but when lines disagree on success the
//           worst class is kept. An odd separator ("421,4.7.0 ...") and an enhanced code on some of
//           the lines only are taken as they are.
// LIMITS    kReplyLineBytesMax, kReplyBytesMax; beyond them a fault.
// TESTS     tests/smtp/reply_test.cc, tests/fuzz/fuzz_smtp_reply.cc

#ifndef SLUICE_SMTP_REPLY_H_
#define SLUICE_SMTP_REPLY_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sluice::smtp {

// Octets of one reply line, its end included. RFC 5321 4.5.3.1.5 says 512; real ones are longer.
inline constexpr size_t kReplyLineBytesMax = size_t(8) << 10;
// All lines of one reply: bounds what a hostile server can make us hold.
inline constexpr size_t kReplyBytesMax = size_t(64) << 10;
static_assert(kReplyLineBytesMax <= kReplyBytesMax);

// An enhanced status code (RFC 3463) as text, "5.1.1"; empty when there is none.
class EnhancedCode {
 public:
  constexpr EnhancedCode() = default;
  // What `text` begins with, "" when that is no enhanced code of class 2, 4 or 5.
  static EnhancedCode Parse(std::string_view text);

  std::string_view text() const { return {text_.data(), length_}; }
  bool empty() const { return length_ == 0; }
  char status_class() const { return length_ == 0 ? '\0' : text_[0]; }

 private:
  std::array<char, 9> text_{};  // "5.123.123"
  uint8_t length_ = 0;
};

struct ReplyLine {
  uint16_t code = 0;  // 200..599
  bool last = true;
  EnhancedCode enhanced;
  std::string_view text;  // what follows the codes, trimmed; borrows from the line
};

// `line` is without its line end. None: it does not begin with a code of 2xx to 5xx and an end, a
// separator or "-".
std::optional<ReplyLine> ParseReplyLine(std::string_view line);

// A whole reply. Views are into the parser, valid until it is fed again.
struct Reply {
  uint16_t code = 0;
  std::string_view enhanced;  // of the deciding code's class when there is one
  std::string_view text;      // lines without their codes, joined by LF, as received

  bool positive() const { return code < 400; }
};

enum class ReplyFault : uint8_t { kNone, kLineTooLong, kReplyTooLong, kNoCode };

class ReplyParser {
 public:
  enum class State : uint8_t { kMore, kReply, kFault };
  struct Step {
    State state = State::kMore;
    size_t consumed = 0;  // octets of `bytes` that belong to this reply
  };

  // Takes octets up to the end of one reply. kMore: all were taken. After kFault feed no more.
  Step Feed(std::string_view bytes);
  // After kReply.
  Reply reply() const;
  ReplyFault fault() const { return fault_; }
  // Has a reply begun and not ended?
  bool partial() const { return !done_ && (size_ > 0 || !line_.empty()); }
  // Forgets everything, as before a new handshake.
  void Reset();

 private:
  State TakeLine(std::string_view line);
  Step Fault(ReplyFault fault, size_t consumed);

  std::string line_;                        // a line whose end has not come
  std::string text_;                        // of the lines so far
  size_t size_ = 0;                         // octets of the lines so far
  uint16_t last_ = 0;                       // code of the latest line
  std::array<uint16_t, 6> codes_{};         // latest code of each class
  std::array<EnhancedCode, 6> enhanced_{};  // latest enhanced code of each class
  bool done_ = true;                        // the next octet begins a new reply
  ReplyFault fault_ = ReplyFault::kNone;
};

// For storing and showing: control characters and invalid UTF-8 are replaced, runs of white space
// become one space, at most `max` octets without cutting a character.
std::string CleanReplyText(std::string_view text, size_t max);

}  // namespace sluice::smtp

#endif  // SLUICE_SMTP_REPLY_H_
