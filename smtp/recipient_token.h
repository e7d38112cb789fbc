// smtp/recipient_token.h — short signed words that name one recipient of one message.
//
// PURPOSE   What leaves with a message and comes back with it: unsubscribe links and addresses.
//           A token cannot be guessed or changed, fits a local part (kTokenChars), and survives
//           being written in capitals.
// FORMAT    Base 32 of [kind][message id, 8][recipient, 4][HMAC-SHA256 of those, first 10 octets].
// THREADS   Pure functions; TokenSecrets is immutable once made.
// TESTS     tests/smtp/recipient_token_test.cc, tests/fuzz/fuzz_recipient_token.cc

#ifndef SLUICE_SMTP_RECIPIENT_TOKEN_H_
#define SLUICE_SMTP_RECIPIENT_TOKEN_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/error.h"
#include "engine/base/message_id.h"

namespace sluice::smtp {

enum class TokenKind : uint8_t { kUnsubscribe = 1 };

struct RecipientToken {
  TokenKind kind = TokenKind::kUnsubscribe;
  MessageId message = 0;
  uint32_t recipient = 0;  // its index in the message

  friend bool operator==(const RecipientToken&, const RecipientToken&) = default;
};

inline constexpr size_t kTokenChars = 37;

class TokenSecrets {
 public:
  static constexpr size_t kSecretBytes = 32;
  using Secret = std::array<unsigned char, kSecretBytes>;

  // One secret a line, in hex; the first one signs, all are believed: to change it, put a new line
  // on top and take the old one away when its tokens have aged. `file` is what errors call it.
  static Result<TokenSecrets> FromText(std::string_view text, const std::string& file);
  // From `file`, which is made (0600) with a new secret when it is not there.
  static Result<TokenSecrets> LoadOrMake(const std::string& file);

  std::string Make(const RecipientToken& token) const;
  // None: not one of ours.
  std::optional<RecipientToken> Read(std::string_view text) const;

 private:
  explicit TokenSecrets(std::vector<Secret> secrets) : secrets_(std::move(secrets)) {}

  std::vector<Secret> secrets_;  // never empty
};

}  // namespace sluice::smtp

#endif  // SLUICE_SMTP_RECIPIENT_TOKEN_H_
