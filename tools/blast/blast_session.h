// tools/blast/blast_session.h — one connection of the load source, without a socket.
//
// PURPOSE   Hands messages to a server, a command at a time or pipelined, and says what became of
//           each. One message on the way, one more behind it when pipelining.
// NOT HERE  Sockets and time-outs (blast_lane.h), where messages come from (blast_plan.h).
// FLOW      while wants_message(): Give or Quit; OnBytes -> TakeResult; Output/Consume
// LIMITS    kReplyLineMax, kReplyMax octets: beyond, the server is at fault and the connection
//           lost.
// INVARIANT Every command sent is in expected_ until exactly one reply, or the loss, removes it.

#ifndef SLUICE_TOOLS_BLAST_BLAST_SESSION_H_
#define SLUICE_TOOLS_BLAST_BLAST_SESSION_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/time.h"

namespace sluice::tools {

// What all connections have in common. `body` ends with CR LF; `stuffed_body` has its dots doubled.
struct BlastManner {
  std::string helo;
  std::string mail_from;  // "<a@b>", with parameters if any
  std::string stuffed_body;
  std::string body;
  bool starttls = false;
  std::string auth_plain;  // base64, empty: no AUTH
  bool pipelining = false;
  bool bdat = false;
};

struct BlastMessage {
  int64_t seq = 0;
  std::vector<std::string> recipients;  // at least one
  std::string head;                     // header fields and the blank line
};

struct BlastResult {
  enum class Outcome : uint8_t {
    kAccepted,
    kRefused,
    kUnknown,  // lost after the content was begun
    kNotSent,  // lost before: may be given to another connection
  };
  Outcome outcome = Outcome::kNotSent;
  std::string reply;  // that decided; without CR LF
  BlastMessage message;
  std::vector<std::string> accepted;  // recipients that RCPT took
  std::vector<std::string> rcpt_refusals;
  Duration latency{0};  // end of content → its reply; only for those that were answered
};

class BlastSession {
 public:
  static constexpr size_t kReplyLineMax = size_t(8) << 10;
  static constexpr size_t kReplyMax = size_t(64) << 10;

  // Outlives the session.
  explicit BlastSession(const BlastManner& manner);

  bool wants_message() const;
  void Give(BlastMessage message);
  // No message follows: QUIT after the last reply.
  void Quit();

  void OnBytes(std::string_view in, Instant now);
  void OnTlsReady();
  // The connection is gone; what was on the way gets its result.
  void OnLost();

  // What to send, in order; empty slices are allowed. Valid until the next call of anything.
  std::array<std::string_view, 4> Output() const;
  void Consume(size_t octets, Instant now);

  std::optional<BlastResult> TakeResult();

  // The server has answered STARTTLS: start the handshake.
  bool wants_tls() const { return phase_ == Phase::kHandshake; }
  // Nothing more to say: close.
  bool over() const { return phase_ == Phase::kOver; }
  bool ready() const { return phase_ == Phase::kReady; }
  // A reply is owed to us.
  bool waiting() const { return !expected_.empty(); }
  // Why the connection is of no more use; empty when all is well.
  const std::string& fault() const { return fault_; }

 private:
  enum class Phase : uint8_t { kOpening, kHandshake, kReady, kQuitting, kOver };
  enum class Verb : uint8_t {
    kGreeting,
    kEhlo,
    kStartTls,
    kAuth,
    kMail,
    kRcpt,
    kData,
    kDot,
    kChunk,
    kRset,
    kQuit,
  };
  enum class Stage : uint8_t { kEmpty, kWaiting, kEnvelope, kContent };
  struct Slot {
    Stage stage = Stage::kEmpty;
    BlastMessage message;
    size_t answered = 0;  // recipients
    std::vector<std::string> accepted;
    std::vector<std::string> rcpt_refusals;
    std::string refusal;
    Instant sent = kNever;
  };
  struct Expected {
    Verb verb;
    uint8_t slot;
  };
  struct Reply {
    int code = 0;
    std::string_view text;  // of the last line, code included
  };

  void Command(std::string_view verb, std::string_view argument, Verb expected, uint8_t slot = 0);
  void TakeLine(std::string_view line, Instant now);
  void OnReply(Reply reply, Instant now);
  void OnSetupReply(Verb verb, Reply reply);
  void OnMail(uint8_t slot, Reply reply);
  void OnRcpt(uint8_t slot, Reply reply);
  void OnData(uint8_t slot, Reply reply);
  void OnContent(Verb verb, uint8_t slot, Reply reply, Instant now);
  void Begin(uint8_t slot);
  void SendRcpt(uint8_t slot, size_t index);
  void SendContent(uint8_t slot);
  void SendChunk(uint8_t slot);
  void PutContent(uint8_t slot, std::string_view body);
  void AfterEnvelope(uint8_t slot);
  void Reset(uint8_t slot);
  void Finish(uint8_t slot, BlastResult::Outcome outcome, std::string_view reply, Instant now);
  void GoOn();
  void Fail(std::string fault);

  uint8_t other(uint8_t slot) const { return uint8_t(1 - slot); }
  bool pipelined() const { return manner_.pipelining && offers_pipelining_; }
  bool chunked() const { return manner_.bdat && offers_chunking_; }

  const BlastManner& manner_;
  Phase phase_ = Phase::kOpening;
  bool quit_asked_ = false;
  bool in_tls_ = false;
  bool offers_pipelining_ = false;
  bool offers_chunking_ = false;
  bool offers_starttls_ = false;
  std::deque<Expected> expected_;
  std::array<Slot, 2> slots_;
  uint8_t current_ = 0;  // the older of the two
  std::deque<BlastResult> results_;
  std::string fault_;

  // Output: commands, then at most one content, then commands.
  std::string before_;
  std::string head_;
  std::string_view body_;
  std::string after_;
  bool content_out_ = false;
  size_t consumed_ = 0;

  std::string partial_;  // of a reply line
  size_t reply_octets_ = 0;
};

}  // namespace sluice::tools

#endif  // SLUICE_TOOLS_BLAST_BLAST_SESSION_H_
