#include "smtp/server_session.h"

#include <algorithm>
#include <array>
#include <utility>

#include "engine/base/check.h"
#include "engine/base/text.h"

namespace sluice::smtp {
namespace {

// Octets of an EHLO name we repeat in Received: RFC 5321 4.5.3.1.2.
constexpr size_t kHelloMax = 255;

bool IsHelloName(std::string_view name) {
  if (name.empty() || name.size() > kHelloMax || !IsUtf8(name)) return false;
  return std::none_of(name.begin(), name.end(), [](char c) {
    return (c >= 0 && c <= 32) || c == 127 || c == '(' || c == ')' || c == '<' || c == '>';
  });
}

}  // namespace

// One row a verb, in the order of Verb.
struct ServerSession::Rule {
  Verb verb;
  void (ServerSession::*run)(std::string_view arguments);
  bool before_tls;  // works on a TLS-only port before TLS is up
  bool idle;        // counts as doing nothing
};

const ServerSession::Rule ServerSession::kRules[] = {
    {Verb::kHelo, &ServerSession::OnHelo, true, true},
    {Verb::kEhlo, &ServerSession::OnEhlo, true, true},
    {Verb::kMail, &ServerSession::OnMail, false, false},
    {Verb::kRcpt, &ServerSession::OnRcpt, false, false},
    {Verb::kData, &ServerSession::OnData, false, false},
    {Verb::kBdat, &ServerSession::OnBdat, false, false},
    {Verb::kRset, &ServerSession::OnRset, false, true},
    {Verb::kNoop, &ServerSession::OnNoop, false, true},
    {Verb::kQuit, &ServerSession::OnQuit, true, false},
    {Verb::kVrfy, &ServerSession::OnVrfy, false, true},
    {Verb::kExpn, &ServerSession::OnExpn, false, true},
    {Verb::kHelp, &ServerSession::OnHelp, false, true},
    {Verb::kStartTls, &ServerSession::OnStartTls, true, false},
    {Verb::kAuth, &ServerSession::OnAuth, false, false},
    {Verb::kUnknown, &ServerSession::OnUnknown, true, false},
};

ServerSession::ServerSession(ServerRules rules, ContentSink& sink)
    : rules_(std::move(rules)), sink_(sink) {
  static_assert(std::size(kRules) == size_t(Verb::kCount));
}

// --- input and output ---

void ServerSession::Greet() {
  CHECK(output_.empty());
  output_ = "220 " + rules_.hostname + " ESMTP ready\r\n";
}

void ServerSession::Feed(std::string_view bytes) {
  CHECK(input_.empty());
  // Between STARTTLS and the handshake's end, and after the end, nothing is heard.
  if (phase_ == Phase::kTls || phase_ == Phase::kClosed) return;
  if (kept_.empty()) {
    input_ = bytes;
    return;
  }
  kept_ += bytes;
  input_ = kept_;
}

void ServerSession::Keep() {
  if (input_.empty()) {
    kept_.clear();
    if (kept_.capacity() > kAuthCommandMax) kept_.shrink_to_fit();
  } else {
    kept_ = std::string(input_);
  }
  input_ = {};
}

bool ServerSession::waiting() const { return phase_ >= Phase::kAuth && phase_ < Phase::kClosed; }

ServerEvent ServerSession::Next() {
  while (event_ == ServerEvent::kNone && !waiting() && Step()) {
  }
  return std::exchange(event_, ServerEvent::kNone);
}

void ServerSession::ConsumeOutput(size_t octets) {
  CHECK(octets <= output_.size());
  output_.erase(0, octets);
}

void ServerSession::Raise(ServerEvent event) {
  CHECK(event_ == ServerEvent::kNone);
  event_ = event;
}

// Works on one line or one run of content; false: needs more input.
bool ServerSession::Step() {
  switch (phase_) {
    case Phase::kData:
      return StepContent();
    case Phase::kChunk:
      return StepChunk();
    case Phase::kSwallow:
      return StepSwallow();
    case Phase::kCommand:
    case Phase::kLongLine:
    case Phase::kPlain:
    case Phase::kLoginUser:
    case Phase::kLoginPassword:
    case Phase::kScramFirst:
    case Phase::kScramLast:
    case Phase::kScramEnd:
    case Phase::kExternal: {
      std::string_view line;
      if (!TakeLine(line)) return false;
      if (phase_ == Phase::kCommand)
        OnCommand(line);
      else if (phase_ == Phase::kLongLine)
        OnLongLine();
      else
        OnAuthResponse(line);
      return true;
    }
    default:
      return false;
  }
}

size_t ServerSession::LineLimit(std::string_view line) const {
  if (phase_ != Phase::kCommand || StartsWithNoCase(line, "AUTH")) return kAuthCommandMax;
  const bool path = StartsWithNoCase(line, "MAIL") || StartsWithNoCase(line, "RCPT");
  return path ? kPathCommandMax : kCommandMax;
}

// Takes the next line, without its end, off the input; false: it is not whole yet. A line over its
// limit is swallowed as it comes and ends, empty, in kLongLine.
bool ServerSession::TakeLine(std::string_view& line) {
  const size_t lf = input_.find('\n');
  const size_t length = lf == std::string_view::npos ? input_.size() : lf + 1;
  if (phase_ != Phase::kLongLine && length > LineLimit(input_)) phase_ = Phase::kLongLine;
  if (lf == std::string_view::npos) {
    if (phase_ == Phase::kLongLine) input_ = {};
    return false;
  }
  line = input_.substr(0, lf);
  if (line.ends_with('\r'))
    line.remove_suffix(1);
  else
    ++bare_line_ends_;
  input_.remove_prefix(length);
  ++commands_;
  return true;
}

// --- replies ---

void ServerSession::Reply(uint16_t code, const char* enhanced, std::string_view text) {
  AppendAnswer(output_, code, enhanced, text);
}

void ServerSession::Fault(uint16_t code, const char* enhanced, std::string_view text) {
  Reply(code, enhanced, text);
  if (++errors_ <= rules_.errors_max || phase_ == Phase::kClosed) return;
  too_many_errors_ = true;
  End({421, "4.7.0", rules_.hostname + " Too many errors, closing"});
}

void ServerSession::Refuse(const Answer& answer) {
  if (++refusals_ > 2 * uint64_t(rules_.recipients_max))
    Fault(answer);
  else
    Reply(answer);
}

void ServerSession::CountIdle() {
  if (++idle_commands_ <= kIdleCommandsMax || phase_ == Phase::kClosed) return;
  too_many_errors_ = true;
  End({421, "4.7.0", rules_.hostname + " Too many commands without a message, closing"});
}

void ServerSession::End(const Answer& answer) {
  CHECK(answer.code == 421);
  if (phase_ == Phase::kClosed) return;
  Reply(answer);
  Close();
}

void ServerSession::Close() {
  transaction_ = content_begun_ = false;
  phase_ = Phase::kClosed;
  input_ = {};
  kept_.clear();
  event_ = ServerEvent::kClose;  // overrides a kDropped: the driver drops all with the session
}

void ServerSession::EndTransaction(bool tell) {
  if (transaction_ && tell) Raise(ServerEvent::kDropped);
  transaction_ = false;
  content_begun_ = false;
  recipients_ = 0;
}

// --- commands ---

void ServerSession::OnCommand(std::string_view line) {
  const CommandLine command = ParseCommandLine(line);
  const Rule& rule = kRules[size_t(command.verb)];
  DCHECK(rule.verb == command.verb);
  if (rules_.tls_first && !tls_ && !rule.before_tls) {
    Fault(530, "5.7.0", "Must issue a STARTTLS command first");
    return;
  }
  if (command.verb != Verb::kBdat) chunk_refused_ = false;
  (this->*rule.run)(command.arguments);
  if (rule.idle) CountIdle();
}

void ServerSession::OnHello(std::string_view name, bool extended) {
  name = name.substr(0, name.find_first_of(" \t"));
  if (!IsHelloName(name)) {
    Fault(501, "5.5.4", extended ? "Syntax: EHLO hostname" : "Syntax: HELO hostname");
    return;
  }
  EndTransaction(true);
  hello_ = name;
  esmtp_ = extended;
  if (extended)
    WriteExtensions();
  else
    output_ += "250 " + rules_.hostname + "\r\n";
}

void ServerSession::WriteExtensions() {
  output_ += "250-" + rules_.hostname + "\r\n";
  if (rules_.starttls && !tls_) output_ += "250-STARTTLS\r\n";
  if (rules_.tls_first && !tls_) {
    output_ += "250 ENHANCEDSTATUSCODES\r\n";
    return;
  }
  if (tls_ && rules_.role == ServerRole::kSubmission && !logged_in_) {
    output_ += rules_.scram ? "250-AUTH SCRAM-SHA-256 PLAIN LOGIN" : "250-AUTH PLAIN LOGIN";
    output_ += rules_.external_offered ? " EXTERNAL\r\n" : "\r\n";
  }
  output_ += "250-PIPELINING\r\n250-SIZE " + std::to_string(rules_.size_max) +
             "\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250-ENHANCEDSTATUSCODES\r\n250-CHUNKING\r\n"
             "250-DSN\r\n250 LIMITS RCPTMAX=" +
             std::to_string(rules_.recipients_max) + "\r\n";
}

// May this client begin a transaction? Answers it when not.
bool ServerSession::MayMail() {
  if (hello_.empty()) {
    Fault(503, "5.5.1", "Say EHLO first");
  } else if (transaction_) {
    Fault(503, "5.5.1", "A transaction is open already");
  } else if (rules_.role == ServerRole::kSubmission && !rules_.trusted && !logged_in_ &&
             !rules_.login_at_mail) {
    Fault(530, "5.7.0",
          rules_.starttls && !tls_ ? "Must issue a STARTTLS command first, then log in"
                                   : "Authentication required");
  } else {
    return true;
  }
  return false;
}

void ServerSession::OnMail(std::string_view arguments) {
  if (!MayMail()) return;
  auto mail = ParseMail(arguments, rules_.literals);
  if (!mail) {
    Fault(mail.error());
    return;
  }
  if (mail->size.value_or(0) > rules_.size_max) {
    RefuseMessage(
        {552, "5.3.4", "Message over the limit of " + std::to_string(rules_.size_max) + " octets"});
    return;
  }
  mail_ = std::move(*mail);
  phase_ = Phase::kMail;
  Raise(ServerEvent::kMail);
}

void ServerSession::AnswerMail(const Answer& refusal) {
  CHECK(phase_ == Phase::kMail);
  phase_ = Phase::kCommand;
  if (!refusal.empty()) {
    Refuse(refusal);
    return;
  }
  transaction_ = true;
  recipients_ = 0;
  Reply(250, "2.1.0", "Ok");
}

void ServerSession::OnRcpt(std::string_view arguments) {
  if (!transaction_ || content_begun_) {
    Fault(503, "5.5.1", transaction_ ? "Content has begun" : "Say MAIL first");
    return;
  }
  auto rcpt = ParseRcpt(arguments, {.utf8 = mail_.utf8, .literals = rules_.literals});
  if (!rcpt) {
    Refuse(rcpt.error());  // a bad address among many is the list's fault, not the client's
    return;
  }
  if (rules_.role == ServerRole::kInbound) {
    Refuse({550, "5.7.1", "Relaying denied"});
    return;
  }
  if (recipients_ >= rules_.recipients_max) {
    Refuse({452, "4.5.3", "Too many recipients"});
    return;
  }
  rcpt_ = std::move(*rcpt);
  phase_ = Phase::kRcpt;
  Raise(ServerEvent::kRcpt);
}

void ServerSession::AnswerRcpt(const Answer& refusal) {
  CHECK(phase_ == Phase::kRcpt);
  phase_ = Phase::kCommand;
  if (!refusal.empty()) {
    Refuse(refusal);
    return;
  }
  ++recipients_;
  Reply(250, "2.1.5", "Ok");
}

void ServerSession::OnRset(std::string_view) {
  EndTransaction(true);
  Reply(250, "2.0.0", "Ok");
}

void ServerSession::OnNoop(std::string_view) { Reply(250, "2.0.0", "Ok"); }

void ServerSession::OnQuit(std::string_view) {
  Reply(221, "2.0.0", "Bye");
  Close();
}

void ServerSession::OnVrfy(std::string_view) {
  Reply(252, "2.0.0", "Cannot verify, send some mail");
}

void ServerSession::OnExpn(std::string_view) { Fault(502, "5.5.1", "Not implemented"); }

void ServerSession::OnHelp(std::string_view) { Reply(214, "2.0.0", "See RFC 5321"); }

void ServerSession::OnLongLine() {
  phase_ = Phase::kCommand;
  Fault(500, "5.5.2", "Line too long");
}

void ServerSession::OnUnknown(std::string_view) { Fault(500, "5.5.2", "Command not recognised"); }

void ServerSession::OnStartTls(std::string_view arguments) {
  if (tls_) {
    Fault(503, "5.5.1", "TLS is up already");
  } else if (!rules_.starttls) {
    Fault(502, "5.5.1", "Not offered");
  } else if (!arguments.empty()) {
    Fault(501, "5.5.4", "STARTTLS takes no parameters");
  } else {
    Reply(220, "2.0.0", "Ready to start TLS");
    // Whatever came with it, and all that was said before, is forgotten (RFC 3207 4.2).
    EndTransaction(false);
    input_ = {};
    kept_.clear();
    hello_.clear();
    esmtp_ = false;
    phase_ = Phase::kTls;
    Raise(ServerEvent::kStartTls);
  }
}

void ServerSession::TlsStarted() {
  CHECK(phase_ == Phase::kTls || phase_ == Phase::kCommand);
  CHECK(!tls_);
  tls_ = true;
  phase_ = Phase::kCommand;
}

}  // namespace sluice::smtp
