// tools/sink/sink_command.h — the few parts of SMTP commands that the sink looks at.
//
// NOT HERE  The engine's own parsers (smtp/): a receiver that shared them would agree with their
//           mistakes.

#ifndef SLUICE_TOOLS_SINK_SINK_COMMAND_H_
#define SLUICE_TOOLS_SINK_SINK_COMMAND_H_

#include <cstdint>
#include <optional>
#include <string_view>

namespace sluice::tools {

enum class Verb : uint8_t {
  kEhlo,
  kHelo,
  kMail,
  kRcpt,
  kData,
  kBdat,
  kRset,
  kNoop,
  kQuit,
  kStartTls,
  kVrfy,
  kExpn,
  kUnknown,
};

Verb VerbOf(std::string_view word);

struct Path {
  std::string_view address;
  std::string_view params;
};

// "FROM:<a@b> SIZE=1" after its keyword: the path, and what follows. A quoted local part may hold
// '>' and spaces.
std::optional<Path> ParsePath(std::string_view argument, std::string_view keyword);

// A number from 0, and nothing else.
std::optional<int64_t> ParseSize(std::string_view text);

// Cuts the next word off the front.
std::string_view TakeWord(std::string_view& text);

}  // namespace sluice::tools

#endif  // SLUICE_TOOLS_SINK_SINK_COMMAND_H_
