// engine/submission/envelope.h — from a finished transaction to queue records: addresses in their
// stored form, class and campaign, flags.
//
// PURPOSE   What network sessions and local senders share. Pure functions.

#ifndef SLUICE_ENGINE_SUBMISSION_ENVELOPE_H_
#define SLUICE_ENGINE_SUBMISSION_ENVELOPE_H_

#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.h"
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

}  // namespace sluice::engine

#endif  // SLUICE_ENGINE_SUBMISSION_ENVELOPE_H_
