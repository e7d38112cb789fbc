// tools/commands/control_client.h — asks the running engine over its control socket and waits.
//
// PURPOSE   One request, one response, both a line of JSON (docs/control.md). Errors say what an
//           operator can do about them.
// NOT HERE  What is in the lines (views.h, the commands), where the socket is (engine_call.h).
// LIMITS    kResponseMax octets, and a bound in time over the whole exchange.
// THREADS   Blocks the one that calls.

#ifndef SLUICE_TOOLS_COMMANDS_CONTROL_CLIENT_H_
#define SLUICE_TOOLS_COMMANDS_CONTROL_CLIENT_H_

#include <cstddef>
#include <string>
#include <string_view>

#include "engine/base/error.h"
#include "engine/base/time.h"

namespace sluice::tools {

// A message of the largest size in base64, and what stands around it.
inline constexpr size_t kResponseMax = size_t(128) << 20;

// `request` has no line end; the response comes without its own. kNotFound: nobody listens there;
// kDenied: it is not for us; kTimeout: no whole response within `within`; kClosed: the engine hung
// up; kIo: the rest.
Result<std::string> AskEngine(const std::string& socket, std::string_view request, Duration within);

}  // namespace sluice::tools

#endif  // SLUICE_TOOLS_COMMANDS_CONTROL_CLIENT_H_
