// A ClientSession driven by hand: what it sends is read as text, what the server says is fed in.

#ifndef SLUICE_TESTS_SMTP_CLIENT_TALK_H_
#define SLUICE_TESTS_SMTP_CLIENT_TALK_H_

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "smtp/client_session.h"
#include "smtp/content_encoder.h"

namespace sluice::smtp {

// What servers offer.
inline constexpr char kAll[] = "PIPELINING,SIZE 1000000,8BITMIME,SMTPUTF8,DSN,CHUNKING";
inline constexpr char kPipelining[] = "PIPELINING";
inline constexpr char kNone[] = "";

class StringSource final : public ContentSource {
 public:
  explicit StringSource(std::string text, bool in_memory = true)
      : text_(std::move(text)), in_memory_(in_memory) {}
  uint64_t size() const override { return text_.size(); }
  bool in_memory() const override { return in_memory_; }
  void Start(Framing framing) override {
    framing_ = framing;
    at_ = 0;
    encoder_ = {};
  }
  State Next(std::vector<std::string_view>& out) override {
    if (waiting) return State::kWait;
    if (failing && at_ > 0) return State::kFailed;
    const std::string_view piece = std::string_view(text_).substr(at_, batch);
    if (framing_ == Framing::kRaw) {
      out.push_back(piece);
      at_ += piece.size();
    } else {
      at_ += encoder_.Encode(piece, 1000, out);
    }
    if (at_ < text_.size()) return State::kMore;
    if (framing_ == Framing::kDots) encoder_.Finish(out);
    return State::kEnd;
  }

  bool waiting = false;
  bool failing = false;  // behind the first batch
  size_t batch = SIZE_MAX;

 private:
  std::string text_;
  bool in_memory_;
  Framing framing_ = Framing::kRaw;
  size_t at_ = 0;
  ContentEncoder encoder_;
};

inline ClientTimeouts TestTimeouts() {
  using std::chrono::seconds;
  return {.banner = seconds(1),
          .ehlo = seconds(2),
          .mail = seconds(3),
          .rcpt = seconds(4),
          .data = seconds(5),
          .block = seconds(6),
          .dot = seconds(7),
          .quit = seconds(8),
          .starttls = seconds(9)};
}

class ClientTalk {
 public:
  explicit ClientTalk(bool use_tls = false)
      : session({.ehlo = "me.example", .timeouts = TestTimeouts(), .use_tls = use_tls}) {
    envelope.sender = "a@b.example";
    session.OnConnected(now);
    Events();
  }

  // Greeting and EHLO with these extensions, up to ready.
  static ClientTalk Ready(std::string_view extensions) {
    ClientTalk talk;
    talk.Say("220 mx.example ESMTP\r\n");
    talk.Sent();
    std::string reply = "250-mx.example\r\n";
    while (!extensions.empty()) {
      const size_t end = std::min(extensions.find(','), extensions.size());
      reply.append("250-").append(extensions.substr(0, end)).append("\r\n");
      extensions.remove_prefix(std::min(end + 1, extensions.size()));
    }
    talk.Say(reply + "250 HELP\r\n");
    talk.Events();
    return talk;
  }

  void Say(std::string_view bytes) { session.OnBytes(bytes, now); }

  // Takes all output, at most `limit` octets of it.
  std::string Sent(size_t limit = SIZE_MAX) {
    std::string out;
    for (;;) {
      std::string round;
      for (const std::string_view slice : session.Output(now)) round.append(slice);
      round.resize(std::min(round.size(), limit - out.size()));
      if (round.empty()) return out;
      session.OnWritten(round.size(), now);
      out += round;
    }
  }

  // "ready done closed tls", in the order they came since the last call.
  std::string Events() {
    std::string out;
    while (const auto event = session.NextEvent()) {
      if (!out.empty()) out += ' ';
      switch (*event) {
        case ClientEvent::kStartTls:
          out += "tls";
          break;
        case ClientEvent::kReady:
          out += "ready";
          break;
        case ClientEvent::kTransactionDone:
          out += "done";
          break;
        case ClientEvent::kClosed:
          out += "closed";
          break;
      }
    }
    return out;
  }

  void Begin(std::vector<std::string> addresses, std::string text = "Subject: x\r\n\r\nhello\r\n") {
    source = StringSource(std::move(text));
    BeginWith(std::move(addresses));
  }
  void BeginWith(std::vector<std::string> addresses) {
    addresses_ = std::move(addresses);
    recipients_.clear();
    for (const std::string& address : addresses_) recipients_.push_back({address, "", 0});
    envelope.recipients = recipients_;
    session.Begin(envelope, source, now);
  }

  // One recipient's outcome: "kind code enhanced" such as "rcpt 550 5.1.1", "dot 250", "mail lost",
  // "dot timeout after-content", "mail lost untried".
  std::string Outcome(size_t i) const { return Text(session.outcomes()[i]); }
  std::string End() const { return Text(session.end()); }

  static std::string Text(const ClientOutcome& outcome) {
    static constexpr std::string_view kVerbs[] = {"greeting", "ehlo", "helo", "starttls", "mail",
                                                  "rcpt",     "data", "dot",  "rset",     "quit"};
    static constexpr std::string_view kFaults[] = {"",          " lost",    " timeout",
                                                   " protocol", " content", " aborted"};
    std::string out(kVerbs[size_t(outcome.verb)]);
    out += kFaults[size_t(outcome.fault)];
    if (outcome.code != 0) out += " " + std::to_string(outcome.code);
    if (!outcome.enhanced.empty()) out += " " + outcome.enhanced;
    if (outcome.after_content) out += " after-content";
    if (outcome.untried) out += " untried";
    return out;
  }

  void Pass(Duration time) { now += time; }

  Instant now{std::chrono::seconds(100)};
  ClientSession session;
  Transaction envelope;
  StringSource source{""};

 private:
  std::vector<std::string> addresses_;
  std::vector<ClientRecipient> recipients_;
};

}  // namespace sluice::smtp

#endif  // SLUICE_TESTS_SMTP_CLIENT_TALK_H_
