#include "engine/submission/password_hash.h"

#include <argon2.h>
#include <openssl/crypto.h>
#include <openssl/rand.h>

#include <array>
#include <charconv>
#include <optional>

#include "engine/base/saslprep.h"
#include "smtp/scram.h"

namespace sluice::engine {
namespace {

constexpr size_t kSaltOctets = 16;
constexpr size_t kHashOctets = 32;
// What a configured string may ask for: more is a mistake that would stop logins.
constexpr uint32_t kMemoryKiBMax = 1024 * 1024;
constexpr uint32_t kPassesMax = 64;
constexpr uint32_t kLanesMax = 16;
constexpr size_t kStringMax = 512;

// Takes "NAME=number" and the sign behind it off `rest`; none: something else stands there.
std::optional<uint32_t> TakeNumber(std::string_view& rest, std::string_view name, char end) {
  if (!rest.starts_with(name)) return std::nullopt;
  rest.remove_prefix(name.size());
  uint32_t number = 0;
  const auto [stop, error] = std::from_chars(rest.data(), rest.data() + rest.size(), number);
  if (error != std::errc() || stop == rest.data() + rest.size() || *stop != end)
    return std::nullopt;
  rest.remove_prefix(size_t(stop - rest.data()) + 1);
  return number;
}

}  // namespace

Result<std::string> HashPassword(std::string_view password) {
  std::array<unsigned char, kSaltOctets> salt;
  if (RAND_bytes(salt.data(), int(salt.size())) != 1)
    return Fail(ErrorCode::kIo, "the system gives no random octets for a salt");
  std::string encoded(argon2_encodedlen(kArgonPasses, kArgonMemoryKiB, kArgonLanes, kSaltOctets,
                                        kHashOctets, Argon2_id),
                      '\0');
  const int error = argon2id_hash_encoded(kArgonPasses, kArgonMemoryKiB, kArgonLanes,
                                          password.data(), password.size(), salt.data(),
                                          salt.size(), kHashOctets, encoded.data(), encoded.size());
  if (error != ARGON2_OK)
    return Fail(ErrorCode::kIo, std::string("argon2: ") + argon2_error_message(error));
  encoded.resize(encoded.find('\0'));
  return encoded;
}

Result<std::string> HashScramPassword(std::string_view password) {
  auto prepared = SaslPrep(password, SaslUse::kStored);
  if (!prepared) return Fail(ErrorCode::kInvalid, "the password " + prepared.error().what);
  std::string salt(smtp::kScramSaltOctets, '\0');
  if (RAND_bytes(reinterpret_cast<unsigned char*>(salt.data()), int(salt.size())) != 1)
    return Fail(ErrorCode::kIo, "the system gives no random octets for a salt");
  std::string keys = smtp::FormatScramKeys(
      smtp::MakeScramKeys(*prepared, std::move(salt), smtp::kScramIterations));
  OPENSSL_cleanse(prepared->data(), prepared->size());
  return keys;
}

bool VerifyPassword(std::string_view hash, std::string_view password) {
  if (const auto keys = smtp::ParseScramKeys(hash)) return smtp::IsScramPassword(*keys, password);
  if (!CheckPasswordHash(hash)) return false;
  const std::string encoded(hash);
  return argon2id_verify(encoded.c_str(), password.data(), password.size()) == ARGON2_OK;
}

Status CheckPasswordHash(std::string_view hash) {
  constexpr std::string_view kPrefix = "$argon2id$v=19$";
  constexpr const char* kAdvice = ": make one with `sluice user hash`";
  if (hash.size() > kStringMax || !hash.starts_with(kPrefix) || hash.contains('\0'))
    return Fail(ErrorCode::kInvalid, std::string("no argon2id string") + kAdvice);
  std::string_view rest = hash.substr(kPrefix.size());
  const auto memory = TakeNumber(rest, "m=", ',');
  const auto passes = memory ? TakeNumber(rest, "t=", ',') : std::nullopt;
  const auto lanes = passes ? TakeNumber(rest, "p=", '$') : std::nullopt;
  const size_t dollar = rest.find('$');
  if (!lanes || dollar == 0 || dollar == std::string_view::npos || dollar + 1 == rest.size())
    return Fail(ErrorCode::kInvalid, std::string("damaged argon2id string") + kAdvice);
  if (*memory > kMemoryKiBMax || *passes > kPassesMax || *lanes > kLanesMax)
    return Fail(ErrorCode::kInvalid, std::string("argon2id parameters out of bounds") + kAdvice);
  return {};
}

}  // namespace sluice::engine
