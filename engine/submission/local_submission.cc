#include "engine/submission/local_submission.h"

#include <algorithm>
#include <utility>

#include "engine/submission/envelope.h"
#include "engine/submission/message_builder.h"
#include "smtp/address.h"
#include "smtp/command.h"

namespace sluice::engine {
namespace {

std::unexpected<smtp::Answer> No(uint16_t code, const char* enhanced, std::string text) {
  return std::unexpected(smtp::Answer{code, enhanced, std::move(text)});
}

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

const config::User* FindUser(const config::Config& config, const std::string& name) {
  const auto found = std::find_if(config.users.begin(), config.users.end(),
                                  [&](const config::User& user) { return user.name == name; });
  return name.empty() || found == config.users.end() ? nullptr : &*found;
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

std::expected<Accepted, smtp::Answer> LocalSubmission::Build(const LocalMessage& local) {
  const config::Config& config = *context_.config;
  if (const Status ready = intake_.Ready(); !ready)
    return No(452, "4.3.1", "No room for more mail: " + ready.error().what);
  if (local.recipients.empty()) return No(554, "5.5.1", "No recipients");
  if (local.recipients.size() > config.limits.recipients)
    return No(552, "5.5.3", "Too many recipients");

  const bool literals = config.submission.address_literals;
  auto asked = ReportsAsked(local);
  if (!asked) return std::unexpected(std::move(asked.error()));
  smtp::MailCommand mail = std::move(asked->mail);
  mail.utf8 = true;  // stored as needed only
  if (!local.sender.empty()) {
    auto sender = LocalAddress(local.sender, literals, config.hostname);
    if (!sender) return No(501, "5.1.7", "Sender " + local.sender + ": " + sender.error());
    mail.sender = std::move(*sender);
  }
  std::vector<queue::Recipient> recipients;
  for (const std::string& text : local.recipients) {
    auto address = LocalAddress(text, literals, config.hostname);
    if (!address) return No(501, "5.1.3", "Recipient " + text + ": " + address.error());
    queue::Recipient& recipient = recipients.emplace_back();
    recipient.address = std::move(*address);
    recipient.notify = asked->notify;
  }

  const config::User* user = FindUser(config, local.user);
  MessageBuilder builder;
  builder.Begin(OriginOf(context_, local, user, recipients.size(), intake_.NewId()),
                &context_.bodies);
  // Bare LF is how local text ends its lines: nothing to refuse.
  smtp::ContentReceiver receiver;
  receiver.Begin({.refuse_long_lines = config.submission.refuse_long_lines,
                  .size_max = config.limits.message_size},
                 &builder);
  receiver.Chunk(local.text);
  receiver.Finish();
  const smtp::ContentFacts& facts = receiver.facts();
  if (facts.fault == smtp::ContentFault::kTooLarge)
    return No(
        552, "5.3.4",
        "Message over the limit of " + std::to_string(config.limits.message_size) + " octets");
  if (facts.fault != smtp::ContentFault::kNone)
    return No(550, "5.6.0", DescribeContent(facts.fault));
  if (smtp::Answer refusal = builder.Finish(); !refusal.empty())
    return std::unexpected(std::move(refusal));
  // What is captured is not sent: no receiver judges its domain.
  const bool captured = user != nullptr && user->deliver == config::User::Deliver::kCapture;
  if (smtp::Answer no = captured ? smtp::Answer{} : intake_.Admit(builder.header().from_domain);
      !no.empty())
    return std::unexpected(std::move(no));

  Accepted accepted = Assemble({.mail = mail,
                                .recipients = std::move(recipients),
                                .content = facts,
                                .user = user,
                                .now = context_.clock.Wall(),
                                .peer = "local uid " + std::to_string(local.uid)},
                               builder);
  if (accepted.message.user.empty()) accepted.message.tenant = local.tenant;
  if (smtp::Answer refusal = PrepareSigning(context_, user, builder, accepted); !refusal.empty())
    return std::unexpected(std::move(refusal));
  return accepted;
}

}  // namespace sluice::engine
