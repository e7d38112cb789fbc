// smtp/client_session.h — one SMTP client conversation, without a socket.
//
// PURPOSE   Turns transactions into command bytes and reply bytes into outcomes.
// NOT HERE  Sockets, TLS records, DNS, choice of host (engine/delivery), meaning of an outcome for
//           a recipient (engine/delivery/verdict.h).
// FLOW      OnConnected, OnBytes, OnWritten, OnTlsReady, OnLost, OnDeadline, Begin, Quit
//             -> Output() + NextEvent() + deadline(); the driver pulls all three after each input.
// PIPELINING Every command sent is in pending_ until exactly one reply, or the end, removes it.
//           With PIPELINING offered MAIL, RCPT and DATA (or BDAT with its content) leave in one
//           flight, without it one command waits for the other; nothing else differs.
// CONTENT   BDAT is used when CHUNKING is offered and the content is at most kOneFlightBytes: it
//           saves the round trip of DATA. What a refusal wastes is bounded by that size.
// DEADLINES One in total per reply, from the moment it is the next to come and its command has
//           left; while the peer does not read, ClientTimeouts::block from the last progress.
// LIFETIME  Borrows Transaction and ContentSource from Begin() to the kTransactionDone event.
// THREADS   Confined to the loop that owns it.
// TESTS     tests/smtp/client_session_test.cc, tests/fuzz/fuzz_smtp_client_session.cc

#ifndef SLUICE_SMTP_CLIENT_SESSION_H_
#define SLUICE_SMTP_CLIENT_SESSION_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/time.h"
#include "smtp/capabilities.h"
#include "smtp/client_rules.h"
#include "smtp/content_source.h"
#include "smtp/reply.h"

namespace sluice::smtp {

// Octets of a reply's text that an outcome keeps.
inline constexpr size_t kOutcomeTextMax = 512;
// Commands sent and not yet answered. Bounds what a silent server can make us queue.
inline constexpr size_t kPipelineDepthMax = 128;
// Content sent ahead of the replies to RCPT.
inline constexpr uint64_t kOneFlightBytes = uint64_t(64) << 10;

// RFC 5321 4.5.3.2; `quit` is ours.
struct ClientTimeouts {
  Duration banner;
  Duration ehlo;
  Duration mail;
  Duration rcpt;
  Duration data;
  Duration block;
  Duration dot;
  Duration quit;
  Duration starttls;
};

struct ClientOptions {
  std::string ehlo;  // our name
  ClientTimeouts timeouts;
  bool use_tls = false;        // say STARTTLS when it is offered
  bool one_at_a_time = false;  // as if PIPELINING and CHUNKING were not offered
};

enum class DsnReturn : uint8_t { kUnset, kFull, kHeaders };

// Of ClientRecipient::notify, RFC 3461 4.1; none: no NOTIFY parameter.
enum TellBits : uint8_t { kTellNever = 1, kTellSuccess = 2, kTellFailure = 4, kTellDelay = 8 };

struct ClientRecipient {
  std::string_view address;
  std::string_view orcpt;  // as given, "rfc822;..."
  uint8_t notify = 0;
};

// One envelope. The caller has looked at capabilities(): SIZE, 8BITMIME and SMTPUTF8 suffice.
struct Transaction {
  std::string_view sender;  // empty: <>
  std::string_view envid;
  DsnReturn ret = DsnReturn::kUnset;
  bool eight_bit = false;  // BODY=8BITMIME
  bool utf8 = false;       // SMTPUTF8
  std::span<const ClientRecipient> recipients;
};

enum class ClientFault : uint8_t {
  kNone,      // a reply decided
  kLost,      // connection ended
  kTimeout,   // a reply, or the peer's reading, took too long
  kProtocol,  // garbage, too long, unsolicited
  kContent,   // the content could not be read to its end
  kAborted,   // by us
};

// What became of one recipient, or of the session as a whole.
struct ClientOutcome {
  ClientVerb verb = ClientVerb::kGreeting;  // what was being answered, or waited for
  ClientFault fault = ClientFault::kNone;
  uint16_t code = 0;
  std::string enhanced;
  std::string text;  // cleaned, at most kOutcomeTextMax
  // All content had left and no reply to it came: the receiver may have taken it.
  bool after_content = false;
  // No fault of the transaction: the connection ended before any reply to it, or BDAT was not
  // understood and has to be DATA.
  bool untried = false;
};

enum class ClientEvent : uint8_t {
  kStartTls,         // the driver starts the handshake, then calls OnTlsReady
  kReady,            // extensions are known; Begin or Quit
  kTransactionDone,  // outcomes() tell; ready again unless kClosed follows
  kClosed,           // the last one: close the connection; end() tells why
};

class ClientSession {
 public:
  explicit ClientSession(ClientOptions options);

  // ---- inputs ----
  void OnConnected(Instant now);
  void OnBytes(std::string_view bytes, Instant now);
  // `count` octets of Output() were taken by the stream.
  void OnWritten(size_t count, Instant now);
  void OnTlsReady(Instant now);
  // The peer closed, or the connection broke.
  void OnLost(Instant now);
  // Call when deadline() has passed.
  void OnDeadline(Instant now);
  // REQUIRES: ready().
  void Begin(const Transaction& transaction, ContentSource& content, Instant now);
  // REQUIRES: ready().
  void Quit(Instant now);
  // Ends the session at once: open recipients get kAborted.
  void Abort();

  // ---- outputs ----
  // What to write next, all of it in order; empty: nothing now. Valid until the next call.
  std::span<const std::string_view> Output(Instant now);
  std::optional<ClientEvent> NextEvent();
  Instant deadline() const;

  // No transaction runs and one may begin.
  bool ready() const { return state_ == State::kReady; }
  bool closed() const { return state_ == State::kClosed; }
  const Capabilities& capabilities() const { return capabilities_; }
  // By recipient, after kTransactionDone until the next Begin.
  std::span<const ClientOutcome> outcomes() const { return {outcomes_.data(), outcome_count_}; }
  // After kClosed.
  const ClientOutcome& end() const { return end_; }
  // STARTTLS was refused in words and the session went on in clear.
  bool tls_refused() const { return tls_refused_; }
  // CHUNKING was offered, BDAT not understood; the session goes on with DATA.
  bool chunking_refused() const { return chunking_refused_; }
  // Transactions begun.
  uint32_t transactions() const { return transactions_; }

 private:
  enum class State : uint8_t {
    kFresh,
    kOpening,
    kHandshake,
    kReady,
    kTransaction,
    kQuitting,
    kClosed
  };
  // What the running transaction sends next.
  enum class Next : uint8_t { kRset, kMail, kRcpt, kContentCommand, kContent, kNothing };
  enum class RcptState : uint8_t { kOpen, kAccepted, kDecided };

  struct Pending {
    ClientVerb verb;
    uint32_t recipient;
    uint64_t begin;  // the command's octets in the stream of all our output
    uint64_t end;
  };

  void TakeReply(const Reply& reply, Instant now);
  void Perform(Act act, const Pending& answered, const Reply& reply, Instant now);
  bool IsPremature(const Pending& head, const Reply& reply) const;
  void Learn(ClientVerb verb, const Reply& reply, Instant now);
  void RefuseSender(const Reply& reply);
  void AnswerRcpt(uint32_t recipient, bool accepted, const Reply& reply);
  void StartContent(Instant now);
  void DecideContent(ClientVerb verb, const Reply& reply);
  // The reply counts for every recipient that was accepted.
  void DecideAccepted(ClientVerb verb, const Reply& reply, bool untried);
  void BecomeReady();

  void Pump(Instant now);
  bool PumpOne(Instant now);
  bool PumpContentCommand(Instant now);
  void FinishTransaction();
  void AppendMail();
  void AppendRcpt(const ClientRecipient& recipient);
  void Say(std::string_view command, std::string_view argument, ClientVerb verb, Instant now);
  // The command is what was added to out_ since it held `begin` octets.
  void Sent(ClientVerb verb, size_t begin, uint32_t recipient, Instant now);
  // The octets that content_ gives from now on are answered by one kContent reply.
  void ExpectContent(ContentSource::Framing framing, uint64_t begin);
  void RefillContent(Instant now);

  void Close(ClientFault fault, const Reply* reply);
  ClientOutcome Describe(ClientFault fault, const Reply* reply) const;
  Duration TimeoutOf(ClientVerb verb) const;
  bool has_pending() const { return pending_head_ < pending_.size(); }
  bool output_waits() const { return written_ < queued_; }

  const ClientOptions options_;
  State state_ = State::kFresh;
  Capabilities capabilities_;
  ReplyParser parser_;
  bool secure_ = false;
  bool tls_refused_ = false;
  bool chunking_refused_ = false;
  bool needs_rset_ = false;  // the last transaction left the server within one
  uint32_t transactions_ = 0;

  std::vector<Pending> pending_;  // first in, first answered, from pending_head_ on
  size_t pending_head_ = 0;
  Instant head_since_ = kNever;  // when pending_'s first became the next reply to come
  Instant progress_ = kNever;    // last octet taken while output waited
  Instant handshake_since_ = kNever;

  std::string out_;  // commands not yet taken, from out_taken_ on
  size_t out_taken_ = 0;
  std::vector<std::string_view> slices_;  // content behind them, from slice_ on
  size_t slice_ = 0;
  std::vector<std::string_view> gathered_;
  uint64_t queued_ = 0;   // octets of output put in line since the beginning
  uint64_t written_ = 0;  // of those, taken by the stream

  // The running transaction.
  Transaction transaction_;
  ContentSource* content_ = nullptr;
  Next next_ = Next::kNothing;
  uint32_t next_recipient_ = 0;
  uint32_t accepted_ = 0;
  bool sender_refused_ = false;
  bool chunked_ = false;       // BDAT, else DATA
  bool content_left_ = false;  // all of it is in line
  uint64_t content_octets_ = 0;
  bool content_cut_ = false;  // refused while under way
  bool reply_seen_ = false;
  std::vector<RcptState> rcpt_states_;
  std::vector<ClientOutcome> outcomes_;  // grows, is reused; outcome_count_ of them count
  size_t outcome_count_ = 0;

  std::vector<ClientEvent> events_;
  size_t event_head_ = 0;
  ClientOutcome end_;
};

}  // namespace sluice::smtp

#endif  // SLUICE_SMTP_CLIENT_SESSION_H_
