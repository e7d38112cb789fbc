// tools/commands/sendmail.h — `sluice sendmail`: a message on standard input, to the running
// engine.
//
// PURPOSE   Stands as /usr/sbin/sendmail for cron, PHP, mail(1) and whatever else runs on this
//           machine (design 12.15). There is no spool of its own: without an engine it exits 75,
//           and the caller keeps the message.
// EXIT      0 queued durably; 75 try again (no engine, 4xx); 64 it can never go (usage, 5xx).

#ifndef SLUICE_TOOLS_COMMANDS_SENDMAIL_H_
#define SLUICE_TOOLS_COMMANDS_SENDMAIL_H_

#include <span>
#include <string>

namespace sluice::tools {

inline constexpr int kSendmailUsage = 64;      // EX_USAGE
inline constexpr int kSendmailTemporary = 75;  // EX_TEMPFAIL

// `arguments` without the program's name: sendmail_arguments.h. Returns the exit status.
int Sendmail(std::span<const std::string> arguments);

}  // namespace sluice::tools

#endif  // SLUICE_TOOLS_COMMANDS_SENDMAIL_H_
