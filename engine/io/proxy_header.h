// engine/io/proxy_header.h — the header of the PROXY protocol, version 2: the first octets on a
// connection, which tell the other side whose it is.
//
// PURPOSE   Tells a proxy on another box from which of its addresses to connect, and where to.
// NOT HERE  Reading such headers; version 1, which is text.

#ifndef SLUICE_ENGINE_IO_PROXY_HEADER_H_
#define SLUICE_ENGINE_IO_PROXY_HEADER_H_

#include <string>

#include "engine/base/ip_address.h"

namespace sluice::io {

// Both ends are of one family.
std::string ProxyHeaderV2(const Endpoint& from, const Endpoint& to);

}  // namespace sluice::io

#endif  // SLUICE_ENGINE_IO_PROXY_HEADER_H_
