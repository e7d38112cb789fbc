// Tokens from anywhere: nothing crashes, what is believed is one of ours, in one form.

#include <string>

#include "engine/base/check.h"
#include "engine/base/text.h"
#include "smtp/recipient_token.h"
#include "tests/fuzz/fuzz_target.h"

FUZZ_TARGET(recipient_token) {
  using namespace sluice::smtp;
  static const TokenSecrets secrets = TokenSecrets::FromText(std::string(64, '5'), "f").value();
  if (const auto token = secrets.Read(input)) CHECK(secrets.Make(*token) == sluice::Lower(input));
  const auto other = TokenSecrets::FromText(input, "f");
  if (other) CHECK(other->Read(other->Make({TokenKind::kUnsubscribe, 1, 2})).has_value());
}
