// tools/commands/sendmail_arguments.h — the command line that callers of /usr/sbin/sendmail use.
//
// PURPOSE   Single-dash letters with values glued or apart, clusters, `-o` options: not what an
//           ordinary parser reads. Options that make no difference here are taken and ignored;
//           those that ask for another service (daemon, queue listing) are errors.
// RULES     Options end at the first recipient or at `--`, so that a recipient that somebody else
//           chose cannot become an option.

#ifndef SLUICE_TOOLS_COMMANDS_SENDMAIL_ARGUMENTS_H_
#define SLUICE_TOOLS_COMMANDS_SENDMAIL_ARGUMENTS_H_

#include <expected>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "tools/commands/engine_call.h"

namespace sluice::tools {

struct SendmailOptions {
  EngineAddress engine;               // -c or -C FILE, --socket PATH
  bool recipients_in_header = false;  // -t: To, Cc and Bcc, beside those of the command line
  bool dot_is_text = false;           // -i, -oi: a line of a dot alone does not end the message
  std::optional<std::string> sender;  // -f, -r; "" and "<>": the null sender
  std::string full_name;              // -F
  std::string notify;                 // -N: as RFC 3461's NOTIFY, "SUCCESS,FAILURE"
  std::string ret;                    // -R: "HDRS" or "FULL"
  std::string envid;                  // -V
  std::vector<std::string> recipients;
  bool help = false;  // --help
};

// `arguments` without the program's name. The error is for standard error; exit 64.
std::expected<SendmailOptions, std::string> ParseSendmailArguments(
    std::span<const std::string> arguments);

}  // namespace sluice::tools

#endif  // SLUICE_TOOLS_COMMANDS_SENDMAIL_ARGUMENTS_H_
