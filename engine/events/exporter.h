// engine/events/exporter.h — moves events from the queue's outbox to the event log.
//
// PURPOSE   Outbox rows are read, written to the sink, synced, and only then freed: at least once.
//           After a crash an event may be told again, with the same id; none is ever lost.
// ERRORS    When the sink fails (disk full, folder gone) rows stay in the queue and the next Step
//           tries again; health() tells the operator. Mail goes on.
// THREADS   Step on one thread; health() from any. The free function is called on Step's thread.
// LIMITS    kRowsPerStep rows are in memory at once.

#ifndef SLUICE_ENGINE_EVENTS_EXPORTER_H_
#define SLUICE_ENGINE_EVENTS_EXPORTER_H_

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <utility>

#include "config/config.h"
#include "engine/base/error.h"
#include "engine/base/time.h"
#include "engine/events/event_sink.h"
#include "queue/queue.h"

namespace sluice::engine {

class Exporter {
 public:
  // Tells the writer to free outbox rows up to and with (commit, part).
  using FreeFn = std::function<void(uint64_t commit, uint32_t part)>;

  // An event is in the log within a second; a sync of the log four times a second costs the queue's
  // own syncs next to nothing.
  static constexpr std::chrono::milliseconds kPollInterval{250};
  static constexpr size_t kRowsPerStep = 256;

  // With the log file of the configuration. `queue` and `clock` outlive this.
  static Result<std::unique_ptr<Exporter>> Open(const config::Events& options, queue::Queue& queue,
                                                const Clock& clock, FreeFn free);
  // `queue` outlives this.
  Exporter(queue::Queue& queue, std::unique_ptr<EventSink> sink, FreeFn free)
      : queue_(queue), sink_(std::move(sink)), free_(std::move(free)) {}

  // One round: reads, writes, syncs, frees. True: there is more to do at once.
  bool Step();

  // Good, or why events are not written at present.
  Status health() const;

 private:
  Status Export(bool& more);
  void SetHealth(const Status& status);

  // Borrowed: outlives this.
  queue::Queue& queue_;
  // Owned.
  const std::unique_ptr<EventSink> sink_;
  const FreeFn free_;

  // What was exported, so that a row that is not freed yet is not told twice.
  uint64_t commit_ = 0;
  uint32_t part_ = 0;

  mutable std::mutex mutex_;  // of health_
  Status health_;
};

}  // namespace sluice::engine

#endif  // SLUICE_ENGINE_EVENTS_EXPORTER_H_
