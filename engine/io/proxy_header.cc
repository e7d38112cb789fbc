#include "engine/io/proxy_header.h"

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "engine/base/check.h"

namespace sluice::io {
namespace {

constexpr std::string_view kSignature("\r\n\r\n\0\r\nQUIT\n", 12);
constexpr char kVersion2Proxy = 0x21;  // the command PROXY: on behalf of somebody else
constexpr char kTcpOverV4 = 0x11;
constexpr char kTcpOverV6 = 0x21;

void PutAddress(std::string& out, const IpAddress& address) {
  const auto& bytes = address.bytes();
  for (size_t i = address.is_v4() ? 12 : 0; i < bytes.size(); ++i) out.push_back(char(bytes[i]));
}

void PutNumber(std::string& out, size_t number) {
  out.push_back(char(uint8_t(number >> 8)));
  out.push_back(char(uint8_t(number)));
}

}  // namespace

std::string ProxyHeaderV2(const Endpoint& from, const Endpoint& to) {
  CHECK(from.address.is_v4() == to.address.is_v4());
  const bool v4 = from.address.is_v4();
  std::string out(kSignature);
  out.push_back(kVersion2Proxy);
  out.push_back(v4 ? kTcpOverV4 : kTcpOverV6);
  PutNumber(out, v4 ? 2 * 4 + 4 : 2 * 16 + 4);
  PutAddress(out, from.address);
  PutAddress(out, to.address);
  PutNumber(out, from.port);
  PutNumber(out, to.port);
  return out;
}

}  // namespace sluice::io
