#include "smtp/recipient_token.h"

#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>
#include <utility>

#include "engine/base/check.h"
#include "engine/base/hex.h"
#include "engine/base/text.h"

namespace sluice::smtp {
namespace {

constexpr size_t kNamed = 1 + 8 + 4;  // kind, message, recipient
constexpr size_t kMac = 10;
constexpr size_t kOctets = kNamed + kMac;
static_assert(kTokenChars == (kOctets * 8 + 4) / 5);
static_assert(kTokenChars + sizeof("unsubscribe+") <= 64, "fits a local part (RFC 5321 4.5.3.1.1)");

// As message ids are written.
constexpr std::string_view kDigits = "0123456789abcdefghijklmnopqrstuv";

using Octets = std::array<unsigned char, kOctets>;

void Sign(const TokenSecrets::Secret& secret, const Octets& octets, unsigned char* mac) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> whole{};
  unsigned int length = 0;
  CHECK(HMAC(EVP_sha256(), secret.data(), int(secret.size()), octets.data(), kNamed, whole.data(),
             &length) != nullptr);
  CHECK(length >= kMac);
  std::memcpy(mac, whole.data(), kMac);
}

std::string Encode(const Octets& octets) {
  std::string out;
  uint32_t bits = 0;
  int held = 0;
  for (const unsigned char octet : octets) {
    bits = bits << 8 | octet;
    for (held += 8; held >= 5; held -= 5) out += kDigits[bits >> (held - 5) & 31];
  }
  if (held > 0) out += kDigits[bits << (5 - held) & 31];
  return out;
}

bool Decode(std::string_view text, Octets& out) {
  if (text.size() != kTokenChars) return false;
  uint32_t bits = 0;
  int held = 0;
  size_t n = 0;
  for (const char c : text) {
    const size_t digit = kDigits.find(LowerChar(c));
    if (digit == std::string_view::npos) return false;
    bits = bits << 5 | uint32_t(digit);
    held += 5;
    if (held < 8) continue;
    held -= 8;
    out[n++] = static_cast<unsigned char>(bits >> held & 255);
  }
  // What is left over was written as zeros: one token has one form.
  return n == kOctets && (bits & ((1u << held) - 1)) == 0;
}

std::optional<TokenSecrets::Secret> FromHex(std::string_view line) {
  TokenSecrets::Secret secret{};
  if (line.size() != 2 * secret.size()) return std::nullopt;
  for (size_t i = 0; i < line.size(); ++i) {
    const char c = LowerChar(line[i]);
    if (!IsDigit(c) && (c < 'a' || c > 'f')) return std::nullopt;
    const int value = IsDigit(c) ? c - '0' : c - 'a' + 10;
    secret[i / 2] = static_cast<unsigned char>(secret[i / 2] << 4 | value);
  }
  return secret;
}

std::unexpected<Error> FailFile(const std::string& file, int error) {
  return Fail(ErrorCode::kIo, file + ": " + std::strerror(error));
}

// A new file with a new secret; false: there is one already.
Result<bool> MakeFile(const std::string& file) {
  const int fd = ::open(file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0 && errno == EEXIST) return false;
  if (fd < 0) return FailFile(file, errno);
  TokenSecrets::Secret secret{};
  CHECK(RAND_bytes(secret.data(), int(secret.size())) == 1);
  std::string line = HexOf(secret.data(), secret.size()) + "\n";
  const bool written =
      ::write(fd, line.data(), line.size()) == ssize_t(line.size()) && ::fsync(fd) == 0;
  const int error = errno;
  ::close(fd);
  if (!written) {
    ::unlink(file.c_str());
    return FailFile(file, error);
  }
  return true;
}

}  // namespace

Result<TokenSecrets> TokenSecrets::FromText(std::string_view text, const std::string& file) {
  std::vector<Secret> secrets;
  for (size_t number = 1; !text.empty(); ++number) {
    const size_t end = text.find('\n');
    const std::string_view line = Trim(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (line.empty()) continue;
    const auto secret = FromHex(line);
    if (!secret)
      return Fail(ErrorCode::kInvalid, file + ": line " + std::to_string(number) +
                                           ": no secret of 64 hexadecimal digits");
    secrets.push_back(*secret);
  }
  if (secrets.empty())
    return Fail(ErrorCode::kInvalid,
                file + ": holds no secret; without the file, a new one is made at the next start");
  return TokenSecrets(std::move(secrets));
}

Result<TokenSecrets> TokenSecrets::LoadOrMake(const std::string& file) {
  if (const Result<bool> made = MakeFile(file); !made) return std::unexpected(made.error());
  std::ifstream stream(file, std::ios::binary);
  if (!stream) return FailFile(file, errno);
  const std::string text((std::istreambuf_iterator<char>(stream)), {});
  return FromText(text, file);
}

std::string TokenSecrets::Make(const RecipientToken& token) const {
  Octets octets{};
  size_t n = 0;
  octets[n++] = static_cast<unsigned char>(token.kind);
  for (int shift = 56; shift >= 0; shift -= 8)
    octets[n++] = static_cast<unsigned char>(token.message >> shift);
  for (int shift = 24; shift >= 0; shift -= 8)
    octets[n++] = static_cast<unsigned char>(token.recipient >> shift);
  CHECK(n == kNamed);
  Sign(secrets_.front(), octets, octets.data() + n);
  return Encode(octets);
}

std::optional<RecipientToken> TokenSecrets::Read(std::string_view text) const {
  Octets octets{};
  if (!Decode(text, octets)) return std::nullopt;
  bool ours = false;
  for (const Secret& secret : secrets_) {
    std::array<unsigned char, kMac> mac{};
    Sign(secret, octets, mac.data());
    ours |= CRYPTO_memcmp(mac.data(), octets.data() + kNamed, kMac) == 0;
  }
  RecipientToken token;
  token.kind = TokenKind(octets[0]);
  if (!ours || token.kind != TokenKind::kUnsubscribe) return std::nullopt;
  for (size_t i = 1; i < 9; ++i) token.message = token.message << 8 | octets[i];
  for (size_t i = 9; i < kNamed; ++i) token.recipient = token.recipient << 8 | octets[i];
  return token;
}

}  // namespace sluice::smtp
