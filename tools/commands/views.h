// tools/commands/views.h — the engine's answers: taken apart, and drawn for people.
//
// PURPOSE   Pure functions over the JSON that control_client.h brings (shapes: docs/control.md). A
//           field that is missing or of another type is shown as empty, so that a command and an
//           engine of neighbouring versions understand each other.

#ifndef SLUICE_TOOLS_COMMANDS_VIEWS_H_
#define SLUICE_TOOLS_COMMANDS_VIEWS_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "engine/base/error.h"

namespace sluice::tools {

struct Response {
  bool ok = false;
  std::string error;  // why not
  int code = 0;       // of a refused message, as an SMTP client would have got it; 0: none
  std::string json;   // all of it
};

// kCorrupt: not an object with "ok".
Result<Response> ReadResponse(std::string line);

// The value of `key` as JSON text; "null" when there is none.
std::string MemberJson(const std::string& json, std::string_view key);
// The same where it is text; empty when it is not.
std::string MemberText(const std::string& json, std::string_view key);
// The texts of the list `key`, as in "a, b".
std::string MemberNames(const std::string& json, std::string_view key);
// The whole answer without "ok".
std::string WithoutOk(const std::string& json);
// Did the engine hold back what does not fit into one answer?
bool HasMore(const std::string& json);

std::string RenderStatus(const std::string& json);
std::string RenderLanes(const std::string& json);
// Of a message: its open recipients and their lanes; of a domain: its lanes, a block each.
std::string RenderExplanation(const std::string& json);
std::string RenderCaptured(const std::string& json);
std::string RenderTlsReports(const std::string& json);

// "2026-11-21T07:51:00.000123Z" as "2026-11-21 07:51:00"; other text stays as it is.
std::string ShortTime(std::string_view rfc3339);
// "1d 2h", "3h 4m", "5m 6s", "7s".
std::string Span(int64_t seconds);
// "17 octets", "1.5 KiB", "3.2 GiB".
std::string Octets(int64_t octets);

}  // namespace sluice::tools

#endif  // SLUICE_TOOLS_COMMANDS_VIEWS_H_
