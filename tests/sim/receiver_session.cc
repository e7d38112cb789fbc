#include "tests/sim/receiver_session.h"

#include <algorithm>
#include <utility>

#include "engine/base/check.h"
#include "engine/base/text.h"

namespace sluice::sim {
namespace {

constexpr size_t kLineMax = 4096;

// "<a@b> X=y" -> "a@b"; empty and false when there are no brackets.
bool PathOf(const std::string& rest, std::string& path, std::string& parameters) {
  const size_t open = rest.find('<');
  const size_t close = rest.find('>', open == std::string::npos ? 0 : open);
  if (open != 0 || close == std::string::npos) return false;
  path = rest.substr(1, close - 1);
  parameters = rest.substr(close + 1);
  return true;
}

std::string LocalPartOf(const std::string& address) {
  return address.substr(0, address.rfind('@'));
}

}  // namespace

ReceiverSession::ReceiverSession(Receiver& receiver, uint64_t id, io::Stream* stream)
    : receiver_(receiver), id_(id), stream_(stream), manners_(receiver.manners()) {
  if (receiver_.watch_ != nullptr) counted_ = receiver_.watch_->Begin(stream->peer().address);
}

void ReceiverSession::Ended() {
  closing_ = true;
  if (receiver_.watch_ != nullptr) receiver_.watch_->End(counted_);
}

void ReceiverSession::Greet() {
  if (manners_.connections > 0 && receiver_.open() > manners_.connections)
    return Answer(421, "4.7.0", "Too many connections", Then::kClose);
  if (Roll(manners_.greeting_4xx)) return Answer(421, "", "Try again later", Then::kClose);
  if (Roll(manners_.greeting_5xx)) return Answer(554, "", "No SMTP service here", Then::kClose);
  Answer(220, "", receiver_.host() + " ESMTP simulated");
}

// ---- speaking

void ReceiverSession::Answer(int code, std::string_view enhanced, std::string_view text,
                             Then then) {
  std::string line = std::to_string(code) + " ";
  if (manners_.enhanced && !enhanced.empty()) line.append(enhanced).append(" ");
  AnswerLines(line.append(text).append("\r\n"), then);
}

void ReceiverSession::AnswerLines(std::string lines, Then then) {
  CHECK(!busy_);
  busy_ = true;
  due_ = std::move(lines);
  if (Roll(manners_.garbage)) {
    due_ = Garbage();
    unconfirmed_.clear();  // the sender never learns of the 250
  }
  then_ = then;
  receiver_.Later(id_, receiver_.ReplyDelay(), &ReceiverSession::Speak);
}

std::string ReceiverSession::Garbage() {
  switch (receiver_.random_.Below(4)) {
    case 0:
      return "\x01\xff\xfe\x80\r\n";
    case 1:
      return "what did you say?\r\n";
    case 2:
      return "999 no such class\r\n";
    default:
      return "25\r\n";
  }
}

void ReceiverSession::Speak() {
  if (closing_ || stream_ == nullptr) return;
  CHECK(busy_);
  busy_ = false;
  if (!greeted_ && !in_.empty()) Blame("spoke before the greeting");
  if (greeted_ && !in_.empty() && !(extended_ && manners_.pipelining))
    Blame("did not wait for a reply: " + in_.substr(0, 20));
  if (then_ == Then::kData && !in_.empty()) Blame("sent more before the reply to DATA");
  if (then_ == Then::kTls && !in_.empty()) Blame("sent more before the reply to STARTTLS");
  greeted_ = true;
  // What was sent before the reply proves nothing about its reading.
  if (!in_.empty()) unconfirmed_.clear();
  out_.append(due_);
  Push();
  switch (std::exchange(then_, Then::kGoOn)) {
    case Then::kGoOn:
      break;
    case Then::kClose:
      hangs_ = manners_.waits_for_close;
      if (hangs_) return;
      Ended();
      stream_->Close();
      return;
    case Then::kData:
      mode_ = Mode::kData;
      break;
    case Then::kTls:
      in_.clear();
      tls_starting_ = true;
      stream_->StartTlsServer(receiver_.tls_);
      return;
  }
  Work();
}

void ReceiverSession::Push() {
  if (stream_ == nullptr || closing_ || out_.empty()) return;
  const size_t taken = stream_->Write(out_);
  out_.erase(0, taken);
}

void ReceiverSession::Blame(const std::string& what) {
  receiver_.mailroom_.Blame(receiver_.host(), what);
}

// ---- listening

void ReceiverSession::OnRead(std::string_view bytes) {
  if (closing_) return;
  in_.append(bytes);
  Work();
}

void ReceiverSession::OnTlsReady(const io::TlsInfo&) {
  tls_ = true;
  tls_starting_ = false;
  said_helo_ = extended_ = false;
  Reset();
}

void ReceiverSession::OnEof() {
  Ended();
  stream_->Close();
}

void ReceiverSession::OnClosed(const io::CloseInfo&) {
  stream_ = nullptr;
  Ended();
  receiver_.Retire(id_);
}

void ReceiverSession::Work() {
  while (!busy_ && !closing_ && !hangs_ && !tls_starting_ && greeted_) {
    if (mode_ == Mode::kData) {
      if (!TakeContent()) return;
      continue;
    }
    if (mode_ == Mode::kBdat) {
      if (!TakeBdat()) return;
      continue;
    }
    const size_t end = in_.find('\n');
    if (end == std::string::npos) {
      if (in_.size() > kLineMax) Blame("a command line without an end");
      return;
    }
    std::string line = in_.substr(0, end);
    in_.erase(0, end + 1);
    if (line.empty() || line.back() != '\r') {
      Blame("a command that ends in a bare LF");
    } else {
      line.pop_back();
    }
    OnCommand(line);
  }
}

void ReceiverSession::OnCommand(const std::string& line) {
  for (const size_t place : std::exchange(unconfirmed_, {})) receiver_.mailroom_.Confirm(place);
  if (line.size() > kLineMax) Blame("a command line over 4096 octets");
  if (Roll(manners_.hangs)) {
    hangs_ = true;
    return;
  }
  if (Roll(manners_.any_421)) return Answer(421, "4.3.2", "Shutting down", Then::kClose);
  if (manners_.pipelining && !in_.empty() && Roll(manners_.loses_pipelined)) in_.clear();
  const std::string verb = Lower(line.substr(0, line.find_first_of(" :")));
  if (verb == "ehlo" || verb == "helo") return OnEhlo(line, verb == "ehlo");
  if (verb == "quit") return Answer(221, "2.0.0", "Bye", Then::kClose);
  if (verb == "noop") return Answer(250, "2.0.0", "Ok");
  if (verb == "rset") {
    Reset();
    return Answer(250, "2.0.0", "Ok");
  }
  if (!said_helo_) {
    Blame("no EHLO before " + verb);
    return Answer(503, "5.5.1", "EHLO first");
  }
  if (verb == "starttls") return OnStartTls();
  if (StartsWithNoCase(line, "MAIL FROM:")) return OnMail(line.substr(10));
  if (StartsWithNoCase(line, "RCPT TO:")) return OnRcpt(line.substr(8));
  if (verb == "data") return OnData();
  if (verb == "bdat") return OnBdat(line.substr(std::min<size_t>(line.size(), 5)));
  Blame("unknown command " + line.substr(0, 40));
  Answer(500, "5.5.2", "Unknown command");
}

void ReceiverSession::OnEhlo(const std::string& line, bool extended) {
  if (line.size() < 6) Blame("a greeting without a name");
  Reset();
  if (extended && !manners_.esmtp) return Answer(500, "", "Command unrecognized");
  said_helo_ = true;
  extended_ = extended;
  if (!extended) return Answer(250, "", receiver_.host());
  std::vector<std::string> words = {receiver_.host()};
  if (manners_.pipelining) words.emplace_back("PIPELINING");
  if (manners_.size) words.push_back("SIZE " + std::to_string(manners_.size_limit));
  if (manners_.eight_bit) words.emplace_back("8BITMIME");
  if (manners_.smtputf8) words.emplace_back("SMTPUTF8");
  if (manners_.chunking) words.emplace_back("CHUNKING");
  if (manners_.dsn) words.emplace_back("DSN");
  if (manners_.enhanced) words.emplace_back("ENHANCEDSTATUSCODES");
  if (manners_.starttls && !tls_) words.emplace_back("STARTTLS");
  std::string lines;
  for (size_t i = 0; i < words.size(); ++i)
    lines.append(i + 1 < words.size() ? "250-" : "250 ").append(words[i]).append("\r\n");
  AnswerLines(std::move(lines), Then::kGoOn);
}

void ReceiverSession::OnStartTls() {
  if (!extended_ || !manners_.starttls || tls_) {
    Blame("STARTTLS where it was not offered");
    return Answer(503, "5.5.1", "Not now");
  }
  if (Roll(manners_.starttls_refused)) return Answer(454, "4.7.0", "TLS not available");
  Answer(220, "2.0.0", "Go ahead", Then::kTls);
}

// Parameters that were not offered are a fault of the sender.
void ReceiverSession::CheckParameters(const std::string& command, const std::string& rest) {
  size_t at = 0;
  while (at < rest.size()) {
    const size_t end = std::min(rest.find(' ', at), rest.size());
    const std::string word = rest.substr(at, end - at);
    at = end + 1;
    if (word.empty()) continue;
    const std::string name = Lower(word.substr(0, word.find('=')));
    const bool in_mail = command == "MAIL";
    const bool allowed =
        extended_ && ((in_mail && name == "size" && manners_.size) ||
                      (in_mail && name == "body" && manners_.eight_bit) ||
                      (in_mail && name == "smtputf8" && manners_.smtputf8) ||
                      (in_mail && (name == "ret" || name == "envid") && manners_.dsn) ||
                      (!in_mail && (name == "notify" || name == "orcpt") && manners_.dsn));
    if (!allowed) Blame(command + " with " + word + ", which was not offered");
    if (EqualsNoCase(word, "BODY=8BITMIME")) is_eight_bit_ = true;
  }
}

void ReceiverSession::OnMail(const std::string& rest) {
  std::string parameters;
  if (in_mail_) {
    Blame("MAIL within a transaction");
    return Answer(503, "5.5.1", "Nested MAIL");
  }
  if (manners_.messages > 0 && messages_ >= manners_.messages)
    return Answer(421, "4.7.0", "Too many messages on this connection", Then::kClose);
  if (!PathOf(rest, sender_, parameters)) {
    Blame("MAIL FROM:" + rest);
    return Answer(501, "5.5.4", "Syntax");
  }
  is_eight_bit_ = false;
  CheckParameters("MAIL", parameters);
  if (receiver_.IsOverRate())
    return Answer(421, "4.7.28", "Unusual rate of mail from you", Then::kClose);
  if (Roll(manners_.mail_4xx)) return Answer(451, "4.7.1", "Try again later");
  in_mail_ = true;
  ++receiver_.transactions_;
  Answer(250, "2.1.0", "Sender ok");
}

void ReceiverSession::OnRcpt(const std::string& rest) {
  std::string recipient;
  std::string parameters;
  // Pipelined behind a refused MAIL it is no fault.
  if (!in_mail_) return Answer(503, "5.5.1", "MAIL first");
  if (!PathOf(rest, recipient, parameters) || recipient.empty()) {
    Blame("RCPT TO:" + rest);
    return Answer(501, "5.5.4", "Syntax");
  }
  CheckParameters("RCPT", parameters);
  if (recipients_.size() >= manners_.recipients) return Answer(452, "4.5.3", "Too many recipients");
  const std::string local = LocalPartOf(recipient);
  if (local.starts_with("unknown")) return Answer(550, "5.1.1", "User unknown");
  if (local.starts_with("full")) return Answer(452, "4.2.2", "Mailbox full");
  if (receiver_.IsGreylisted(sender_, recipient))
    return Answer(450, "4.7.1", "Greylisted, try again in five minutes");
  if (Roll(manners_.rcpt_4xx)) return Answer(451, "4.2.1", "Mailbox busy");
  if (Roll(manners_.rcpt_5xx)) return Answer(550, "5.1.1", "No such user");
  recipients_.push_back(recipient);
  Answer(250, "2.1.5", "Recipient ok");
}

void ReceiverSession::OnData() {
  if (!in_mail_) return Answer(503, "5.5.1", "MAIL first");
  if (recipients_.empty()) return Answer(554, "5.5.1", "No valid recipients");
  if (Roll(manners_.data_4xx)) {
    Reset();
    return Answer(451, "4.3.0", "Try again later");
  }
  Answer(354, "", "Go ahead", Then::kData);
}

void ReceiverSession::Reset() {
  in_mail_ = false;
  is_eight_bit_ = false;
  sender_.clear();
  recipients_.clear();
  content_.clear();
}

}  // namespace sluice::sim
