#include "engine/submission/local_submission.h"

#include <algorithm>
#include <utility>

#include "config/users.h"
#include "engine/submission/envelope.h"
#include "smtp/address.h"

namespace sluice::engine {
namespace {

// "user" or "user@host" in stored form.
std::expected<std::string, std::string> LocalAddress(const std::string& text, bool literals,
                                                     const std::string& hostname) {
  const std::string full = text.contains('@') ? text : text + "@" + hostname;
  auto mailbox = smtp::ParseMailbox(full, {.utf8 = true, .literals = literals});
  if (!mailbox) return std::unexpected(std::string(smtp::Describe(mailbox.error())));
  return StoredAddress(*mailbox, hostname);
}

struct Asked {
  smtp::MailCommand mail;
  uint8_t notify = 0;
};

// Which reports are wanted. The words go through the parser of SMTP, so that nothing gets past here
// that could not have come over a session.
std::expected<Asked, smtp::Answer> ReportsAsked(const LocalMessage& local) {
  std::string mail = "FROM:<>";
  if (!local.ret.empty()) mail += " RET=" + local.ret;
  if (!local.envid.empty()) mail += " ENVID=" + local.envid;
  auto parsed_mail = smtp::ParseMail(mail, false);
  if (!parsed_mail) return std::unexpected(parsed_mail.error());
  std::string rcpt = "TO:<postmaster>";
  if (!local.notify.empty()) rcpt += " NOTIFY=" + local.notify;
  auto parsed_rcpt = smtp::ParseRcpt(rcpt, {});
  if (!parsed_rcpt) return std::unexpected(parsed_rcpt.error());
  return Asked{std::move(*parsed_mail), parsed_rcpt->notify};
}

const char* DescribeContent(smtp::ContentFault fault) {
  switch (fault) {
    case smtp::ContentFault::kNul:
      return "NUL octet in the message";
    case smtp::ContentFault::kLongLine:
      return "Line over 998 octets in the message";
    default:
      return "The message cannot be taken";
  }
}

Origin OriginOf(const ShardContext& context, const LocalMessage& local, const config::User* user,
                size_t recipients, MessageId id) {
  Origin origin;
  origin.id = id;
  origin.now = context.clock.Wall();
  origin.hostname = context.config->hostname;
  origin.from = "localhost (uid " + std::to_string(local.uid) + ")";
  origin.with = "local";
  origin.hops_max = context.config->limits.received_hops;
  origin.hash_body = HashOfNewMail(context);
  origin.bulk = ClassOf(user);
  origin.unsubscribe = UnsubscribeOfNewMail(
      context, user != nullptr ? TenantName(user) : local.tenant, recipients, id);
  return origin;
}

}  // namespace

smtp::Answer LocalSubmission::Begin(LocalMessage local) {
  local_ = std::move(local);
  user_ = config::FindUser(*config_, local_.user);
  if (const Status ready = intake_.Ready(); !ready)
    return {452, "4.3.1", "No room for more mail: " + ready.error().what};
  if (smtp::Answer refusal = intake_.AdmitUser(user_ ? user_->name : ""); !refusal.empty())
    return refusal;
  if (smtp::Answer refusal = TakeEnvelope(); !refusal.empty()) return refusal;
  builder_.Begin(OriginOf(context_, local_, user_, recipients_.size(), intake_.NewId()),
                 &context_.bodies);
  // Bare LF is how local text ends its lines: nothing to refuse.
  receiver_.Begin({.refuse_long_lines = config_->submission.refuse_long_lines,
                   .size_max = config_->limits.message_size},
                  &builder_);
  return {};
}

smtp::Answer LocalSubmission::TakeEnvelope() {
  if (local_.recipients.empty()) return {554, "5.5.1", "No recipients"};
  if (local_.recipients.size() > config_->limits.recipients)
    return {552, "5.5.3", "Too many recipients"};
  const bool literals = config_->submission.address_literals;
  auto asked = ReportsAsked(local_);
  if (!asked) return std::move(asked.error());
  mail_ = std::move(asked->mail);
  mail_.utf8 = true;  // stored as needed only
  if (!local_.sender.empty()) {
    auto sender = LocalAddress(local_.sender, literals, config_->hostname);
    if (!sender) return {501, "5.1.7", "Sender " + local_.sender + ": " + sender.error()};
    mail_.sender = std::move(*sender);
  }
  for (const std::string& text : local_.recipients) {
    auto address = LocalAddress(text, literals, config_->hostname);
    if (!address) return {501, "5.1.3", "Recipient " + text + ": " + address.error()};
    queue::Recipient& recipient = recipients_.emplace_back();
    recipient.address = std::move(*address);
    recipient.notify = asked->notify;
  }
  return {};
}

void LocalSubmission::Receive(std::string_view text) {
  receiver_.Chunk(text);
  receiver_.Finish();
}

smtp::Answer LocalSubmission::ContentRefusal() {
  const smtp::ContentFacts& facts = receiver_.facts();
  if (facts.fault == smtp::ContentFault::kTooLarge)
    return {
        552, "5.3.4",
        "Message over the limit of " + std::to_string(config_->limits.message_size) + " octets"};
  if (facts.fault != smtp::ContentFault::kNone) return {550, "5.6.0", DescribeContent(facts.fault)};
  if (smtp::Answer refusal = builder_.Finish(); !refusal.empty()) return refusal;
  if (smtp::Answer refusal =
          CheckControlFields(*config_, user_, builder_.header(), context_.clock.Wall());
      !refusal.empty())
    return refusal;
  // What is captured is not sent: no receiver judges its domain.
  const bool captured = user_ != nullptr && user_->deliver == config::User::Deliver::kCapture;
  return captured ? smtp::Answer{} : intake_.Admit(builder_.header().from_domain);
}

std::expected<Accepted, smtp::Answer> LocalSubmission::Finish() {
  if (smtp::Answer refusal = ContentRefusal(); !refusal.empty())
    return std::unexpected(std::move(refusal));
  Accepted accepted = Assemble({.mail = mail_,
                                .recipients = std::move(recipients_),
                                .content = receiver_.facts(),
                                .user = user_,
                                .now = context_.clock.Wall(),
                                .peer = "local uid " + std::to_string(local_.uid)},
                               builder_);
  if (accepted.message.user.empty()) accepted.message.tenant = local_.tenant;
  if (smtp::Answer refusal = PrepareSigning(context_, user_, builder_, accepted); !refusal.empty())
    return std::unexpected(std::move(refusal));
  return accepted;
}

}  // namespace sluice::engine
