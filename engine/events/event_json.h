// engine/events/event_json.h — an event as one JSON line, as docs/events.md describes it.
//
// PURPOSE   Hot: two lines a message. Written by hand into a reused buffer; the date is made once a
//           second.
// RULES     Whatever a peer said comes out as correct JSON and valid UTF-8: control characters are
//           escaped, broken sequences become U+FFFD.

#ifndef SLUICE_ENGINE_EVENTS_EVENT_JSON_H_
#define SLUICE_ENGINE_EVENTS_EVENT_JSON_H_

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "engine/base/time.h"
#include "queue/records.h"

namespace sluice::engine {

// "delivered"; the names of docs/events.md.
std::string_view NameOf(queue::EventType type);

// Appends `text` with quotes and escapes.
void AppendJsonString(std::string_view text, std::string& out);

class EventJson {
 public:
  // Appends one line, newline included.
  void Append(uint64_t id, const queue::Event& event, std::string& out);

 private:
  void AppendTime(WallTime time, std::string& out);
  void AppendOrder(const queue::Event& event, std::string& out);

  int64_t second_ = INT64_MIN;   // that date_ tells
  std::array<char, 20> date_{};  // "2026-11-21T07:51:00."
};

}  // namespace sluice::engine

#endif  // SLUICE_ENGINE_EVENTS_EVENT_JSON_H_
