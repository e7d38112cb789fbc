#include "engine/base/ip_address.h"

#include <arpa/inet.h>

#include <charconv>
#include <cstring>

#include "engine/base/check.h"

namespace sluice {
namespace {

constexpr std::array<uint8_t, 12> kMapped = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

std::optional<unsigned> ParseDecimal(std::string_view text, unsigned max) {
  unsigned value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value > max) return std::nullopt;
  return value;
}

bool InAny(const IpAddress& address, std::initializer_list<const char*> networks) {
  for (const char* text : networks) {
    const auto network = IpNetwork::Parse(text);
    CHECK(network.has_value());
    if (network->Contains(address)) return true;
  }
  return false;
}

}  // namespace

IpAddress IpAddress::V4(uint32_t host_order) {
  IpAddress out;
  std::memcpy(out.bytes_.data(), kMapped.data(), kMapped.size());
  for (int i = 0; i < 4; ++i) out.bytes_[size_t(12 + i)] = uint8_t(host_order >> (24 - 8 * i));
  return out;
}

IpAddress IpAddress::V6(const std::array<uint8_t, 16>& bytes) {
  IpAddress out;
  out.bytes_ = bytes;
  return out;
}

std::optional<IpAddress> IpAddress::Parse(std::string_view text) {
  if (text.find('\0') != std::string_view::npos) return std::nullopt;  // C text would end there
  const std::string z(text);
  in_addr v4;
  if (inet_pton(AF_INET, z.c_str(), &v4) == 1) return V4(ntohl(v4.s_addr));
  in6_addr v6;
  if (inet_pton(AF_INET6, z.c_str(), &v6) != 1) return std::nullopt;
  IpAddress out;
  std::memcpy(out.bytes_.data(), &v6, sizeof(v6));
  return out;
}

bool IpAddress::is_v4() const {
  return std::memcmp(bytes_.data(), kMapped.data(), kMapped.size()) == 0;
}

uint32_t IpAddress::v4() const {
  CHECK(is_v4());
  return uint32_t(bytes_[12]) << 24 | uint32_t(bytes_[13]) << 16 | uint32_t(bytes_[14]) << 8 |
         bytes_[15];
}

std::string IpAddress::ToString() const {
  std::array<char, INET6_ADDRSTRLEN> out;
  const char* text = is_v4() ? inet_ntop(AF_INET, &bytes_[12], out.data(), out.size())
                             : inet_ntop(AF_INET6, bytes_.data(), out.data(), out.size());
  CHECK(text != nullptr);
  return text;
}

bool IpAddress::IsUnspecified() const { return *this == IpAddress() || (is_v4() && v4() == 0); }

bool IpAddress::IsLoopback() const {
  return is_v4() ? v4() >> 24 == 127 : InAny(*this, {"::1/128"});
}

bool IpAddress::IsSpecial() const {
  if (is_v4()) {
    return InAny(
        *this, {"0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16",
                "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24", "192.168.0.0/16", "198.18.0.0/15",
                "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/3"});
  }
  return !InAny(*this, {"2000::/3"}) || InAny(*this, {"2001:db8::/32"});
}

std::optional<IpNetwork> IpNetwork::Parse(std::string_view text) {
  const size_t slash = text.find('/');
  const auto address = IpAddress::Parse(text.substr(0, slash));
  if (!address) return std::nullopt;
  const unsigned bits = address->is_v4() ? 32 : 128;
  unsigned prefix = bits;
  if (slash != std::string_view::npos) {
    const auto parsed = ParseDecimal(text.substr(slash + 1), bits);
    if (!parsed) return std::nullopt;
    prefix = *parsed;
  }
  return IpNetwork{*address, int(prefix + 128 - bits)};
}

bool IpNetwork::Contains(const IpAddress& other) const {
  const size_t whole = size_t(prefix) / 8;
  if (std::memcmp(address.bytes().data(), other.bytes().data(), whole) != 0) return false;
  const int rest = prefix % 8;
  if (rest == 0) return true;
  const int mask = 0xff << (8 - rest) & 0xff;
  return (address.bytes()[whole] & mask) == (other.bytes()[whole] & mask);
}

std::optional<Endpoint> Endpoint::Parse(std::string_view text) {
  std::string_view host = text;
  const size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  host = text.substr(0, colon);
  const bool bracketed = host.size() >= 2 && host.front() == '[' && host.back() == ']';
  if (bracketed) host = host.substr(1, host.size() - 2);
  const auto address = IpAddress::Parse(host);
  const auto port = ParseDecimal(text.substr(colon + 1), 65535);
  if (!address || !port || address->is_v4() == bracketed) return std::nullopt;
  return Endpoint{*address, uint16_t(*port)};
}

std::string Endpoint::ToString() const {
  const std::string text = address.ToString();
  return (address.is_v4() ? text : "[" + text + "]") + ":" + std::to_string(port);
}

}  // namespace sluice
