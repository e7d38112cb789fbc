// engine/base/ip_address.h — IPv4 and IPv6 addresses, networks and endpoints, as values.

#ifndef SLUICE_ENGINE_BASE_IP_ADDRESS_H_
#define SLUICE_ENGINE_BASE_IP_ADDRESS_H_

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sluice {

// An IPv4 address is held as its IPv4-mapped IPv6 form (::ffff:a.b.c.d), so one compare serves
// both.
class IpAddress {
 public:
  constexpr IpAddress() = default;  // ::, unspecified
  static IpAddress V4(uint32_t host_order);
  static IpAddress V6(const std::array<uint8_t, 16>& bytes);
  // Dotted quad or RFC 4291 text, without brackets or zone.
  static std::optional<IpAddress> Parse(std::string_view text);

  bool is_v4() const;
  // Host order; only for is_v4().
  uint32_t v4() const;
  const std::array<uint8_t, 16>& bytes() const { return bytes_; }
  // "192.0.2.1" or "2001:db8::1".
  std::string ToString() const;

  bool IsUnspecified() const;
  bool IsLoopback() const;
  // Addresses no public MX may lead to: unspecified, loopback, private (RFC 1918, RFC 4193),
  // link-local, shared (RFC 6598), documentation, multicast, reserved.
  bool IsSpecial() const;

  friend constexpr auto operator<=>(const IpAddress&, const IpAddress&) = default;

 private:
  std::array<uint8_t, 16> bytes_{};
};

// A CIDR block: "10.0.0.0/8", "2001:db8::/32", or a single address.
struct IpNetwork {
  IpAddress address;
  int prefix = 128;  // counted in the 128-bit form

  static std::optional<IpNetwork> Parse(std::string_view text);
  bool Contains(const IpAddress& other) const;
};

struct Endpoint {
  IpAddress address;
  uint16_t port = 0;

  // "192.0.2.1:25" or "[2001:db8::1]:25".
  static std::optional<Endpoint> Parse(std::string_view text);
  std::string ToString() const;
  friend constexpr auto operator<=>(const Endpoint&, const Endpoint&) = default;
};

}  // namespace sluice

#endif  // SLUICE_ENGINE_BASE_IP_ADDRESS_H_
