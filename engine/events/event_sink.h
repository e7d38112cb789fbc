// engine/events/event_sink.h — where the exporter puts events; a file, or a test's memory.

#ifndef SLUICE_ENGINE_EVENTS_EVENT_SINK_H_
#define SLUICE_ENGINE_EVENTS_EVENT_SINK_H_

#include <cstdint>

#include "engine/base/error.h"
#include "queue/records.h"

namespace sluice::engine {

class EventSink {
 public:
  virtual ~EventSink() = default;
  virtual void Append(uint64_t id, const queue::Event& event) = 0;
  // Makes everything appended since the last Flush durable. After a failure nothing of it counts:
  // the exporter appends all of it again.
  virtual Status Flush() = 0;
};

}  // namespace sluice::engine

#endif  // SLUICE_ENGINE_EVENTS_EVENT_SINK_H_
