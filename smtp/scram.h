// smtp/scram.h — SCRAM-SHA-256 as the server: the exchange, and the keys that stand for a password.
//
// PURPOSE   RFC 5802 and 7677 without channel binding. Messages in, messages out; keys and nonce
//           are handed in. Whoever reads the stored keys cannot log in with them.
// NOT HERE  Base64 and the lines of SMTP (server_session_auth.cc), users (engine/submission).
// SASLPREP  Names and passwords are what RFC 4013 makes of them (engine/base/saslprep.h).
// TESTS     tests/smtp/scram_test.cc

#ifndef SLUICE_SMTP_SCRAM_H_
#define SLUICE_SMTP_SCRAM_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "smtp/answer.h"

namespace sluice::smtp {

// RFC 7677 4: at least 4,096. A client computes that many for a login.
inline constexpr uint32_t kScramIterations = 16'384;
inline constexpr uint32_t kScramIterationsMin = 4'096;
inline constexpr uint32_t kScramIterationsMax = 1'000'000;
inline constexpr size_t kScramSaltOctets = 16;
inline constexpr size_t kScramSaltMax = 64;
inline constexpr size_t kScramKeyOctets = 32;
// Of a client's nonce; ours comes behind it.
inline constexpr size_t kScramNonceMax = 256;

struct ScramKeys {
  uint32_t iterations = kScramIterations;
  std::string salt;
  std::string stored_key;
  std::string server_key;
};

// Of a password that is prepared.
ScramKeys MakeScramKeys(std::string_view password, std::string salt, uint32_t iterations);
// "SCRAM-SHA-256$16384:salt$stored:server" (RFC 5803).
std::string FormatScramKeys(const ScramKeys& keys);
std::optional<ScramKeys> ParseScramKeys(std::string_view text);
// A password given in another way: does it belong to these keys? As dear as kScramIterations.
bool IsScramPassword(const ScramKeys& keys, std::string_view password);
class ScramExchange {
 public:
  // The client's first message. The refusal; empty: user() wants its keys.
  Answer First(std::string_view message);
  const std::string& user() const { return user_; }
  // Our first message. `nonce` is fresh and printable.
  std::string Challenge(ScramKeys keys, std::string_view nonce);
  enum class Proof : uint8_t { kGood, kWrong, kMalformed };
  // The client's last message.
  Proof Last(std::string_view message);
  // Ours: shows the client that we have the keys. After kGood.
  std::string Signature() const;

 private:
  std::string user_;
  std::string header_;  // GS2: what the client said of channel binding
  std::string first_bare_;
  std::string nonce_;
  std::string server_first_;
  ScramKeys keys_;
  std::string signature_;
};

}  // namespace sluice::smtp

#endif  // SLUICE_SMTP_SCRAM_H_
