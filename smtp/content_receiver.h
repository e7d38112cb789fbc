// smtp/content_receiver.h — the octets of one message, from DATA or BDAT, checked and normalised.
//
// PURPOSE   Finds the end of DATA, takes stuffed dots out, makes every line end CR LF, refuses NUL,
//           counts; hands the content on in pieces as large as the input allows.
// DECIDED   (protocol.md 1) The end of DATA is CR LF . CR LF and nothing else, whatever stands
//           before it. A stuffed dot is taken out after CR LF and at the start; after a bare LF
//           only where two dots show that the client stuffs there (smtplib does), a single one
//           stays. BDAT goes through the same door. Content that does not end in CR LF gets one.
// FLOW      Begin -> Data(bytes)... until done()   or   Begin -> Chunk(bytes)... -> Finish. Wide
//           blocks of 64 octets are looked at at once; only what is not plain goes octet by octet.
// LIMITS    Keeps at most a CR and a dot. After a fault it swallows input and passes nothing on.
// TESTS     tests/smtp/content_receiver_test.cc, tests/fuzz/fuzz_smtp_content.cc

#ifndef SLUICE_SMTP_CONTENT_RECEIVER_H_
#define SLUICE_SMTP_CONTENT_RECEIVER_H_

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace sluice::smtp {

// RFC 5321 4.5.3.1.6, without CR LF.
inline constexpr size_t kTextLineMax = 998;

class ContentSink {
 public:
  virtual void OnContent(std::string_view piece) = 0;

 protected:
  ~ContentSink() = default;
};

struct ContentRules {
  bool refuse_bare_line_ends = false;
  bool refuse_long_lines = false;
  uint64_t size_max = UINT64_MAX;  // octets received, stuffed dots and the final dot left out
};

enum class ContentFault : uint8_t { kNone, kNul, kBareLineEnd, kLongLine, kTooLarge };

// What was found in the content. Octets are counted as received, before normalisation.
struct ContentFacts {
  ContentFault fault = ContentFault::kNone;  // the first one
  uint64_t received = 0;
  uint64_t lines = 0;           // line ends of any kind
  uint64_t bare_line_ends = 0;  // CR or LF alone
  bool eight_bit = false;
  bool long_lines = false;  // over kTextLineMax
  bool dots = false;        // some line begins with a dot
};

class ContentReceiver {
 public:
  void Begin(const ContentRules& rules, ContentSink* sink);

  // DATA: takes octets up to and with the final dot's line; returns how many. done() tells.
  size_t Data(std::string_view bytes);
  bool done() const { return done_; }

  // BDAT: all of `bytes` is content. Finish after the last chunk.
  void Chunk(std::string_view bytes);
  void Finish();

  const ContentFacts& facts() const { return facts_; }

 private:
  enum class State : uint8_t {
    kLineStart,  // after CR LF, or at the very start
    kText,
    kCr,       // a CR is held back
    kDot,      // a dot at kLineStart is held back
    kDotCr,    // dot and CR are held back
    kLfStart,  // after a bare LF, in DATA
    kLfDot,    // a dot at kLfStart is held back
  };

  template <bool kDots>
  size_t Run(std::string_view bytes);
  template <bool kDots>
  size_t SkipPlain(std::string_view bytes, size_t from);
  // Takes one octet in any state; true when the end of DATA is reached with it.
  template <bool kDots>
  bool TakeOctet(char c);
  void TakeText(char c);
  void EndLine(bool bare);
  void Emit(std::string_view piece);
  void Fault(ContentFault fault);

  ContentRules rules_;
  ContentSink* sink_ = nullptr;
  ContentFacts facts_;
  State state_ = State::kLineStart;
  bool at_output_line_start_ = true;  // also after a bare CR or LF that was normalised
  bool done_ = false;
  uint64_t line_octets_ = 0;  // of the line so far
};

}  // namespace sluice::smtp

#endif  // SLUICE_SMTP_CONTENT_RECEIVER_H_
