// config/open_listeners.h — the [[listener]] tables by open port.
//
// PURPOSE   Ports are opened at the start and stay. A reload may add, remove and reorder tables,
//           and what a table says counts for the ports it names, never for another's.
// TESTS     tests/config/restart_test.cc

#ifndef SLUICE_CONFIG_OPEN_LISTENERS_H_
#define SLUICE_CONFIG_OPEN_LISTENERS_H_

#include <string>
#include <vector>

#include "config/config.h"

namespace sluice::config {

// A listener for each address of `listeners`, in their order.
std::vector<Listener> ByAddress(const std::vector<Listener>& listeners);

// What `read` says for each of the `open` listeners, which have one address each, in their order.
// Those whose address no table has stay as they are.
std::vector<Listener> ForOpenPorts(const std::vector<Listener>& open,
                                   const std::vector<Listener>& read);

// "127.0.0.1:587 (submission, starttls)", with all its addresses.
std::string DescribeListener(const Listener& listener);

}  // namespace sluice::config

#endif  // SLUICE_CONFIG_OPEN_LISTENERS_H_
