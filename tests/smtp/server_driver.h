// tests/smtp/server_driver.h — drives a ServerSession without a socket: says yes where it may,
// keeps what came in. Input can be fed whole or in pieces.

#ifndef SLUICE_TESTS_SMTP_SERVER_DRIVER_H_
#define SLUICE_TESTS_SMTP_SERVER_DRIVER_H_

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "smtp/server_session.h"

namespace sluice::smtp {

class ServerDriver final : public ContentSink {
 public:
  struct Message {
    std::string sender;
    std::vector<std::string> recipients;
    std::string content;
    friend bool operator==(const Message&, const Message&) = default;
  };

  explicit ServerDriver(ServerRules rules = Defaults()) : session(std::move(rules), *this) {}

  static ServerRules Defaults() {
    ServerRules rules;
    rules.hostname = "mta.test";
    rules.trusted = true;
    return rules;
  }

  void OnContent(std::string_view piece) override { content_ += piece; }

  // Feeds everything in pieces of `cut` octets; returns all that was said meanwhile. Batches counts
  // the outputs that were not empty.
  std::string Say(std::string_view bytes, size_t cut = SIZE_MAX) {
    std::string said;
    do {
      const size_t n = std::min(cut, bytes.size());
      const std::string piece(bytes.substr(0, n));  // so that reading beyond the cut shows
      bytes.remove_prefix(n);
      session.Feed(piece);
      Run();
      session.Keep();
      batches += session.output().empty() ? 0 : 1;
      said += session.output();
      session.ConsumeOutput(session.output().size());
    } while (!bytes.empty() && !session.waiting());
    return said;
  }

  ServerSession session;
  std::vector<Message> messages;
  int dropped = 0;
  int batches = 0;
  bool hold = false;  // leave questions unanswered
  Answer mail_refusal;
  Answer rcpt_refusal;
  Answer message_answer{250, "2.0.0", "Ok: queued as ID"};
  AuthVerdict verdict = AuthVerdict::kGood;
  bool temporary = false;
  std::vector<ServerSession::Login> logins;

 private:
  // Nobody who keeps the rules says good to a false proof.
  AuthVerdict VerdictOf(const ServerSession::Login& login) const {
    return login.scram && !login.proven && verdict == AuthVerdict::kGood ? AuthVerdict::kWrong
                                                                         : verdict;
  }
  void Run() {
    for (;;) {
      switch (session.Next()) {
        case ServerEvent::kNone:
          return;
        case ServerEvent::kStartTls:
          session.TlsStarted();
          break;
        case ServerEvent::kAuth:
          logins.push_back(session.login());
          if (!hold) session.AnswerAuth(VerdictOf(session.login()), temporary);
          break;
        case ServerEvent::kScram:
          if (!hold)
            session.AnswerScram(MakeScramKeys("secret", "salt of 16 octet", kScramIterationsMin),
                                "NONCE");
          break;
        case ServerEvent::kMail:
          if (mail_refusal.empty()) open_ = {session.mail().sender, {}, ""};
          if (!hold) session.AnswerMail(mail_refusal);
          break;
        case ServerEvent::kRcpt:
          if (rcpt_refusal.empty()) open_.recipients.push_back(session.rcpt().address);
          session.AnswerRcpt(rcpt_refusal);
          break;
        case ServerEvent::kContent:
          content_.clear();
          break;
        case ServerEvent::kMessage:
          open_.content = content_;
          if (message_answer.positive()) messages.push_back(open_);
          if (!hold) session.AnswerMessage(message_answer);
          break;
        case ServerEvent::kDropped:
          ++dropped;
          break;
        case ServerEvent::kClose:
          return;
      }
    }
  }

  Message open_;
  std::string content_;
};

}  // namespace sluice::smtp

#endif  // SLUICE_TESTS_SMTP_SERVER_DRIVER_H_
