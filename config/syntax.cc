#include "config/syntax.h"

#include <algorithm>

#include "config/units.h"
#include "engine/base/ip_address.h"
#include "engine/base/text.h"

namespace sluice::config {
namespace {

// Names travel in events and records, which bound them at 128 octets (queue/records.h).
constexpr size_t kMaxNameBytes = 128;
constexpr size_t kMaxTextBytes = 4096;
constexpr size_t kMaxCertificateName = 255;
constexpr size_t kFingerprintDigits = 64;
constexpr uint64_t kMaxHashMemoryKib = 1 << 20;  // 1 GiB for one login is an attack on ourselves
constexpr uint64_t kMaxHashPasses = 64;
constexpr uint64_t kMaxHashLanes = 64;
constexpr std::string_view kScramPrefix = "SCRAM-SHA-256$";
constexpr uint64_t kMinScramIterations = 4'096;  // RFC 7677 4
constexpr uint64_t kMaxScramIterations = 1'000'000;

std::optional<uint64_t> ToNumber(std::string_view digits, uint64_t most) {
  if (digits.empty() || digits.size() > 9) return std::nullopt;
  uint64_t value = 0;
  for (char c : digits) {
    if (!IsDigit(c)) return std::nullopt;
    value = value * 10 + uint64_t(c - '0');
  }
  return value <= most ? std::optional(value) : std::nullopt;
}

// Takes "<prefix><digits><end>" off the front; the number must lie in [1, most].
bool TakeCost(std::string_view& text, std::string_view prefix, char end, uint64_t most) {
  if (!text.starts_with(prefix)) return false;
  text.remove_prefix(prefix.size());
  const size_t length = text.find(end);
  if (length == std::string_view::npos) return false;
  const auto number = ToNumber(text.substr(0, length), most);
  if (!number || *number == 0) return false;
  text.remove_prefix(length + 1);
  return true;
}

bool IsUnpaddedBase64(std::string_view text) {
  return std::ranges::all_of(
      text, [](char c) { return IsAlpha(c) || IsDigit(c) || c == '+' || c == '/'; });
}

}  // namespace

std::vector<std::string_view> SplitChoices(std::string_view choices) {
  std::vector<std::string_view> out;
  for (;;) {
    const size_t bar = choices.find('|');
    out.push_back(choices.substr(0, bar));
    if (bar == std::string_view::npos) return out;
    choices.remove_prefix(bar + 1);
  }
}

std::string WhyNotText(Kind kind, std::string_view text) {
  if (kind == Kind::kHashes) {
    if (IsArgon2idHash(text) || IsScramHash(text)) return {};
    if (text.starts_with(kScramPrefix))
      return "is damaged, or has less than 4096 or more than 1000000 iterations: make it anew with "
             "`sluice user hash --scram`";
    return text.starts_with("$argon2id$") ? "is damaged, or asks for more memory or passes than a "
                                            "login may cost: make it anew "
                                            "with `sluice user hash`"
                                          : "is not an argon2id hash: make one with `sluice user "
                                            "hash` and put its output here";
  }
  if (std::ranges::any_of(text, [](char c) { return uint8_t(c) < 0x20 || c == 0x7f; }))
    return "must not contain control characters";
  if (text.size() > kMaxTextBytes) return "is longer than 4096 octets";
  if (text.empty() && kind != Kind::kText) return "must not be empty";
  if (kind == Kind::kName && text.size() > kMaxNameBytes) return "is longer than 128 octets";
  if ((kind == Kind::kDomain || kind == Kind::kDomains) && !IsDomainName(text, true)) {
    return Quote(text) +
           " is not a fully qualified domain name: write \"mta1.example.com\" (international "
           "names in their xn-- form)";
  }
  if (kind == Kind::kPattern && text != "*" &&
      !IsDomainName(text.starts_with("*.") ? text.substr(2) : text, false))
    return Quote(text) + " is not a domain, \"*.suffix\" or \"*\"";
  if (kind == Kind::kFingerprints && ParseFingerprint(text).empty())
    return Quote(text) +
           " is not a SHA-256 fingerprint: write the 64 hex digits that `openssl x509 -noout "
           "-fingerprint -sha256` prints";
  if (kind == Kind::kCertificateNames && text.size() > kMaxCertificateName)
    return "is longer than 255 octets";
  if (kind == Kind::kSuffixes &&
      !IsDomainName(text.starts_with('.') ? text.substr(1) : text, true) && !IpAddress::Parse(text))
    return Quote(text) + " is no name of hosts: write \".google.com\" or \"mx.example.net\"";
  if (kind == Kind::kFields &&
      !std::ranges::all_of(text, [](char c) { return c > ' ' && c < 0x7f && c != ':'; }))
    return Quote(text) + " is no name of a header field";
  return {};
}

bool IsDomainName(std::string_view text, bool needs_dot) {
  if (text.empty() || text.size() > 253) return false;
  if (needs_dot && text.find('.') == std::string_view::npos) return false;
  size_t label = 0;
  char last = '.';
  for (char c : text) {
    if (c == '.') {
      if (label == 0 || last == '-') return false;
      label = 0;
    } else {
      const bool inner = c == '-' || c == '_';
      if (!IsAlpha(c) && !IsDigit(c) && !inner) return false;
      if (c == '-' && label == 0) return false;
      if (++label > 63) return false;
    }
    last = c;
  }
  // An all-digit last label is an address, not a name.
  const std::string_view top = text.substr(text.rfind('.') + 1);
  return label > 0 && last != '-' && !std::ranges::all_of(top, IsDigit);
}

bool IsArgon2idHash(std::string_view text) {
  if (text.size() > 512) return false;
  if (!TakeCost(text, "$argon2id$v=", '$', 19)) return false;
  if (!TakeCost(text, "m=", ',', kMaxHashMemoryKib)) return false;
  if (!TakeCost(text, "t=", ',', kMaxHashPasses)) return false;
  if (!TakeCost(text, "p=", '$', kMaxHashLanes)) return false;
  const size_t dollar = text.find('$');
  if (dollar == std::string_view::npos) return false;
  const std::string_view salt = text.substr(0, dollar);
  const std::string_view hash = text.substr(dollar + 1);
  // 8 octets of salt and 16 of hash, in base64, are the least that makes sense.
  return salt.size() >= 11 && hash.size() >= 22 && IsUnpaddedBase64(salt) && IsUnpaddedBase64(hash);
}

bool IsScramHash(std::string_view text) {
  // 32 octets in base64.
  const auto is_key = [](std::string_view key) {
    return key.size() == 44 && key.ends_with('=') && IsUnpaddedBase64(key.substr(0, 43));
  };
  if (text.size() > 512 || !text.starts_with(kScramPrefix)) return false;
  text.remove_prefix(kScramPrefix.size());
  const size_t colon = text.find(':');
  const size_t dollar = text.find('$');
  if (colon == std::string_view::npos || dollar == std::string_view::npos || dollar < colon)
    return false;
  const auto iterations = ToNumber(text.substr(0, colon), kMaxScramIterations);
  std::string_view salt = text.substr(colon + 1, dollar - colon - 1);
  while (salt.ends_with('=')) salt.remove_suffix(1);
  const std::string_view keys = text.substr(dollar + 1);
  return iterations && *iterations >= kMinScramIterations && salt.size() >= 11 &&
         salt.size() <= 86 && IsUnpaddedBase64(salt) && keys.size() == 89 && keys[44] == ':' &&
         is_key(keys.substr(0, 44)) && is_key(keys.substr(45));
}

std::string ParseFingerprint(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == ':' && out.size() % 2 == 0 && !out.empty() && i + 1 < text.size()) continue;
    if (!IsDigit(c) && !(c >= 'a' && c <= 'f') && !(c >= 'A' && c <= 'F')) return {};
    out += c;
  }
  return out.size() == kFingerprintDigits ? Lower(out) : std::string();
}

std::optional<RouteHost> ParseRouteHost(std::string_view text) {
  if (const auto endpoint = Endpoint::Parse(text)) {
    if (endpoint->port == 0) return std::nullopt;
    return RouteHost{endpoint->address.ToString(), endpoint->port};
  }
  std::string_view bare = text;
  if (bare.starts_with('[') && bare.ends_with(']')) bare = bare.substr(1, bare.size() - 2);
  if (const auto address = IpAddress::Parse(bare)) return RouteHost{address->ToString(), 25};
  RouteHost out;
  const size_t colon = text.rfind(':');
  if (colon != std::string_view::npos) {
    const auto port = ToNumber(text.substr(colon + 1), 65535);
    if (!port || *port == 0) return std::nullopt;
    out.port = uint16_t(*port);
    text = text.substr(0, colon);
  }
  if (!IsDomainName(text, false)) return std::nullopt;
  out.host = Lower(text);
  return out;
}

bool IsMailbox(std::string_view text, size_t local_max, std::string_view more) {
  const size_t at = text.find('@');
  if (at == std::string_view::npos || at == 0 || at > local_max) return false;
  const auto plain = [more](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || IsDigit(c) || c == '.' || c == '-' ||
           more.contains(c);
  };
  return std::ranges::all_of(text.substr(0, at), plain) && IsDomainName(text.substr(at + 1), true);
}

}  // namespace sluice::config
