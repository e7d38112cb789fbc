// tools/sink/sink_session.cc — see sink_session.h.

#include "tools/sink/sink_session.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "engine/base/check.h"
#include "engine/base/text.h"
#include "tools/sink/sink_command.h"

namespace sluice::tools {
SinkStats::Domain& SinkStats::OfRecipient(std::string_view recipient) {
  const std::string_view domain = DomainOf(recipient);
  const auto found = domains.find(domain);
  if (found != domains.end()) return found->second;
  return domains[domains.size() < kDomainsMax ? std::string(domain) : std::string("other")];
}

SinkSession::SinkSession(const SinkPolicy& policy, SinkMemory& memory, SinkStats& stats,
                         MessageRecorder* recorder, SinkPeer peer)
    : policy_(policy),
      memory_(memory),
      stats_(stats),
      recorder_(recorder),
      peer_(std::move(peer)) {}

void SinkSession::Start(std::string_view refusal) {
  SinkStats::Add(stats_.connections, 1);
  if (!refusal.empty()) {
    SinkStats::Add(stats_.refused_connections, 1);
    Say(refusal);
    End(Wish::kClose);
    return;
  }
  if (ObeyRule(Stage::kConnect, peer_.peer)) {
    SinkStats::Add(stats_.refused_connections, 1);
    return;
  }
  Say(policy_.greeting());
}

void SinkSession::OnBytes(std::string_view in, Instant now, WallTime wall) {
  now_ = now;
  wall_ = wall;
  while (!in.empty() && state_ != State::kDeaf) {
    size_t used = 0;
    switch (state_) {
      case State::kCommand:
        used = TakeCommand(in);
        break;
      case State::kData:
        used = scanner_.Feed(in, KeepsMore() ? &content_ : nullptr);
        if (scanner_.done()) FinishContent(scanner_.size(), false);
        break;
      case State::kBdat:
        used = TakeBdat(in);
        break;
      case State::kDeaf:
        break;
    }
    CHECK(used <= in.size());
    in.remove_prefix(used);
  }
}

void SinkSession::OnTlsReady(std::string_view version) {
  SinkStats::Add(stats_.tls, 1);
  tls_ = version;
  helo_.clear();
  ForgetTransaction();
  state_ = State::kCommand;
  wish_ = Wish::kGoOn;
}

int SinkSession::TakeReplyCount() { return std::exchange(replies_, 0); }

// One command line, or what there is of it. A line that is whole in `in` is not copied.
size_t SinkSession::TakeCommand(std::string_view in) {
  const size_t lf = in.find('\n');
  const size_t used = lf == std::string_view::npos ? in.size() : lf + 1;
  std::string_view line = in.substr(0, std::min(lf, in.size()));
  if (too_long_ || partial_.size() + line.size() > kCommandMax) {
    too_long_ = lf == std::string_view::npos;
    partial_.clear();
    if (!too_long_) Say("500 5.5.2 Line too long\r\n");
    return used;
  }
  if (lf == std::string_view::npos || !partial_.empty()) {
    partial_.append(line);
    if (lf == std::string_view::npos) return used;
    line = partial_;
  }
  if (line.ends_with('\r')) line.remove_suffix(1);
  if (policy_.options().no_pipelining && used < in.size()) SinkStats::Add(stats_.early_talk, 1);
  RunCommand(line);
  partial_.clear();
  return used;
}

void SinkSession::RunCommand(std::string_view line) {
  std::string_view argument = line;
  const Verb verb = VerbOf(TakeWord(argument));
  argument = Trim(argument);
  switch (verb) {
    case Verb::kEhlo:
      return Ehlo(argument, true);
    case Verb::kHelo:
      return Ehlo(argument, false);
    case Verb::kMail:
      return Mail(argument);
    case Verb::kRcpt:
      return Rcpt(argument);
    case Verb::kData:
      return Data();
    case Verb::kBdat:
      return Bdat(argument);
    case Verb::kRset:
      ForgetTransaction();
      return Say("250 2.0.0 Ok\r\n");
    case Verb::kNoop:
      return Say("250 2.0.0 Ok\r\n");
    case Verb::kQuit:
      Say("221 2.0.0 Bye\r\n");
      return End(Wish::kClose);
    case Verb::kStartTls:
      return StartTls();
    case Verb::kVrfy:
      return Say("252 2.0.0 Cannot verify\r\n");
    case Verb::kExpn:
    case Verb::kUnknown:
      return Say("502 5.5.1 Command not implemented\r\n");
  }
}

void SinkSession::Ehlo(std::string_view argument, bool extended) {
  if (extended && policy_.options().ehlo_off) return Say("502 5.5.1 Command not implemented\r\n");
  if (ObeyRule(Stage::kEhlo, argument)) return;
  helo_ = argument;
  ForgetTransaction();
  Say(extended ? policy_.ehlo_reply(!tls_.empty()) : policy_.helo_reply());
}

void SinkSession::StartTls() {
  if (!policy_.has_tls() || !tls_.empty()) return Say("502 5.5.1 Command not implemented\r\n");
  Say("220 2.0.0 Ready to start TLS\r\n");
  End(Wish::kStartTls);
}

void SinkSession::Mail(std::string_view argument) {
  if (helo_.empty()) return Say("503 5.5.1 EHLO first\r\n");
  if (has_sender_) return Say("503 5.5.1 Nested MAIL\r\n");
  const auto path = ParsePath(argument, "FROM:");
  if (!path) return Say("501 5.5.4 Syntax: MAIL FROM:<address>\r\n");
  const int64_t most = policy_.options().max_messages_per_connection;
  if (most > 0 && transactions_ >= most) {
    Say("421 4.7.0 Too many messages on this connection\r\n");
    return End(Wish::kClose);
  }
  if (!CheckParameters(path->params, true)) return;
  if (ObeyRule(Stage::kMail, path->address)) return SinkStats::Add(stats_.refused, 1);
  has_sender_ = true;
  sender_ = path->address;
  mail_params_ = path->params;
  Say("250 2.1.0 Ok\r\n");
}

void SinkSession::Rcpt(std::string_view argument) {
  if (!has_sender_) return Say("503 5.5.1 MAIL first\r\n");
  const auto path = ParsePath(argument, "TO:");
  if (!path || path->address.empty()) return Say("501 5.5.4 Syntax: RCPT TO:<address>\r\n");
  if (!CheckParameters(path->params, false)) return;
  const size_t set = policy_.options().max_recipients > 0 ? size_t(policy_.options().max_recipients)
                                                          : kRecipientsMax;
  if (recipient_count_ >= std::min(set, kRecipientsMax))
    return Say("452 4.5.3 Too many recipients\r\n");
  const std::string_view address = path->address;
  const ReplyRule* rule = policy_.Find(Stage::kRcpt, address, memory_);
  const bool grey = rule == nullptr && policy_.Greylisted(sender_, address, memory_, now_);
  if (rule != nullptr || grey) {
    SinkStats::Add(stats_.refused, 1);
    if (grey) SinkStats::Add(stats_.greylisted, 1);
    ++stats_.OfRecipient(address).refused;
    if (rule != nullptr) return Obey(*rule);
    return Say("451 4.7.1 Greylisted, please try again later\r\n");
  }
  if (recipients_.size() == recipient_count_) {
    recipients_.emplace_back();
    rcpt_params_.emplace_back();
  }
  recipients_[recipient_count_] = address;
  rcpt_params_[recipient_count_] = path->params;
  ++recipient_count_;
  Say("250 2.1.5 Ok\r\n");
}

void SinkSession::Data() {
  if (!has_sender_) return Say("503 5.5.1 MAIL first\r\n");
  if (recipient_count_ == 0) return Say("554 5.5.1 No valid recipients\r\n");
  if (chunked_size_ > 0) return Say("503 5.5.1 BDAT was begun\r\n");
  if (ObeyRule(Stage::kData, recipients_[0])) {
    RefuseMessage();
    return ForgetTransaction();
  }
  scanner_.Reset();
  content_.clear();
  state_ = State::kData;
  Say("354 End data with <CR><LF>.<CR><LF>\r\n");
}

void SinkSession::Bdat(std::string_view argument) {
  if (policy_.options().no_chunking) return Say("502 5.5.1 Command not implemented\r\n");
  const auto size = ParseSize(TakeWord(argument));
  const std::string_view last = Trim(argument);
  if (!size || (!last.empty() && !EqualsNoCase(last, "LAST"))) {
    // Where its octets end is not known: what follows cannot be told from commands.
    Say("501 5.5.4 Syntax: BDAT size [LAST]\r\n");
    return End(Wish::kClose);
  }
  chunk_left_ = *size;
  chunk_last_ = !last.empty();
  chunk_skipped_ = !has_sender_ || recipient_count_ == 0;
  state_ = State::kBdat;
  if (chunk_left_ == 0) TakeBdat({});
}

size_t SinkSession::TakeBdat(std::string_view in) {
  const size_t used = size_t(std::min<uint64_t>(uint64_t(chunk_left_), in.size()));
  chunk_left_ -= int64_t(used);
  if (!chunk_skipped_) {
    chunked_size_ += int64_t(used);
    if (KeepsMore()) content_.append(in.substr(0, used));
  }
  if (chunk_left_ > 0) return used;
  state_ = State::kCommand;
  if (chunk_skipped_) {
    Say("503 5.5.1 MAIL and RCPT first\r\n");
  } else if (chunk_last_) {
    FinishContent(chunked_size_, true);
  } else {
    Say("250 2.0.0 Ok\r\n");
  }
  return used;
}

void SinkSession::FinishContent(int64_t size, bool chunked) {
  state_ = State::kCommand;
  ++transactions_;
  SinkStats::Add(stats_.octets, size);
  if (!chunked) SinkStats::Add(stats_.bare_lf, scanner_.bare_lf());
  char id[40] = {'S'};
  char* end = std::to_chars(id + 1, id + sizeof id, peer_.connection, 16).ptr;
  *end++ = '-';
  end = std::to_chars(end, id + sizeof id, ++serial_).ptr;
  const std::string_view id_text(id, size_t(end - id));

  const ReplyRule* rule = policy_.Find(Stage::kDot, recipients_[0], memory_);
  if (size > policy_.options().max_size) {
    RefuseMessage();
    Say("552 5.3.4 Message too big\r\n");
  } else if (rule != nullptr) {
    if (rule->act == ReplyRule::Act::kDrop) {
      SinkStats::Add(stats_.dropped, 1);
      AcceptContent(id_text, "dropped", chunked);
    } else {
      RefuseMessage();
    }
    Obey(*rule);
  } else if (!AcceptContent(id_text, "accepted", chunked)) {
    RefuseMessage();
    Say("452 4.3.1 Cannot record the message\r\n");
  } else {
    SinkStats::Add(stats_.messages, 1);
    SinkStats::Add(stats_.recipients, int64_t(recipient_count_));
    for (size_t i = 0; i < recipient_count_; ++i) ++stats_.OfRecipient(recipients_[i]).recipients;
    output_.append("250 2.0.0 Ok: queued as ").append(id_text).append("\r\n");
    ++replies_;
  }
  ForgetTransaction();
}

// One read beyond the largest message at most is kept of what will be refused.
bool SinkSession::KeepsMore() const {
  return policy_.keeps_content() && int64_t(content_.size()) <= policy_.options().max_size;
}

bool SinkSession::AcceptContent(std::string_view id, std::string_view outcome, bool chunked) {
  if (recorder_ == nullptr) return true;
  ReceivedMessage message;
  message.outcome = outcome;
  message.id = id;
  message.peer = peer_.peer;
  message.local = peer_.local;
  message.helo = helo_;
  message.tls = tls_;
  message.sender = sender_;
  message.mail_params = mail_params_;
  message.recipients = &recipients_;
  message.rcpt_params = &rcpt_params_;
  message.recipient_count = recipient_count_;
  message.chunked = chunked;
  message.connection = peer_.connection;
  message.transaction = transactions_;
  message.bare_lf = chunked ? 0 : scanner_.bare_lf();
  message.content = content_;
  message.time = wall_;
  return recorder_->Record(message);
}

// Only what was offered may be used.
bool SinkSession::CheckParameters(std::string_view params, bool of_mail) {
  const SinkOptions& options = policy_.options();
  while (true) {
    const std::string_view word = TakeWord(params);
    if (word.empty()) return true;
    const std::string_view name = word.substr(0, word.find('='));
    const std::string_view value =
        word.size() > name.size() ? word.substr(name.size() + 1) : std::string_view();
    bool known = false;
    if (of_mail && EqualsNoCase(name, "SIZE")) {
      known = !options.no_size;
      const auto size = ParseSize(value);
      if (known && size && *size > options.max_size) {
        Say("552 5.3.4 Message too big\r\n");
        return false;
      }
    } else if (of_mail && EqualsNoCase(name, "BODY")) {
      known = !options.no_8bitmime;
    } else if (of_mail && EqualsNoCase(name, "SMTPUTF8")) {
      known = !options.no_smtputf8;
    } else if (of_mail && (EqualsNoCase(name, "RET") || EqualsNoCase(name, "ENVID"))) {
      known = !options.no_dsn;
    } else if (!of_mail && (EqualsNoCase(name, "NOTIFY") || EqualsNoCase(name, "ORCPT"))) {
      known = !options.no_dsn;
    }
    if (known) continue;
    Say("555 5.5.4 Parameter not offered\r\n");
    return false;
  }
}

void SinkSession::Say(std::string_view reply) {
  output_.append(reply);
  ++replies_;
}

bool SinkSession::ObeyRule(Stage stage, std::string_view key) {
  const ReplyRule* rule = policy_.Find(stage, key, memory_);
  if (rule == nullptr) return false;
  Obey(*rule);
  return true;
}

void SinkSession::Obey(const ReplyRule& rule) {
  switch (rule.act) {
    case ReplyRule::Act::kReply:
      return Say(rule.reply);
    case ReplyRule::Act::kReplyAndClose:
      Say(rule.reply);
      return End(Wish::kClose);
    case ReplyRule::Act::kDrop:
      return End(Wish::kDrop);
    case ReplyRule::Act::kStall:
      return End(Wish::kStall);
  }
}

void SinkSession::RefuseMessage() {
  SinkStats::Add(stats_.refused, 1);
  for (size_t i = 0; i < recipient_count_; ++i) ++stats_.OfRecipient(recipients_[i]).refused;
}

void SinkSession::ForgetTransaction() {
  has_sender_ = false;
  recipient_count_ = 0;
  content_.clear();
  chunked_size_ = 0;
}

// Nothing more is read: what the peer sent behind this command is dropped.
void SinkSession::End(Wish wish) {
  state_ = State::kDeaf;
  wish_ = wish;
}

}  // namespace sluice::tools
