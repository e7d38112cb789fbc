#include "smtp/scram.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <charconv>
#include <utility>

#include "engine/base/check.h"
#include "engine/base/saslprep.h"
#include "engine/base/text.h"

namespace sluice::smtp {
namespace {

constexpr std::string_view kPrefix = "SCRAM-SHA-256$";

const unsigned char* Octets(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

std::string Hmac(std::string_view key, std::string_view text) {
  std::string out(kScramKeyOctets, '\0');
  unsigned int size = 0;
  CHECK(HMAC(EVP_sha256(), key.data(), int(key.size()), Octets(text), text.size(),
             reinterpret_cast<unsigned char*>(out.data()), &size) != nullptr);
  CHECK(size == out.size());
  return out;
}

std::string Hash(std::string_view text) {
  std::string out(kScramKeyOctets, '\0');
  CHECK(EVP_Digest(text.data(), text.size(), reinterpret_cast<unsigned char*>(out.data()), nullptr,
                   EVP_sha256(), nullptr) == 1);
  return out;
}

bool Same(std::string_view a, std::string_view b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

// Takes "X=value" and the comma behind it off the front; none: something else stands there.
std::optional<std::string_view> TakeAttribute(std::string_view& rest, char name) {
  if (rest.size() < 2 || rest[0] != name || rest[1] != '=') return std::nullopt;
  const size_t comma = rest.find(',');
  const std::string_view value =
      rest.substr(2, comma == std::string_view::npos ? comma : comma - 2);
  rest.remove_prefix(comma == std::string_view::npos ? rest.size() : comma + 1);
  return value;
}

// RFC 5802 5.1: "=2C" is a comma, "=3D" an equals sign, and no other "=" stands there.
std::optional<std::string> NameOf(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    const std::string_view three = text.substr(i, 3);
    if (text[i] != '=') {
      out += text[i];
    } else if (three == "=2C" || three == "=3D") {
      out += three == "=2C" ? ',' : '=';
      i += 2;
    } else {
      return std::nullopt;
    }
  }
  auto prepared = SaslPrep(out, SaslUse::kQuery);
  if (!prepared || prepared->empty()) return std::nullopt;
  return *std::move(prepared);
}

bool IsNonce(std::string_view text) {
  return !text.empty() && text.size() <= kScramNonceMax &&
         std::ranges::all_of(text, [](char c) { return c > 32 && c < 127 && c != ','; });
}

Answer Malformed() { return {501, "5.5.2", "Malformed SCRAM message"}; }

}  // namespace

ScramKeys MakeScramKeys(std::string_view password, std::string salt, uint32_t iterations) {
  std::string salted(kScramKeyOctets, '\0');
  CHECK(PKCS5_PBKDF2_HMAC(password.data(), int(password.size()), Octets(salt), int(salt.size()),
                          int(iterations), EVP_sha256(), int(salted.size()),
                          reinterpret_cast<unsigned char*>(salted.data())) == 1);
  ScramKeys keys{iterations, std::move(salt), Hash(Hmac(salted, "Client Key")),
                 Hmac(salted, "Server Key")};
  OPENSSL_cleanse(salted.data(), salted.size());
  return keys;
}

std::string FormatScramKeys(const ScramKeys& keys) {
  return std::string(kPrefix) + std::to_string(keys.iterations) + ":" + Base64Encode(keys.salt) +
         "$" + Base64Encode(keys.stored_key) + ":" + Base64Encode(keys.server_key);
}

std::optional<ScramKeys> ParseScramKeys(std::string_view text) {
  if (!text.starts_with(kPrefix)) return std::nullopt;
  text.remove_prefix(kPrefix.size());
  const size_t dollar = text.find('$');
  if (dollar == std::string_view::npos) return std::nullopt;
  const std::string_view cost = text.substr(0, dollar);
  const std::string_view pair = text.substr(dollar + 1);
  const size_t colon = cost.find(':');
  const size_t middle = pair.find(':');
  if (colon == std::string_view::npos || middle == std::string_view::npos) return std::nullopt;
  ScramKeys keys;
  const auto [stop, error] = std::from_chars(cost.data(), cost.data() + colon, keys.iterations);
  const bool sound = error == std::errc() && stop == cost.data() + colon &&
                     Base64Decode(cost.substr(colon + 1), keys.salt) &&
                     Base64Decode(pair.substr(0, middle), keys.stored_key) &&
                     Base64Decode(pair.substr(middle + 1), keys.server_key);
  if (!sound || keys.iterations < kScramIterationsMin || keys.iterations > kScramIterationsMax ||
      keys.salt.empty() || keys.salt.size() > kScramSaltMax ||
      keys.stored_key.size() != kScramKeyOctets || keys.server_key.size() != kScramKeyOctets)
    return std::nullopt;
  return keys;
}

bool IsScramPassword(const ScramKeys& keys, std::string_view password) {
  // What cannot be prepared belongs to nobody, and costs as much.
  const std::string prepared = SaslPrep(password, SaslUse::kQuery).value_or(std::string(password));
  const ScramKeys given = MakeScramKeys(prepared, keys.salt, keys.iterations);
  return Same(given.stored_key, keys.stored_key) && Same(given.server_key, keys.server_key);
}

Answer ScramExchange::First(std::string_view message) {
  // "n,," or "y,,", with "a=name" between the commas.
  if (message.starts_with("p="))
    return {504, "5.5.4", "Channel binding is not offered: use SCRAM-SHA-256 without it"};
  if (!message.starts_with("n,") && !message.starts_with("y,")) return Malformed();
  std::string_view rest = message.substr(2);
  std::optional<std::string> identity;
  if (rest.starts_with("a=,")) {
    rest.remove_prefix(2);  // gsasl says so when it has none
  } else if (rest.starts_with("a=")) {
    identity = NameOf(rest.substr(2, std::min(rest.find(','), rest.size()) - 2));
    if (!identity) return Malformed();
  }
  const size_t comma = rest.find(',');
  if (comma == std::string_view::npos || (!identity && comma != 0)) return Malformed();
  rest.remove_prefix(comma + 1);
  header_ = message.substr(0, message.size() - rest.size());
  first_bare_ = rest;
  if (rest.starts_with("m=")) return {501, "5.5.4", "SCRAM extensions are not offered"};
  const auto name = TakeAttribute(rest, 'n');
  const auto nonce = name ? TakeAttribute(rest, 'r') : std::nullopt;
  auto user = nonce ? NameOf(*name) : std::nullopt;
  if (!user || !IsNonce(*nonce)) return Malformed();
  if (identity && *identity != *user) return {535, "5.7.8", "Authentication credentials invalid"};
  user_ = std::move(*user);
  nonce_ = *nonce;
  return {};
}

std::string ScramExchange::Challenge(ScramKeys keys, std::string_view nonce) {
  CHECK(IsNonce(nonce));
  keys_ = std::move(keys);
  nonce_ += nonce;
  server_first_ =
      "r=" + nonce_ + ",s=" + Base64Encode(keys_.salt) + ",i=" + std::to_string(keys_.iterations);
  return server_first_;
}

ScramExchange::Proof ScramExchange::Last(std::string_view message) {
  const size_t proof_at = message.rfind(",p=");
  if (proof_at == std::string_view::npos) return Proof::kMalformed;
  const std::string_view without_proof = message.substr(0, proof_at);
  std::string_view rest = without_proof;
  const auto binding = TakeAttribute(rest, 'c');
  const auto nonce = binding ? TakeAttribute(rest, 'r') : std::nullopt;
  std::string header;
  std::string proof;
  if (!nonce || !Base64Decode(*binding, header) ||
      !Base64Decode(message.substr(proof_at + 3), proof) || proof.size() != kScramKeyOctets)
    return Proof::kMalformed;
  if (header != header_ || *nonce != nonce_) return Proof::kWrong;
  const std::string said = first_bare_ + "," + server_first_ + "," + std::string(without_proof);
  const std::string mask = Hmac(keys_.stored_key, said);
  for (size_t i = 0; i < proof.size(); ++i) proof[i] = char(proof[i] ^ mask[i]);
  if (!Same(Hash(proof), keys_.stored_key)) return Proof::kWrong;
  signature_ = Hmac(keys_.server_key, said);
  return Proof::kGood;
}

std::string ScramExchange::Signature() const {
  CHECK(!signature_.empty());
  return "v=" + Base64Encode(signature_);
}

}  // namespace sluice::smtp
