// tools/commands/sendmail_message.h — what `sluice sendmail` makes of the text on its standard
// input.
//
// PURPOSE   Where the header ends, who the recipients of -t are, and the fields that a submitting
//           program may leave out. Pure functions, the reader aside.
// NOT HERE  Received, Message-ID, removing Bcc, line ends: the engine does that for all mail.

#ifndef SLUICE_TOOLS_COMMANDS_SENDMAIL_MESSAGE_H_
#define SLUICE_TOOLS_COMMANDS_SENDMAIL_MESSAGE_H_

#include <cstddef>
#include <cstdio>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/error.h"

namespace sluice::tools {

// A request of the control socket holds that much in base64; the engine's own limit on messages is
// told by its answer.
inline constexpr size_t kSendmailMax = size_t(56) << 20;

// To the end of input or, unless `dot_is_text`, to a line of a dot alone. kInvalid: over `max`.
Result<std::string> ReadSubmission(std::FILE* in, bool dot_is_text, size_t max);

struct Split {
  std::string_view header;  // whole lines, without the blank line
  std::string_view body;    // behind the blank line, or from the first line that is no field
};
// A "From " line of mailbox files at the start is left out. Text without a header is all body.
Split SplitMessage(std::string_view text);

// The values of all fields of that name, in order, still folded.
std::vector<std::string_view> FieldValues(std::string_view header, std::string_view name);

// Of To, Cc and Bcc, or of Resent-To, Resent-Cc and Resent-Bcc when any of those is there (RFC 5322
// 3.6.6). The error is a sentence with the field's name.
std::expected<std::vector<std::string>, std::string> HeaderRecipients(std::string_view header);

struct Author {
  std::string full_name;  // UTF-8; empty: none
  std::string address;
};
// "Ann Example <ann@example.com>", quoted or encoded (RFC 2047) where that is needed.
std::string FormatAuthor(const Author& author);

// RFC 3461 4, for ENVID.
std::string Xtext(std::string_view text);

// The message with From and Date where they are missing, and a blank line behind the header.
std::string Complete(std::string_view text, const Author& author, std::string_view date);

}  // namespace sluice::tools

#endif  // SLUICE_TOOLS_COMMANDS_SENDMAIL_MESSAGE_H_
