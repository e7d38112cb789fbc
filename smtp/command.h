// smtp/command.h — command lines of a client: verb, path, ESMTP parameters.
//
// PURPOSE   Pure functions over one line without its line end. What they return borrows from it,
//           addresses apart.
// NOT HERE  Sequence, permission, replies to commands (server_session.h).

#ifndef SLUICE_SMTP_COMMAND_H_
#define SLUICE_SMTP_COMMAND_H_

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>

#include "smtp/address.h"
#include "smtp/answer.h"

namespace sluice::smtp {

enum class Verb : uint8_t {
  kHelo,
  kEhlo,
  kMail,
  kRcpt,
  kData,
  kBdat,
  kRset,
  kNoop,
  kQuit,
  kVrfy,
  kExpn,
  kHelp,
  kStartTls,
  kAuth,
  kUnknown,
  kCount,
};

struct CommandLine {
  Verb verb = Verb::kUnknown;
  std::string_view arguments;  // without spaces at both ends
};

CommandLine ParseCommandLine(std::string_view line);

enum class BodyType : uint8_t { kUnset, k7Bit, k8BitMime };
enum class Ret : uint8_t { kUnset, kFull, kHeaders };

// RFC 3461 4.1.
enum Notify : uint8_t {
  kNotifyUnset = 0,
  kNotifyNever = 1,
  kNotifySuccess = 2,
  kNotifyFailure = 4,
  kNotifyDelay = 8,
};

struct MailCommand {
  std::string sender;            // empty: the null sender
  std::optional<uint64_t> size;  // SIZE=
  BodyType body = BodyType::kUnset;
  bool utf8 = false;
  Ret ret = Ret::kUnset;
  std::string envid;  // xtext as given
};

struct RcptCommand {
  std::string address;  // "postmaster" may stand alone
  uint8_t notify = kNotifyUnset;
  std::string orcpt;  // "rfc822;xtext" as given
};

struct BdatCommand {
  uint64_t size = 0;
  bool last = false;
};

// `arguments` of MAIL: "FROM:<...> parameters". The error is the reply.
std::expected<MailCommand, Answer> ParseMail(std::string_view arguments, bool literals);
// `arguments` of RCPT: "TO:<...> parameters". `rules.utf8` as MAIL asked.
std::expected<RcptCommand, Answer> ParseRcpt(std::string_view arguments, const PathRules& rules);
std::expected<BdatCommand, Answer> ParseBdat(std::string_view arguments);
// How many octets follow, where that can be read though the rest cannot.
std::optional<uint64_t> BdatSize(std::string_view arguments);

// Digits only, at most 20, no overflow.
std::optional<uint64_t> ParseNumber(std::string_view text);
// RFC 3461 4: printable ASCII but + and =, or + and two upper-case hex digits.
bool IsXtext(std::string_view text);

}  // namespace sluice::smtp

#endif  // SLUICE_SMTP_COMMAND_H_
