// engine/base/message_id.h — the name of a message: unique for good, ordered by acceptance.
//
// PURPOSE   64 bits: the run of this queue (24 bits, one more at every start) and a count within
//           the run (40 bits). No clock takes part, so a clock that jumps back cannot repeat an id.
//           As text 13 characters of 0-9a-v, in the same order as the numbers.

#ifndef SLUICE_ENGINE_BASE_MESSAGE_ID_H_
#define SLUICE_ENGINE_BASE_MESSAGE_ID_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sluice {

using MessageId = uint64_t;

inline constexpr int kMessageIdCountBits = 40;
inline constexpr size_t kMessageIdChars = 13;

constexpr MessageId FirstMessageIdOfRun(uint64_t run) { return run << kMessageIdCountBits; }

std::string FormatMessageId(MessageId id);
std::optional<MessageId> ParseMessageId(std::string_view text);

}  // namespace sluice

#endif  // SLUICE_ENGINE_BASE_MESSAGE_ID_H_
