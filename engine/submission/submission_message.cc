// What a session does about messages: the answers that the protocol machine asks for.

#include <algorithm>
#include <utility>

#include "engine/base/check.h"
#include "engine/submission/bulk_rules.h"
#include "engine/submission/envelope.h"
#include "engine/submission/submission_session.h"

namespace sluice::engine {
namespace {

bool IsAscii(std::string_view text) { return !smtp::Has8Bit(text); }

}  // namespace

// --- the envelope ---

// May the transaction begin? While there is no room the reply waits, kPaceFor at most: senders hold
// a refusal for a bounce (design part 1.5).
void SubmissionSession::PermitMail() {
  const Instant now = Now();
  const Status ready = listener_.parts_.intake.Ready();
  if (!ready && now < pace_until_) {
    if (now + kPaceFor == pace_until_) ++listener_.counters_.messages_paced;
    return;
  }
  pace_until_ = kNever;
  if (!ready) {
    session_.AnswerMail({452, "4.3.1", "No room for more mail, try again later"});
    return;
  }
  if (smtp::Answer refusal = listener_.parts_.intake.AdmitUser(user_ ? user_->name : "");
      !refusal.empty()) {
    session_.AnswerMail(std::move(refusal));
    return;
  }
  auto sender = StoredAddress(session_.mail().sender, session_.rules().hostname);
  if (!sender) {
    session_.AnswerMail({553, "5.1.8", "Sender domain: " + sender.error()});
    return;
  }
  sender_ = std::move(*sender);
  recipients_.clear();
  session_.AnswerMail({});
}

void SubmissionSession::AnswerRcpt() {
  const smtp::RcptCommand& rcpt = session_.rcpt();
  auto address = StoredAddress(rcpt.address, session_.rules().hostname);
  if (!address) {
    ++listener_.counters_.recipients_refused;
    session_.AnswerRcpt({550, "5.1.2", "Recipient domain: " + address.error()});
    return;
  }
  queue::Recipient& recipient = recipients_.emplace_back();
  recipient.address = std::move(*address);
  recipient.orcpt = rcpt.orcpt;
  recipient.notify = rcpt.notify;
  session_.AnswerRcpt({});
}

// --- the message ---

std::string SubmissionSession::FromClause() const {
  const std::string address =
      "[" + std::string(peer_.address.is_v4() ? "" : "IPv6:") + peer_.address.ToString() + "]";
  // A name that needs UTF-8 may not stand in an ASCII header.
  return (IsAscii(session_.hello()) ? session_.hello() : address) + " (" + address + ")";
}

// RFC 3848 and 6531.
std::string SubmissionSession::WithClause() const {
  if (!session_.esmtp()) return "SMTP";
  std::string with = session_.mail().utf8 ? "UTF8SMTP" : "ESMTP";
  if (session_.tls()) with += 'S';
  if (session_.logged_in()) with += 'A';
  return with;
}

void SubmissionSession::BeginContent() {
  const ShardContext& context = listener_.parts_.context;
  content_began_ = Now();
  Origin origin;
  origin.id = listener_.parts_.intake.NewId();
  origin.now = context.clock.Wall();
  origin.hostname = session_.rules().hostname;
  origin.from = FromClause();
  origin.with = WithClause();
  origin.tls = tls_;
  // Named only where it tells nobody about others.
  if (recipients_.size() == 1 && IsAscii(recipients_[0].address))
    origin.recipient = recipients_[0].address;
  origin.hops_max = context.config->limits.received_hops;
  origin.hash_body = HashOfNewMail(context);
  origin.bulk = ClassOf(user_);
  origin.unsubscribe =
      UnsubscribeOfNewMail(context, TenantName(user_), recipients_.size(), origin.id);
  builder_.Begin(std::move(origin), &context.bodies);
}

// A large message goes to disk while it arrives; when the disk is behind, the client waits.
void SubmissionSession::SpoolContent() {
  const bool large = builder_.header_done() && builder_.size() >= ContentSpool::kPiece;
  if (large && session_.content_open() && spool_.available() && !spool_.busy()) AppendToSpool();
  const bool behind = spool_.busy() && builder_.size() >= 2 * ContentSpool::kPiece;
  SetPaused(kPausedDisk, behind || spool_.ending());
}

bool SubmissionSession::SpoolForMemory() {
  // Less is not worth a file.
  constexpr size_t kLeast = size_t(16) << 10;
  if (spool_.busy() || !spool_.available()) return false;
  if (!builder_.header_done() || builder_.size() < kLeast) return false;
  AppendToSpool();
  return true;
}

void SubmissionSession::AppendToSpool() {
  spool_.Append(builder_.id(), builder_.TakePiece(), [this] { OnSpooled(); });
}

void SubmissionSession::OnSpooled() {
  if (stage_ == Stage::kClosing || session_.waiting()) return;
  active_ = Now();
  if (!spool_.status()) builder_.Discard();  // read to its end; the reply tells
  SpoolContent();
  SetDeadline();
}

void SubmissionSession::OnSpoolEnded() {
  if (stage_ == Stage::kClosing) return;
  active_ = Now();
  SpoolContent();
  SetDeadline();
}

void SubmissionSession::SubmitMessage() {
  smtp::Answer refusal = builder_.Finish();
  if (refusal.empty())
    refusal = CheckControlFields(*listener_.parts_.context.config, user_, builder_.header(),
                                 listener_.parts_.context.clock.Wall());
  if (!refusal.empty()) {
    ++listener_.counters_.messages_refused;
    DropMessage();
    session_.AnswerMessage(refusal);
    return;
  }
  // What is captured is not sent: no receiver judges its domain.
  const bool captured = user_ != nullptr && user_->deliver == config::User::Deliver::kCapture;
  const smtp::Answer no =
      captured ? smtp::Answer{} : listener_.parts_.intake.Admit(builder_.header().from_domain);
  if (!no.empty()) return RefuseSender(no);
  smtp::MailCommand mail = session_.mail();
  mail.sender = std::move(sender_);
  Submitted submitted{.mail = mail,
                      .recipients = std::move(recipients_),
                      .content = session_.content(),
                      .user = user_,
                      .now = listener_.parts_.context.clock.Wall(),
                      .peer = peer_.address.ToString()};
  listener_.counters_.bare_line_ends += session_.content().bare_line_ends;
  const uint64_t octets = session_.content().received;
  Accepted accepted = Assemble(std::move(submitted), builder_);
  refusal = PrepareSigning(listener_.parts_.context, user_, builder_, accepted);
  if (!refusal.empty()) return RefuseSender(refusal);
  if (spool_.active()) return SignSpooled(std::move(accepted), octets);
  DropMessage();
  Commit(std::move(accepted), octets);
}

// Not verified, not his, or nobody can sign for it. Most platforms drop what is refused: the
// operator must hear of it.
void SubmissionSession::RefuseSender(const smtp::Answer& refusal) {
  ++listener_.counters_.messages_refused;
  listener_.TellRefusal(FaultSender(), refusal);
  DropMessage();
  TellFaults();  // of what came before
  session_.AnswerMessage(refusal);
  faults_told_ = session_.message_faults();  // told as a refusal
}

// A large message lies in its file already: the signatures go into the room before it.
void SubmissionSession::SignSpooled(Accepted accepted, uint64_t octets) {
  if (!accepted.sign) return FinishSpool(std::move(accepted), octets, {});
  SignTask task = *std::exchange(accepted.sign, std::nullopt);
  queue::Signature signature = SignatureOf(task);
  listener_.parts_.context.signing->Sign(
      std::move(task), [listener = &listener_, self = self_, octets, signature,
                        accepted = std::move(accepted)](Result<std::string> fields) mutable {
        SubmissionSession* session = listener->sessions_.Get(self);
        if (session == nullptr || session->stage_ == Stage::kClosing) return;
        if (fields && fields->size() > queue::kBodyHeadroom)
          fields = Fail(ErrorCode::kInvalid, "the signatures are too long");
        if (!fields) {
          session->DropMessage();
          ++listener->counters_.messages_refused;
          return session->RefuseStoring(fields.error());
        }
        PutSignature(std::move(signature), fields->size(), accepted.message);
        session->FinishSpool(std::move(accepted), octets, *std::move(fields));
      });
}

void SubmissionSession::FinishSpool(Accepted accepted, uint64_t octets, std::string front) {
  Ref<const Body> rest = std::exchange(accepted.content, {});
  spool_.Finish(std::move(rest), std::move(front),
                [this, octets, accepted = std::move(accepted)]() mutable {
                  if (stage_ == Stage::kClosing) return;
                  const Status status = spool_.status();
                  if (status) accepted.file = spool_.Take();
                  DropMessage();
                  if (status) return Commit(std::move(accepted), octets);
                  ++listener_.counters_.messages_refused;
                  RefuseStoring(status.error());
                });
}

void SubmissionSession::Commit(Accepted accepted, uint64_t octets) {
  const MessageId id = accepted.message.id;
  const uint32_t recipients = accepted.message.recipients;
  accepted.wanted = [listener = &listener_, self = self_] {
    const SubmissionSession* session = listener->sessions_.Get(self);
    return session != nullptr && session->stage_ != Stage::kClosing;
  };
  listener_.parts_.intake.Submit(std::move(accepted), [listener = &listener_, self = self_, id,
                                                       recipients, octets](const Status& status) {
    if (SubmissionSession* session = listener->sessions_.Get(self))
      session->OnCommitted(status, id, recipients, octets);
  });
}

void SubmissionSession::OnCommitted(const Status& status, MessageId id, uint32_t recipients,
                                    uint64_t octets) {
  SubmissionCounters& counters = listener_.counters_;
  if (status) {
    ++counters.messages;
    counters.recipients += recipients;
    counters.content_bytes += octets;
  } else {
    ++counters.messages_refused;
  }
  if (stage_ == Stage::kClosing) return;
  if (status) {
    const bool plain = listener_.parts_.context.config->submission.queued_as_plain;
    session_.AnswerMessage({250, plain ? "" : "2.0.0", "Ok: queued as " + FormatMessageId(id)});
    active_ = Now();
    Feed({});  // the next command of a pipelining client; the reply leaves with its answers
  } else {
    RefuseStoring(status.error());
  }
}

void SubmissionSession::RefuseStoring(const Error& error) {
  session_.AnswerMessage(AnswerNotStored(error));
  active_ = Now();
  Feed({});
}

// Who is named when a message was refused.
std::string SubmissionSession::FaultSender() const {
  return user_ ? "user " + user_->name : "address " + peer_.address.ToString();
}

// Design 12.7: an alert, whichever code the client heard.
void SubmissionSession::TellFaults() {
  const uint64_t fresh = session_.message_faults() - faults_told_;
  if (fresh == 0) return;
  faults_told_ += fresh;
  listener_.TellFaults(FaultSender(), session_.last_message_fault(), fresh);
}

void SubmissionSession::DropMessage() {
  builder_.Reset();
  spool_.Drop();
  recipients_.clear();
  sender_.clear();
}

}  // namespace sluice::engine
