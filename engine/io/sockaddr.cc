#include "engine/io/sockaddr.h"

#include <netinet/in.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "engine/base/check.h"

namespace sluice::io {

socklen_t ToSockaddr(const Endpoint& endpoint, sockaddr_storage& out) {
  std::memset(&out, 0, sizeof(out));
  if (endpoint.address.is_v4()) {
    sockaddr_in v4{};
    v4.sin_family = AF_INET;
    v4.sin_port = htons(endpoint.port);
    v4.sin_addr.s_addr = htonl(endpoint.address.v4());
    std::memcpy(&out, &v4, sizeof(v4));
    return sizeof(v4);
  }
  sockaddr_in6 v6{};
  v6.sin6_family = AF_INET6;
  v6.sin6_port = htons(endpoint.port);
  std::memcpy(&v6.sin6_addr, endpoint.address.bytes().data(), sizeof(v6.sin6_addr));
  std::memcpy(&out, &v6, sizeof(v6));
  return sizeof(v6);
}

Endpoint FromSockaddr(const sockaddr_storage& address) {
  if (address.ss_family == AF_INET) {
    sockaddr_in v4;
    std::memcpy(&v4, &address, sizeof(v4));
    return {IpAddress::V4(ntohl(v4.sin_addr.s_addr)), ntohs(v4.sin_port)};
  }
  if (address.ss_family == AF_INET6) {
    sockaddr_in6 v6;
    std::memcpy(&v6, &address, sizeof(v6));
    std::array<uint8_t, 16> bytes;
    std::memcpy(bytes.data(), &v6.sin6_addr, bytes.size());
    return {IpAddress::V6(bytes), ntohs(v6.sin6_port)};
  }
  return {};
}

bool ToSockaddrUnix(const std::string& path, sockaddr_un& out) {
  std::memset(&out, 0, sizeof(out));
  out.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof(out.sun_path)) return false;
  std::memcpy(out.sun_path, path.data(), path.size());
  return true;
}

CloseReason ReasonOf(int status) {
  CHECK(status < 0);
  switch (-status) {
    case ECONNREFUSED:
    case ENOENT:  // a unix socket's file
      return CloseReason::kRefused;
    case ENETUNREACH:
    case EHOSTUNREACH:
    case ENETDOWN:
    case EHOSTDOWN:
    case EAFNOSUPPORT:
      return CloseReason::kUnreachable;
    case EADDRNOTAVAIL:
      return CloseReason::kNoAddress;
    case ECONNRESET:
    case ECONNABORTED:
    case EPIPE:
      return CloseReason::kReset;
    case ETIMEDOUT:
      return CloseReason::kTimedOut;
    default:
      return CloseReason::kError;
  }
}

}  // namespace sluice::io
