// tools/sink/sink_recorder.h — writes received messages down before they are acknowledged.
//
// PURPOSE   --capture: a JSON line per message; --maildir: a file per message. Each line is one
//           write() to a file opened for appending, so that lines of several threads do not mix and
//           a kill of the sink loses no message that it has answered with 250.
// NOT HERE  fsync: the sink survives being killed, not the loss of power.

#ifndef SLUICE_TOOLS_SINK_SINK_RECORDER_H_
#define SLUICE_TOOLS_SINK_SINK_RECORDER_H_

#include <memory>
#include <string>
#include <string_view>

#include "engine/base/error.h"
#include "tools/sink/sink_session.h"

namespace sluice::tools {

// The value of the first field of that name in the header of `content`, unfolded; empty when there
// is none.
std::string HeaderField(std::string_view content, std::string_view name);
// What follows the blank line.
std::string_view BodyOf(std::string_view content);
// "… id ABC; …" or "… id ABC for …" in a Received field: ABC.
std::string_view ReceivedId(std::string_view received);

// The capture line, with its line end.
std::string FormatCapture(const ReceivedMessage& message);

// One per thread; the files are opened for each. Null when nothing is to be recorded.
Result<std::unique_ptr<MessageRecorder>> MakeRecorder(const std::string& capture,
                                                      const std::string& maildir);

}  // namespace sluice::tools

#endif  // SLUICE_TOOLS_SINK_SINK_RECORDER_H_
