// engine/submission/envelope.h — from a finished transaction to queue records: addresses in their
// stored form, class and campaign, flags.
//
// PURPOSE   What network sessions and local senders share. Pure functions.

#ifndef SLUICE_ENGINE_SUBMISSION_ENVELOPE_H_
#define SLUICE_ENGINE_SUBMISSION_ENVELOPE_H_

#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.h"
#include "engine/base/error.h"
#include "engine/shard/context.h"
#include "engine/submission/intake.h"
#include "engine/submission/message_builder.h"
#include "queue/records.h"
#include "smtp/address.h"
#include "smtp/answer.h"
#include "smtp/command.h"
#include "smtp/content_receiver.h"

namespace sluice::engine {

// The tenant of mail that came without a login.
inline constexpr char kDefaultTenant[] = "default";

// `address` as the protocol read it: bare names get @hostname, the domain its ASCII form. The error
// says why the domain is none.
std::expected<std::string, std::string> StoredAddress(std::string_view address,
                                                      std::string_view hostname);

// Bulk or transactional by the user's settings; none: by the message.
std::optional<bool> ClassOf(const config::User* user);
// Null: mail without a login.
std::string TenantName(const config::User* user);

struct Submitted {
  const smtp::MailCommand& mail;  // its sender already in stored form
  std::vector<queue::Recipient> recipients;
  const smtp::ContentFacts& content;
  const config::User* user = nullptr;  // null: trusted network, local sender without one
  WallTime now{};
  std::string peer;
};

// Everything but message.body. `builder` has finished without a refusal; its body is taken. A
// recipient named twice is kept once, the first time.
Accepted Assemble(Submitted submitted, MessageBuilder& builder);

// Fields of the header by which the user may steer his mail: the refusal when one makes no sense.
smtp::Answer CheckControlFields(const config::Config& config, const config::User* user,
                                const smtp::HeaderFacts& header, WallTime now);

// What design 12.10 and 12.11 say of a message that is assembled: refused, or with `sign` and
// `unsigned_domain` set. Without a keyring nothing is asked and nothing is signed.
smtp::Answer PrepareSigning(const ShardContext& context, const config::User* user,
                            MessageBuilder& builder, Accepted& accepted);

// What the client hears of a message that the queue did not take; the error itself, which names
// files of the queue, is not for it.
smtp::Answer AnswerNotStored(const Error& error);

// How the body of a message that comes now is hashed; none: no key could sign it.
std::optional<smtp::Canonical> HashOfNewMail(const ShardContext& context);

// List-Unsubscribe and its twin for bulk mail that has none; empty: the tenant wants none added. A
// link names one recipient: mail to several goes without (docs/adr/0013).
std::string UnsubscribeOfNewMail(const ShardContext& context, const std::string& tenant,
                                 size_t recipients, MessageId id);

}  // namespace sluice::engine

#endif  // SLUICE_ENGINE_SUBMISSION_ENVELOPE_H_
