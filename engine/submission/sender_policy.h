// engine/submission/sender_policy.h — may this mail go out under its From, and who signs it?
//
// PURPOSE   Design 12.10 and 12.11: a user's From lies in his tenant's domains, a key of another
//           tenant is never used, and unsigned mail goes out only as the configuration says.
// NOT HERE  Several From fields, which are no header (message_builder.h).
// TESTS     tests/engine/submission_signing_test.cc

#ifndef SLUICE_ENGINE_SUBMISSION_SENDER_POLICY_H_
#define SLUICE_ENGINE_SUBMISSION_SENDER_POLICY_H_

#include <string>
#include <string_view>

#include "config/config.h"
#include "engine/signing/keyring.h"
#include "queue/records.h"
#include "smtp/answer.h"
#include "smtp/header_scan.h"

namespace sluice::engine {

struct SenderVerdict {
  smtp::Answer refusal;  // empty: it is taken
  Signers signers;
  // The operator hears that it goes out without a signature of its From domain.
  bool warn = false;
};

// `message` has its tenant, user and class. `user` is null for trusted networks, whose From nobody
// asks about.
SenderVerdict JudgeSender(const config::Config& config, const Keyring& keyring,
                          const smtp::HeaderFacts& header, const config::User* user,
                          const queue::Message& message);

// What the warning says.
std::string UnsignedWords(std::string_view domain, std::string_view tenant);

}  // namespace sluice::engine

#endif  // SLUICE_ENGINE_SUBMISSION_SENDER_POLICY_H_
