// tools/commands/address_list.h — the mailboxes in a To, Cc or Bcc field.
//
// PURPOSE   RFC 5322 address lists as people and programs write them: display names, comments,
//           quoted strings, groups, source routes, folding. Only the addresses come out, as they
//           would stand in RCPT TO, bare local names ("root") too.
// LIMITS    A pure function; time is linear in the value.

#ifndef SLUICE_TOOLS_COMMANDS_ADDRESS_LIST_H_
#define SLUICE_TOOLS_COMMANDS_ADDRESS_LIST_H_

#include <expected>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::tools {

// Empty groups and stray commas give nothing. The error is a sentence that quotes the place.
std::expected<std::vector<std::string>, std::string> ParseAddressList(std::string_view value);

}  // namespace sluice::tools

#endif  // SLUICE_TOOLS_COMMANDS_ADDRESS_LIST_H_
