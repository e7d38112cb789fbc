// smtp/server_session.h — one SMTP conversation as the server, without a socket.
//
// PURPOSE   Bytes of a client in; replies, and a few events for the driver, out. All of protocol.md
//           1-9 but what needs time (the driver's) and the header (engine/submission).
// FLOW      Feed(bytes), then Next() until it says kNone, then Keep(); write output(). Some events
//           want an answer (Answer... below); until it comes Next() says kNone and waiting() is
//           true: stop reading. All replies of one input leave in one output().
// NOT HERE  Sockets, TLS, deadlines, users (engine/submission/submission_session.h).
// LIMITS    Keep() holds what two Feeds left at most, plus one command line.
// TESTS     tests/smtp/server_session_test.cc, tests/fuzz/fuzz_smtp_server_session.cc

#ifndef SLUICE_SMTP_SERVER_SESSION_H_
#define SLUICE_SMTP_SERVER_SESSION_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "smtp/answer.h"
#include "smtp/command.h"
#include "smtp/content_receiver.h"
#include "smtp/scram.h"

namespace sluice::smtp {

// Octets of a command line with its line end. RFC 5321 4.5.3.1.4.
inline constexpr size_t kCommandMax = 512;
// MAIL and RCPT: what SIZE, BODY, SMTPUTF8, AUTH, RET, ENVID, NOTIFY and ORCPT add (RFC 1870, 4954,
// 3461), rounded up.
inline constexpr size_t kPathCommandMax = 1'536;
inline constexpr size_t kAuthCommandMax = 4'096;
// NOOP, RSET, EHLO, VRFY ... since the last accepted message; then 421.
inline constexpr uint32_t kIdleCommandsMax = 500;

enum class ServerRole : uint8_t { kSubmission, kInbound };

struct ServerRules {
  std::string hostname;
  ServerRole role = ServerRole::kSubmission;
  bool starttls = false;   // offered until TLS is up
  bool tls_first = false;  // a clear-text session on a TLS-only port: only EHLO, STARTTLS, QUIT
  bool trusted = false;    // may relay without a login
  bool literals = false;   // user@[192.0.2.1]
  bool scram = false;      // SCRAM-SHA-256 is in the list of EHLO; it works all the same
  // Clients are asked for certificates: AUTH EXTERNAL is answered. Offered to those whose
  // certificate is a user's; these may also do without AUTH.
  bool external = false;
  bool external_offered = false;
  bool login_at_mail = false;  // kMail asks for LogIn() where nobody is logged in
  bool refuse_bare_line_ends = false;
  bool refuse_long_lines = false;
  uint64_t size_max = 52'428'800;
  uint32_t recipients_max = 1'000;
  uint32_t errors_max = 20;
};

enum class ServerEvent : uint8_t {
  kNone,
  kStartTls,  // after output(): start the handshake, then TlsStarted()
  kAuth,      // login() holds the question: AnswerAuth
  kScram,     // login().user wants to log in by SCRAM: AnswerScram, or AnswerAuth to refuse
  kMail,      // mail() is about to begin a transaction: AnswerMail, LogIn() before it if need be
  kRcpt,      // rcpt() is about to be added: AnswerRcpt
  kContent,   // the sink is about to get the content
  kMessage,   // the content is whole and sound: AnswerMessage
  kDropped,   // the transaction that kMail began ended without a message
  kClose,     // after output(): close
};

enum class AuthVerdict : uint8_t { kGood, kWrong, kBusy, kTooMany };

class ServerSession {
 public:
  // What the client wants to log in with.
  struct Login {
    std::string user;
    std::string password;
    // By SCRAM, instead of the password: was the proof good?
    bool scram = false;
    bool proven = false;
    // By EXTERNAL: as whom the certificate says; `user` is the one asked for, or empty.
    bool external = false;
  };

  // `sink` outlives the session.
  ServerSession(ServerRules rules, ContentSink& sink);
  ServerSession(const ServerSession&) = delete;
  ServerSession& operator=(const ServerSession&) = delete;

  void Greet();
  // `bytes` must live until Keep(). While waiting() they are only kept: feed no more than once
  // then. After an answer to what Next() asked, Feed({}) goes on with what was kept.
  void Feed(std::string_view bytes);
  ServerEvent Next();
  void Keep();

  void TlsStarted();
  // `why` stands in for the usual text of 535, where it helps nobody to guess.
  void AnswerAuth(AuthVerdict verdict, bool message_faults_temporary = false,
                  std::string_view why = {});
  void AnswerScram(ScramKeys keys, std::string_view nonce);
  // Without AUTH, at kMail.
  void LogIn(bool message_faults_temporary);
  // An empty answer accepts.
  void AnswerMail(const Answer& refusal);
  void AnswerRcpt(const Answer& refusal);
  // As it is to be sent; a 5xx becomes 451 for users who asked for that.
  void AnswerMessage(const Answer& answer);
  // A 421 of the driver's: time-out, shutdown, over a limit. Ends in kClose.
  void End(const Answer& answer);

  std::string_view output() const { return output_; }
  void ConsumeOutput(size_t octets);

  // An answer of the driver's is awaited.
  bool waiting() const;
  // Octets that Keep() kept: whole commands while an answer is awaited, else the begin of one.
  size_t kept() const { return kept_.size(); }
  bool in_content() const { return phase_ == Phase::kData || phase_ == Phase::kChunk; }
  // Content of a message has come and more is to come: between the chunks of BDAT, too.
  bool content_open() const { return content_begun_ && phase_ != Phase::kMessage; }
  bool in_transaction() const { return transaction_; }
  bool closed() const { return phase_ == Phase::kClosed; }
  bool tls() const { return tls_; }
  bool logged_in() const { return logged_in_; }
  bool esmtp() const { return esmtp_; }
  // Commands that were read whole so far: the driver's idle clock starts anew with each.
  uint64_t commands() const { return commands_; }
  // Commands that ended in a bare LF (protocol.md 3: taken, and noted).
  uint64_t bare_line_ends() const { return bare_line_ends_; }
  // Messages that were refused for a fault of their own (design 12.7), and the last of these
  // refusals, as it is without `message_faults_temporary`.
  uint64_t message_faults() const { return message_faults_; }
  const Answer& last_message_fault() const { return last_message_fault_; }
  bool too_many_errors() const { return too_many_errors_; }

  const ServerRules& rules() const { return rules_; }
  ServerRules& mutable_rules() { return rules_; }
  const std::string& hello() const { return hello_; }
  const Login& login() const { return login_; }
  const MailCommand& mail() const { return mail_; }
  const RcptCommand& rcpt() const { return rcpt_; }
  const ContentFacts& content() const { return receiver_.facts(); }

 private:
  enum class Phase : uint8_t {
    kCommand,
    kLongLine,   // the rest of a line over its limit is swallowed
    kPlain,      // the response to AUTH PLAIN
    kLoginUser,  // the responses to AUTH LOGIN
    kLoginPassword,
    kScramFirst,  // the messages of SCRAM, and the empty response to our last
    kScramLast,
    kScramEnd,
    kExternal,  // the response to AUTH EXTERNAL
    kData,
    kChunk,    // content of BDAT
    kSwallow,  // a chunk out of turn
    kTls,      // the handshake is under way
    kAuth,     // from here on: waiting for the driver
    kScram,
    kMail,
    kRcpt,
    kMessage,
    kClosed,
  };
  struct Rule;
  static const Rule kRules[];

  bool Step();
  bool TakeLine(std::string_view& line);
  size_t LineLimit(std::string_view line) const;
  void OnCommand(std::string_view line);
  void OnHello(std::string_view name, bool extended);
  void OnHelo(std::string_view arguments) { OnHello(arguments, false); }
  void OnEhlo(std::string_view arguments) { OnHello(arguments, true); }
  void OnMail(std::string_view arguments);
  void OnRcpt(std::string_view arguments);
  void OnData(std::string_view arguments);
  void OnBdat(std::string_view arguments);
  void OnRset(std::string_view arguments);
  void OnNoop(std::string_view arguments);
  void OnQuit(std::string_view arguments);
  void OnVrfy(std::string_view arguments);
  void OnExpn(std::string_view arguments);
  void OnHelp(std::string_view arguments);
  void OnStartTls(std::string_view arguments);
  void OnAuth(std::string_view arguments);
  void OnUnknown(std::string_view arguments);
  void OnLongLine();
  void WriteExtensions();
  bool MayMail();

  void OnAuthResponse(std::string_view line);
  void AskPlain(const std::string& decoded);
  void AskDriver();
  void OnScramFirst(std::string_view message);
  void OnScramLast(std::string_view message);
  void LoggedIn();

  bool StepContent();
  bool StepChunk();
  bool StepSwallow();
  void OnBadBdat(std::string_view arguments, const Answer& answer);
  void Swallow(uint64_t octets, const Answer& answer);
  void BeginContent(Phase phase);
  void EndOfChunk();
  void EndOfMessage();
  Answer ContentAnswer() const;
  void RefuseMessage(const Answer& answer);

  void Reply(uint16_t code, const char* enhanced, std::string_view text);
  void Reply(const Answer& answer) { Reply(answer.code, answer.enhanced, answer.text); }
  // A reply that counts against the error budget.
  void Fault(uint16_t code, const char* enhanced, std::string_view text);
  void Fault(const Answer& answer) { Fault(answer.code, answer.enhanced, answer.text); }
  // A reply that a client of many recipients or chunks may earn often without being at fault:
  // counts as one only beyond twice recipients_max since the last accepted message.
  void Refuse(const Answer& answer);
  void CountIdle();
  void Close();
  void EndTransaction(bool tell);
  void Raise(ServerEvent event);

  ServerRules rules_;
  ContentReceiver receiver_;
  ContentSink& sink_;

  Phase phase_ = Phase::kCommand;
  ServerEvent event_ = ServerEvent::kNone;
  std::string_view input_;  // borrowed from Feed, or from kept_
  std::string kept_;
  std::string output_;

  std::string hello_;
  bool esmtp_ = false;
  bool tls_ = false;
  bool logged_in_ = false;
  bool message_faults_temporary_ = false;
  bool too_many_errors_ = false;
  Login login_;
  std::unique_ptr<ScramExchange> scram_;  // while one is under way

  bool transaction_ = false;
  bool content_begun_ = false;  // until the message has its answer
  MailCommand mail_;
  RcptCommand rcpt_;
  uint32_t recipients_ = 0;
  uint64_t chunk_left_ = 0;
  uint64_t chunk_size_ = 0;
  bool chunk_last_ = false;
  bool chunk_refused_ = false;  // the last command was a chunk that was refused, more may follow it
  Answer swallow_answer_;       // after the swallowed chunk

  uint64_t commands_ = 0;
  uint64_t bare_line_ends_ = 0;
  uint64_t message_faults_ = 0;
  Answer last_message_fault_;
  uint32_t errors_ = 0;
  uint32_t refusals_ = 0;
  uint32_t idle_commands_ = 0;
};

}  // namespace sluice::smtp

#endif  // SLUICE_SMTP_SERVER_SESSION_H_
