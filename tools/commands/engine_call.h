// tools/commands/engine_call.h — what the commands that talk to a running engine share: finding its
// socket, asking, telling what went wrong.

#ifndef SLUICE_TOOLS_COMMANDS_ENGINE_CALL_H_
#define SLUICE_TOOLS_COMMANDS_ENGINE_CALL_H_

#include <chrono>
#include <expected>
#include <string>
#include <string_view>

#include "engine/base/error.h"
#include "engine/base/time.h"
#include "tools/commands/views.h"

namespace sluice::tools {

inline constexpr const char* kDefaultConfig = "/etc/sluice/sluice.toml";
inline constexpr const char* kDefaultSocket = "/run/sluice/control.sock";
// Where everybody may hand in mail, as docs/control.md advises.
inline constexpr const char* kDefaultLocalSocket = "/run/sluice/submit.sock";
// All shards answer within a loop's turn; a reload reads certificates.
inline constexpr Duration kAnswerWithin = std::chrono::seconds(30);

struct EngineAddress {
  std::string config;  // -c FILE; empty: kDefaultConfig when it is there
  std::string socket;  // --socket PATH, which wins
};

// What the commands need of a configuration file. Files that it names are not looked at: who may
// use the socket need not be able to read keys.
struct EngineFacts {
  std::string socket;
  std::string hostname;      // empty: not known
  std::string local_socket;  // of `sluice sendmail`; empty: there is none of its own
};

// The file that was named must be right; the default one may be missing, unreadable or wrong, and
// then the defaults count. The error is all that is wrong with the file.
Result<EngineFacts> FindEngine(const EngineAddress& address);

// Sends `request`. What went wrong is on standard error, and the exit status is returned: 2 for
// the configuration, 1 for the rest.
std::expected<Response, int> CallEngine(const EngineAddress& address, const std::string& request,
                                        Duration within = kAnswerWithin);

// One line on standard error: "sluice: what".
void Complain(const std::string& what);
// To standard output; false, with a complaint, when it could not take it all.
bool Print(std::string_view text);

}  // namespace sluice::tools

#endif  // SLUICE_TOOLS_COMMANDS_ENGINE_CALL_H_
