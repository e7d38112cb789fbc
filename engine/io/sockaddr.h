// engine/io/sockaddr.h — between our Endpoint and the kernel's socket addresses; errno to reason.

#ifndef SLUICE_ENGINE_IO_SOCKADDR_H_
#define SLUICE_ENGINE_IO_SOCKADDR_H_

#include <sys/socket.h>
#include <sys/un.h>

#include <string>

#include "engine/base/ip_address.h"
#include "engine/io/net.h"

namespace sluice::io {

// Returns the length.
socklen_t ToSockaddr(const Endpoint& endpoint, sockaddr_storage& out);
// All zero for other families.
Endpoint FromSockaddr(const sockaddr_storage& address);
// False when the path does not fit.
bool ToSockaddrUnix(const std::string& path, sockaddr_un& out);

// `status` is a negative errno, as libuv gives them.
CloseReason ReasonOf(int status);

}  // namespace sluice::io

#endif  // SLUICE_ENGINE_IO_SOCKADDR_H_
